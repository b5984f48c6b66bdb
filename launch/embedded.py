"""The embedded Prefect server: a process of its own that ends with this one, however that ends."""

import signal
import subprocess
from typing import Any

from prefect.server.api.server import SubprocessASGIServer

# Until a line comes, the shell waits; at the pipe's end instead, whose other end we held, it ends the server.
WATCH = 'read -r told || kill "$0"'


class EmbeddedServer(SubprocessASGIServer):
    """Prefect ends its server when the interpreter ends, which a killed one does not come to.

    So the server's process gets a watcher, a shell, that reads a pipe of ours. Linux could send a signal by
    itself (PR_SET_PDEATHSIG), but does so when the thread ends that started the server.
    """

    watcher: subprocess.Popen[bytes] | None = None

    def _run_uvicorn_command(self) -> subprocess.Popen[Any]:
        self._dismiss()
        server = super()._run_uvicorn_command()
        self.watcher = subprocess.Popen(
            ["sh", "-c", WATCH, str(server.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # a terminal that closes must not end it before us
            start_new_session=True,
        )
        return server

    def stop(self) -> None:
        super().stop()
        self._dismiss()

    def _dismiss(self) -> None:
        """The server has ended, and its id may soon be another process's."""
        if self.watcher:
            self.watcher.communicate(b"\n")
            self.watcher = None


def start_embedded() -> None:
    """Start the embedded server, out of the reach of Ctrl-C; Prefect's clients find it by themselves.

    A terminal sends SIGINT to every process in its foreground, the server among them, which then could not be
    told how the run ended. Which signals are blocked is inherited by a process; SIGTERM still ends it.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        EmbeddedServer().start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
