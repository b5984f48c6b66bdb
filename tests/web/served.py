"""`luthier serve` as a program of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import openai
import psutil

ROOT = Path(__file__).parents[2]


class Served:
    """A server process over one LUTHIER_HOME, to be killed and started again."""

    def __init__(self, home: Path):
        self.home = home
        self.environment = {**os.environ, "LUTHIER_HOME": str(home), "OMP_NUM_THREADS": "1"}
        self.key = self.luthier("keys", "create", "tests", "--json")["key"]
        self.start()

    def luthier(self, *arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", "import cli; cli.main()", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            check=True,
        )
        return json.loads(done.stdout)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import cli; cli.main()", "serve", "--port", "0", "--json"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout
        text = b""
        while not text.rstrip().endswith(b"}"):
            text += self.process.stdout.readline()
        self.said = json.loads(text)
        self.sdk = openai.OpenAI(base_url=self.said["api"], api_key=self.key, max_retries=3)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        for process in self.runs():
            process.kill()

    def runs(self) -> list[psutil.Process]:
        """The processes that carry out runs of this home."""
        found = []
        for process in psutil.process_iter(["cmdline", "environ"]):
            arguments = process.info["cmdline"] or []
            if "launch" in arguments and str(self.home) in (process.info["environ"] or {}).get(
                "LUTHIER_HOME", ""
            ):
                found.append(process)
        return found
