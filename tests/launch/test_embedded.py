import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from errors import Unavailable
from launch import embedded

# In a process of its own: the embedded server is one a process, and others use this one's.
LIFE = """
import json, signal
from pathlib import Path

import httpx
import psutil

from launch import embedded

seen = {}

def look():
    try:
        httpx.get(embedded.started.url + "/health", timeout=0.1)
    except httpx.ReadTimeout:
        seen["meanwhile"] = "starting"

def blocks_ctrl_c(process):
    words = Path(f"/proc/{process}/status").read_text().split()
    return bool(int(words[words.index("SigBlk:") + 1], 16) >> (signal.SIGINT - 1) & 1)

embedded.start_embedded(meanwhile=look)
seen["then"] = httpx.get(embedded.started.url + "/health").status_code
seen["blocked"] = [blocks_ctrl_c(process) for process in ("self", embedded.started.process.pid)]
embedded.started.stop()
seen["left"] = len(psutil.Process().children(recursive=True))
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What was seen of a server that was started and stopped."""
    environ = {**os.environ, "LUTHIER_HOME": str(tmp_path_factory.mktemp("embedded") / "home")}
    ended = subprocess.run(
        [sys.executable, "-c", LIFE], env=environ, capture_output=True, text=True, check=True
    )
    return json.loads(ended.stdout)


def test_ctrl_c_in_a_terminal_reaches_us_and_not_the_embedded_server(life: Any) -> None:
    assert life["blocked"] == [False, True]


def test_the_time_that_the_server_takes_to_start_is_used(life: Any) -> None:
    assert (life["meanwhile"], life["then"]) == ("starting", 200)


def test_a_stopped_one_leaves_nothing_behind(life: Any) -> None:
    assert life["left"] == 0


STARTED = """
import threading, time
from launch import embedded

thread = threading.Thread(target=embedded.start_embedded)
thread.start()
thread.join()
print(embedded.started.process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_the_embedded_server_lives_as_long_as_the_process_that_started_it(home: Path, end: int) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTED], stdout=subprocess.PIPE) as process:
        assert process.stdout
        # the thread that started it has ended
        server = psutil.Process(int(process.stdout.readline()))
        assert server.is_running()
        process.send_signal(end)
    server.wait(timeout=60)


USED = """
import os, sys
from launch import embedded

embedded.start_embedded()
from prefect import flow, get_client

@flow
def of_one_step():
    return 1

of_one_step()
with get_client(sync_client=True) as client:
    print(client.api_url == embedded.started.url + "/", len(client.read_flow_runs()))
embedded.start_embedded()
print("prefect.server" in sys.modules, "PREFECT_API_URL" in os.environ)
embedded.started.stop()
embedded.start_embedded()
with get_client(sync_client=True) as client:
    print(client.api_url == embedded.started.url + "/", len(client.read_flow_runs()))
"""


def test_prefect_uses_it_and_nobody_that_this_process_starts(home: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", USED], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["True 1", "False False", "True 1"]


def test_one_that_is_late_or_ends_is_told(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    late = embedded.EmbeddedServer()
    with pytest.raises(Unavailable, match="did not start in time") as error:
        late.wait_until_ready(0.01)
    assert "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS" in error.value.hint
    assert not late.runs

    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "sqlite+aiosqlite:////nowhere/at/all.db")
    broken = embedded.EmbeddedServer()
    with pytest.raises(Unavailable, match="could not start") as error:
        broken.wait_until_ready(120)
    assert not broken.runs
    assert str(broken.log) in error.value.hint and "unable to open database" in broken.log.read_text()
