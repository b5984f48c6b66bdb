import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from errors import NotConfigured, Unavailable
from launch import server
from launch.server import check_loopback, check_room

NAMESPACE = ["unshare", "--map-root-user", "--net"]  # without routes, its loopback interface down


def has_namespaces() -> bool:
    try:
        return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not has_namespaces(), reason="this machine lets nobody make a network namespace")
def test_where_the_loopback_interface_is_down_a_sentence_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Boats\n\nThe night boat leaves at ten.\n")
    luthier = str(Path(sys.executable).with_name("luthier"))
    command = [luthier, "prepare", "a.md", "--use-case", "Answer questions", "--json"]
    ended = subprocess.run([*NAMESPACE, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    error = json.loads(ended.stdout)["error"]
    assert (ended.returncode, error["code"]) == (3, "not_configured")
    assert "127.0.0.1 (Network is unreachable)" in error["message"]
    assert "ip link set lo up" in error["hint"]


def test_a_machine_that_reaches_itself_passes() -> None:
    check_loopback()


def test_a_server_that_is_gone_is_told_with_what_to_do_next() -> None:
    embedded = temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"})
    with pytest.raises(Unavailable, match="ended from outside") as gone, embedded, server.reaching(""):
        httpx.get("http://127.0.0.1:9")
    assert "Run the same command again" in gone.value.hint
    with (
        pytest.raises(Unavailable, match=r"127\.0\.0\.1:9 can't be reached"),
        server.reaching("http://127.0.0.1:9"),
    ):
        httpx.get("http://127.0.0.1:9")
    with pytest.raises(RuntimeError, match="of ours"), server.reaching(""):
        raise RuntimeError("a fault of ours")


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:4200/api"])
def test_what_others_can_t_reach_is_not_blamed_on_the_server(address: str) -> None:
    with pytest.raises(httpx.ConnectError), server.reaching(address):
        httpx.get("http://127.0.0.1:9")


def test_a_full_disk_is_told_before_a_server_starts_on_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_room()
    monkeypatch.setattr(server, "ROOM", 1 << 60)
    with pytest.raises(NotConfigured, match=r"MB are left on the disk of .*home") as refused:
        check_room()
    assert "Make room" in refused.value.hint
