"""Reaching a Prefect server: what stands in the way becomes a sentence that says what to do."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING

from errors import NotConfigured, Unavailable
from settings import quiet_dependencies, settings

if TYPE_CHECKING:
    import httpx
    from prefect.client.orchestration import SyncPrefectClient

# the oldest that pyproject.toml admits; an older one refuses some of what we ask for
OLDEST = (3, 8)
LOOPBACK_SECONDS = 5
# Bytes. An embedded server's database alone takes 4 MB, and on a disk with too few it starts for minutes.
ROOM = 1 << 26


@contextmanager
def server() -> "Iterator[SyncPrefectClient]":
    """A client of the server at PREFECT_API_URL, which was asked for its version.

    Raises NotConfigured without an address, without the right to enter and for a server that is too old,
    Unavailable if it can't be reached or fails.
    """
    address = settings().prefect_api_url
    if not address:
        raise NotConfigured(
            "No Prefect server is named.",
            "Start one with `prefect server start` and set PREFECT_API_URL, "
            "for instance to http://127.0.0.1:4200/api.",
        )
    quiet_dependencies()
    from prefect.client.orchestration import get_client

    with reaching(address), get_client(sync_client=True) as client:
        check_version(str(client.api_version()), address)
        yield client


@contextmanager
def reaching(address: str) -> Iterator[None]:
    """Raises NotConfigured for a server that lets nobody in or is none, Unavailable for one that fails or is
    out of reach. Without an address it is about the embedded one."""
    import httpx
    from prefect.exceptions import PrefectHTTPStatusError

    try:
        yield
    except PrefectHTTPStatusError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise NotConfigured(
                f"The Prefect server at {address} doesn't let Luthier in (status {status}).",
                "Set PREFECT_API_AUTH_STRING to what the server was started with in "
                "PREFECT_SERVER_API_AUTH_STRING, or PREFECT_API_KEY.",
            ) from error
        if status == 404:
            raise NotConfigured(
                f"There is no Prefect API at {address}.",
                "PREFECT_API_URL ends in /api, for instance http://127.0.0.1:4200/api.",
            ) from error
        raise Unavailable(
            f"The Prefect server at {address or '127.0.0.1'} fails: {error.response.text[:300] or status}.",
            "Look at the server's log, then try again.",
        ) from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        if not _is_prefects(error, address):
            raise
        if not address:
            raise Unavailable(
                "The embedded Prefect server was ended from outside.",
                "Run the same command again: it goes on where it was. A training that was begun goes on by "
                "itself meanwhile; `luthier jobs cancel JOB` ends it.",
            ) from error
        raise Unavailable(
            f"The Prefect server at {address} can't be reached: {error}.",
            "Start it with `prefect server start`, or correct PREFECT_API_URL.",
        ) from error


def _is_prefects(error: "httpx.TransportError | httpx.InvalidURL", address: str) -> bool:
    """Whether what failed was sent to Prefect's server: other libraries use httpx, too, inside of a flow."""
    import httpx
    from prefect.settings import PREFECT_API_URL

    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        # of all addresses a person gives only this one to httpx
        return True
    asked = error.request.url
    server = httpx.URL(address or PREFECT_API_URL.value() or "")
    return (asked.host, asked.port) == (server.host, server.port)


def check_room() -> None:
    """Raises NotConfigured where the disk of the home, or of temporary files, is full."""
    for place in (settings().root, Path(tempfile.gettempdir())):
        free = disk_usage(next(folder for folder in (place, *place.parents) if folder.exists())).free
        if free < ROOM:
            raise NotConfigured(
                f"Only {free / 1e6:,.0f} MB are left on the disk of {place}.",
                "Make room, or set LUTHIER_HOME (for temporary files TMPDIR) to a folder on a larger disk.",
            )


def check_loopback() -> None:
    """Raises NotConfigured where this machine can't reach itself, without which no embedded server starts:
    in a network namespace for instance, whose loopback interface is down at first."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            socket.create_connection(listening.getsockname(), LOOPBACK_SECONDS).close()
    except OSError as error:
        raise NotConfigured(
            f"This machine can't reach itself at 127.0.0.1 ({error.strerror or error}), where the embedded "
            "Prefect server would listen.",
            "Switch its loopback interface on (`ip link set lo up`, inside the network namespace if it is "
            "one); no other network is needed. Or set PREFECT_API_URL to a server that it reaches.",
        ) from error


def check_version(version: str, address: str) -> None:
    numbers = tuple(int(part) for part in version.split("+")[0].split(".")[:2] if part.isdigit())
    if numbers < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise NotConfigured(
            f"The Prefect server at {address} is version {version}; Luthier needs {oldest} or newer.",
            "Upgrade the server: pip install --upgrade prefect, then prefect server database upgrade.",
        )
