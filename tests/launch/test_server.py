import json
import subprocess
import sys
from pathlib import Path

import pytest

from launch.server import check_loopback

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
