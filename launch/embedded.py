"""The embedded Prefect server: a process of its own that ends with this one, however that ends."""

import signal
import subprocess
from collections.abc import Callable
from typing import Any

# Until a line comes, the shell waits; at the pipe's end instead, whose other end we held, it ends the server.
WATCH = 'read -r told || kill "$0"'


def start_embedded(meanwhile: Callable[[], object] = lambda: None) -> None:
    """Start the embedded server, out of the reach of Ctrl-C; Prefect's clients find it by themselves.

    It takes its time, in which `meanwhile` is called.

    A terminal sends SIGINT to every process in its foreground, the server among them, which then could not be
    told how the run ended. Which signals are blocked is inherited by a process; SIGTERM still ends it.
    """
    from prefect.server.api.server import SubprocessASGIServer

    class EmbeddedServer(SubprocessASGIServer):
        """Prefect ends its server when the interpreter ends, which a killed one does not come to."""

        watcher: Watcher | None = None

        def _run_uvicorn_command(self) -> subprocess.Popen[Any]:
            server = super()._run_uvicorn_command()
            if self.watcher:
                # another one, whose port was taken meanwhile
                self.watcher.dismiss()
            self.watcher = Watcher(server.pid)
            meanwhile()
            return server

        def stop(self) -> None:
            super().stop()
            if self.watcher:
                self.watcher.dismiss()
                self.watcher = None

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        EmbeddedServer().start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Watcher:
    """A shell that ends a process once this one is gone.

    Linux could send a signal by itself (PR_SET_PDEATHSIG), but does so when the thread ends that started the
    process.
    """

    def __init__(self, pid: int):
        self.shell = subprocess.Popen(
            ["sh", "-c", WATCH, str(pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # a terminal that closes must not end it before us
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """The process has ended, and its id may soon be another's."""
        self.shell.communicate(b"\n")
