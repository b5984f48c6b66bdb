"""A run's process that outlives its worker ends as soon as it has something to say."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.carried_jobs import state_of

pytestmark = pytest.mark.usefixtures("prefect_server")

RUN = """
import sys
from pathlib import Path
from prefect import flow, get_run_logger
from prefect.runtime import flow_run

@flow(name="orphan")
def orphan():
    Path(sys.argv[1]).write_text(flow_run.id)
    input()
    get_run_logger().info("Job runs on.")
    Path(sys.argv[1]).write_text("went on")

orphan()
"""


def test_it_ends_with_the_next_line_that_it_logs(tmp_path: Path) -> None:
    from prefect.settings import PREFECT_API_URL

    told = tmp_path / "run"
    command = [sys.executable, "-c", RUN, str(told)]
    environ = os.environ | {"PREFECT_API_URL": str(PREFECT_API_URL.value()), "PREFECT_LOGGING_LEVEL": "INFO"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environ, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin and process.stdout and process.stderr
        for _ in range(600):
            if (told.exists() and told.read_text()) or process.poll() is not None:
                break
            time.sleep(0.1)
        run = told.read_text()
        # the worker, who read what it says, is killed
        process.stdout.close()
        process.stderr.close()
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.wait(120) != 0
    assert told.read_text() == run
    assert state_of(run) == "Crashed"
