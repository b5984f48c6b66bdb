"""`luthier keys` and `luthier serve` as commands."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def luthier(tmp_path):
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "import cli; cli.main()", *arguments],
            cwd=ROOT,
            env={**os.environ, "LUTHIER_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
        )

    return run


def test_a_key_is_created_listed_by_prefix_and_revoked(luthier):
    made = json.loads(luthier("keys", "create", "laptop", "--days", "30", "--json").stdout)
    assert made["key"].startswith(made["prefix"])
    listed = luthier("keys", "list", "--json").stdout
    assert made["key"] not in listed
    assert [key["name"] for key in json.loads(listed)["keys"]] == ["laptop"]
    assert json.loads(luthier("keys", "revoke", "laptop", "--json").stdout) == {"revoked": made["id"]}
    again = luthier("keys", "revoke", "laptop")
    assert (again.returncode, "names no active key" in again.stderr) == (2, True)


def test_a_port_that_is_taken_is_told_before_anything_starts(luthier):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = luthier("serve", "--port", str(taken.getsockname()[1]), "--json")
    assert done.returncode == 3
    assert "can't listen" in json.loads(done.stdout)["error"]["message"]
