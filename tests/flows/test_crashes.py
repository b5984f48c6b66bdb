"""A flow that is killed beside a hosted vendor, where every tenth request fails, is run again.

A small part of `benchmarks/crash_matrix.py`.
"""

import json
import subprocess
import sys


def test_a_killed_flow_leaves_one_job_one_upload_and_one_model() -> None:
    command = [sys.executable, "-m", "benchmarks.crash_matrix", "--kills", "3", "--faults", "0.1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)
    assert [(cell["vendor"], cell["faults"]) for cell in cells] == [("openai", 0.1), ("gemini", 0.1)]
    for cell in cells:
        assert (cell["kills"], cell["one_job"], cell["published_once"]) == (3, 3, 3)
        assert (cell["lost"], cell["doubled"], cell["uploads_repeated"]) == (0, 0, 0)
