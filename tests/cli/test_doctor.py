"""`luthier doctor` against things that work and things that don't."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import cli
from settings import settings
from tests.vendors.openai_vendor import OpenAIVendor


@pytest.fixture
def checked(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """Exit code, and the checks by name."""

    def run(**environment: str) -> tuple[int, dict[str, dict[str, str]]]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        monkeypatch.setattr(sys, "argv", ["luthier", "doctor", "--json"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        found = json.loads(capfd.readouterr().out)["checks"]
        return int(ended.value.code or 0), {check["name"]: check for check in found}

    return run


def test_a_fresh_home_is_sound_and_stays_untouched(checked, home):
    code, found = checked()
    assert code == 0
    assert found["registry"]["state"] == "ok" and "first use" in found["registry"]["message"]
    assert not (home / "luthier.db").exists()


def test_a_home_that_others_can_read_is_told_with_the_command_that_closes_it(checked, home):
    home.mkdir(mode=0o755)
    code, found = checked()
    assert (code, found["home"]["state"]) == (0, "warning")
    assert f"chmod 700 {home}" in found["home"]["hint"]


def test_a_home_that_is_a_file_is_wrong(checked, home):
    home.write_text("a file")
    code, found = checked()
    assert (code, found["home"]["state"]) == (3, "wrong")


def test_a_vendor_is_really_asked(checked):
    with OpenAIVendor(checked=False) as vendor:
        code, found = checked(OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=f"{vendor.url}/v1")
    assert (code, found["openai"]["state"]) == (0, "ok")
    assert "models" in found["openai"]["message"]


NOWHERE = "http://127.0.0.1:9/api"


def test_what_is_set_up_and_does_not_work_ends_with_code_three(checked):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    # other tests of this process may have a server of their own
    with temporary_settings({PREFECT_API_URL: NOWHERE}):
        code, found = checked(
            OPENAI_API_KEY="sk-test", OPENAI_BASE_URL="http://127.0.0.1:9/v1", PREFECT_API_URL=NOWHERE
        )
    assert code == 3
    assert {name for name, check in found.items() if check["state"] == "wrong"} == {"openai", "prefect"}
    assert "prefect server start" in found["prefect"]["hint"]


def test_a_bucket_is_written_read_and_emptied_again(checked, bucket):
    import s3fs

    code, found = checked(LUTHIER_STORE=bucket)
    assert (code, found["store"]["state"]) == (0, "ok")
    assert s3fs.S3FileSystem().find(bucket) == []
