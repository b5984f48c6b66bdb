import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

EMBEDDED = """
import signal
from pathlib import Path
from launch.embedded import start_embedded
from prefect.server.api.server import SubprocessASGIServer

start_embedded()
embedded = SubprocessASGIServer()
for status in ("self", embedded.server_process.pid):
    words = Path(f"/proc/{status}/status").read_text().split()
    print(int(words[words.index("SigBlk:") + 1], 16) >> (signal.SIGINT - 1) & 1)
embedded.stop()
"""


def test_ctrl_c_in_a_terminal_reaches_us_and_not_the_embedded_server(home: Path) -> None:
    # in a process of its own: the embedded server is one a process, and others use this one's
    ended = subprocess.run([sys.executable, "-c", EMBEDDED], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["0", "1"]


STARTED = """
import threading, time
from launch.embedded import start_embedded
from prefect.server.api.server import SubprocessASGIServer

thread = threading.Thread(target=start_embedded)
thread.start()
thread.join()
print(SubprocessASGIServer().server_process.pid, flush=True)
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


BUSY = """
import httpx
from launch.embedded import start_embedded
from prefect.server.api.server import SubprocessASGIServer

def look():
    try:
        httpx.get(SubprocessASGIServer().api_url + "/health")
    except httpx.ConnectError:
        print("starting")

start_embedded(meanwhile=look)
print(httpx.get(SubprocessASGIServer().api_url + "/health").status_code)
SubprocessASGIServer().stop()
"""


def test_the_time_that_the_server_takes_to_start_is_used(home: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", BUSY], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["starting", "200"]


STOPPED = """
import psutil
from launch.embedded import start_embedded
from prefect.server.api.server import SubprocessASGIServer

start_embedded()
SubprocessASGIServer().stop()
print(psutil.Process().children(recursive=True))
"""


def test_a_stopped_one_leaves_nothing_behind(home: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", STOPPED], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["[]"]
