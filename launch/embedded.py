"""The embedded Prefect server: a process of its own that ends with this one, however that ends.

Prefect would start one by itself, but only once this process has imported all of the server, which takes
longer than the server's own start.
"""

import atexit
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from errors import Unavailable
from settings import settings

ROOT = Path(__file__).parents[1]
# Until a line comes, the shell waits; at the pipe's end instead, whose other end we held, it ends the server.
WATCH = 'read -r told || kill "$0"'
ENDING_SECONDS = 5
LONGEST_LOG = 1 << 20  # bytes


class EmbeddedServer:
    """Starts at once and is ready some seconds later; connections wait until then.

    `port`: of 127.0.0.1. `log`: what it writes, of the last ones of this home.
    """

    def __init__(self) -> None:
        self.log = settings().root / "prefect" / "embedded.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as listening, self.log.open("ab") as written:
            if written.tell() > LONGEST_LOG:
                written.truncate(0)
            self.port: int = listening.getsockname()[1]
            # Which signals are blocked is inherited by a process. A terminal sends SIGINT to every process in
            # its foreground, the server among them, which then could not be told how the run ended.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "launch.prefect_api", str(listening.fileno())],
                    cwd=ROOT,
                    pass_fds=[listening.fileno()],
                    stdout=written,
                    stderr=written,
                )
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.watcher = Watcher(self.process.pid)
        atexit.register(self.stop)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    def wait_until_ready(self, seconds: float) -> None:
        """Raises Unavailable if it ends before, or is late."""
        import httpx

        try:
            httpx.get(f"{self.url}/health", timeout=seconds, trust_env=False).raise_for_status()
        except httpx.TimeoutException as error:
            self.stop()
            raise Unavailable(
                "The embedded Prefect server did not start in time, for this machine is busy.",
                "Run the same command again when it is less so, or give it longer by "
                "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS (in seconds).",
            ) from error
        except httpx.HTTPError as error:
            self.stop()
            raise Unavailable(
                "The embedded Prefect server could not start.",
                f"{self.log} says why. Or set PREFECT_API_URL to a server that runs.",
            ) from error

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.watcher.dismiss()
        atexit.unregister(self.stop)


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
        if self.shell.poll() is None:
            self.shell.communicate(b"\n")


started: EmbeddedServer | None = None


def start_embedded(meanwhile: Callable[[], object] = lambda: None) -> None:
    """Start the embedded server, if this process has none yet, and have Prefect use it.

    It takes its time, in which `meanwhile` is called. Raises Unavailable if it does not start.
    """
    global started
    if (started and started.runs) or (not started and _prefect_has_another()):
        return
    started = EmbeddedServer()
    meanwhile()
    from prefect.settings import PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS

    started.wait_until_ready(PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value())
    _have_prefect_use(started.url)


def _prefect_has_another() -> bool:
    """Whether somebody in this process has named it one."""
    if "prefect" not in sys.modules:
        return False
    from prefect.settings import PREFECT_API_URL

    return bool(PREFECT_API_URL.value())


def _have_prefect_use(url: str) -> None:
    """In this process alone: one that it starts, and that may outlive it, must not look for this server."""
    from prefect import context
    from prefect.settings import PREFECT_API_URL

    now = context.GLOBAL_SETTINGS_CONTEXT
    settings = now.settings.copy_with_update(updates={PREFECT_API_URL: url})
    context.GLOBAL_SETTINGS_CONTEXT = context.SettingsContext(profile=now.profile, settings=settings)
