"""`luthier deploy` against real servers: an empty one, one that an operator tuned, and none that will do."""

import json
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

from tests.asking import CLIENT
from tests.launch.conftest import Furnished
from tests.prefect_server import BIN, ROOT, environment, free_port, prefect_server


def refusal(home: Path, **environ: str) -> tuple[int, dict[str, str]]:
    """The exit code of `luthier deploy` and the error that it printed."""
    command = [str(BIN / "luthier"), "deploy", "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(home, **environ), capture_output=True, text=True, check=False
    )
    return done.returncode, json.loads(done.stdout)["error"]


def test_a_second_time_changes_nothing_and_what_an_operator_tuned_stays(
    furnished: Furnished, tmp_path: Path
) -> None:
    limits = f"{furnished.api}/v2/concurrency_limits"
    CLIENT.patch(f"{limits}/gpu", json={"limit": 4}).raise_for_status()
    deployment = CLIENT.get(f"{furnished.api}/deployments/name/fine-tune/own-hardware").json()
    CLIENT.patch(f"{furnished.api}/deployments/{deployment['id']}", json={"tags": []}).raise_for_status()
    tuned = {(one["name"], one["done"]): one["note"] for one in furnished.deploy(tmp_path)["changes"]}
    assert "4" in tuned["gpu", "left alone"]
    assert tuned["fine-tune/own-hardware", "changed"] == "tags"
    assert {name for name, done in tuned if done != "unchanged"} == {"gpu", "fine-tune/own-hardware"}
    CLIENT.patch(f"{limits}/gpu", json={"limit": 1}).raise_for_status()

    again = furnished.deploy(tmp_path)
    assert set(again["counts"]) == {"unchanged"}
    entries = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    made = {change["name"] for change in again["changes"] if change["kind"] == "deployment"}
    assert len(made) == len(entries)
    kinds = {change["kind"] for change in again["changes"]}
    assert kinds == {"work pool", "limit", "block", "automation", "deployment"}


def test_a_schedule_of_an_earlier_version_goes_and_the_operators_own_stays(
    furnished: Furnished, tmp_path: Path
) -> None:
    def schedules(name: str) -> str:
        deployment = CLIENT.get(f"{furnished.api}/deployments/name/{name}").json()
        return f"{furnished.api}/deployments/{deployment['id']}/schedules"

    earlier = {"schedule": {"interval": 300}, "active": True, "slug": "of-before"}
    own = {"schedule": {"cron": "0 3 * * *"}, "active": False}
    polling, reaping = schedules("sync-jobs/every-minute"), schedules("reap-jobs/hosted")
    CLIENT.post(polling, json=[earlier]).raise_for_status()
    CLIENT.post(reaping, json=[earlier, own]).raise_for_status()
    told = {(one["name"], one["done"]): one["note"] for one in furnished.deploy(tmp_path)["changes"]}
    assert told["sync-jobs/every-minute", "changed"] == told["reap-jobs/hosted", "changed"] == "schedules"
    assert [one["slug"] for one in CLIENT.get(polling).json()] == ["every-minute"]
    (kept,) = CLIENT.get(reaping).json()
    assert (kept["schedule"]["cron"], kept["active"]) == ("0 3 * * *", False)
    assert set(furnished.deploy(tmp_path)["counts"]) == {"unchanged"}


def test_no_secret_and_no_key_is_in_what_the_server_shows(furnished: Furnished) -> None:
    blocks = CLIENT.post(f"{furnished.api}/block_documents/filter", json={}).json()
    deployments = CLIENT.post(f"{furnished.api}/deployments/filter", json={}).json()
    shown = json.dumps([blocks, deployments])
    assert "remote-file-system" in shown
    assert not any(place in shown for place in furnished.shared["LUTHIER_NOTIFY"].split())
    assert "AWS_SECRET_ACCESS_KEY" not in shown


def test_an_address_that_nothing_can_send_to_is_refused(furnished: Furnished, tmp_path: Path) -> None:
    given = furnished.shared | {"LUTHIER_NOTIFY": "telegraph://user:word@here"}
    code, error = refusal(tmp_path, PREFECT_API_URL=furnished.api, **given)
    assert (code, error["code"]) == (3, "not_configured")
    assert "telegraph://" in error["message"] and "word" not in error["message"]
    assert set(furnished.deploy(tmp_path)["counts"]) == {"unchanged"}


def test_without_a_server_it_says_how_to_get_one(tmp_path: Path) -> None:
    code, error = refusal(tmp_path)
    assert (code, error["code"]) == (3, "not_configured") and "PREFECT_API_URL" in error["hint"]
    address = f"http://127.0.0.1:{free_port()}/api"
    code, error = refusal(tmp_path, PREFECT_API_URL=address)
    assert (code, error["code"]) == (6, "provider_error") and address in error["message"]


def test_a_server_that_asks_for_a_password_names_the_setting(tmp_path: Path) -> None:
    with prefect_server(tmp_path / "server", PREFECT_SERVER_API_AUTH_STRING="admin:pass") as api:
        code, error = refusal(tmp_path, PREFECT_API_URL=api)
        assert (code, error["code"]) == (3, "not_configured")
        assert "PREFECT_API_AUTH_STRING" in error["hint"] and "pass" not in error["message"]
        given = Furnished(api, {"PREFECT_API_AUTH_STRING": "admin:pass"}, [])
        assert given.deploy(tmp_path)["counts"].keys() == {"created"}


@pytest.mark.parametrize(("status", "body", "word"), [(200, '"2.20.1"', "2.20.1"), (404, "{}", "/api")])
def test_an_old_server_or_another_program_is_told_apart(
    status: int, body: str, word: str, tmp_path: Path
) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    Thread(target=server.serve_forever, daemon=True).start()
    code, error = refusal(tmp_path, PREFECT_API_URL=f"http://127.0.0.1:{server.server_port}/api")
    server.shutdown()
    assert (code, error["code"]) == (3, "not_configured") and word in error["message"] + error["hint"]
