"""`luthier serve`: dashboard, /v1 and the runner in one process; heavy work runs in others."""

import logging
import socket
from typing import Annotated

import typer

from cli import options
from cli.terminal import err, print_json
from errors import NotConfigured
from logs import on_stderr
from settings import settings

STOP_SECONDS = 5


def serve(
    host: Annotated[str, typer.Option(help="the address to listen on; 0.0.0.0 is every one")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free")] = 8400,
    json: options.Json = False,
) -> None:
    """Open the dashboard and the OpenAI-compatible API, and carry out what is asked for there."""
    import uvicorn

    from web.app import create_app

    listening = listen(host, port)
    port = listening.getsockname()[1]
    tell_on_stderr()
    app = create_app(settings(), host)
    door = app.state.workshop.door
    named = f"[{host}]" if ":" in host else "127.0.0.1" if host == "0.0.0.0" else host
    door.address = door.address or f"http://{named}:{port}"
    link = door.address + door.new_link()
    if json:
        print_json({"url": door.address, "api": f"{door.address}/v1", "login": link})
    else:
        err.print(f"Luthier serves at [bold]{door.address}[/], its API at {door.address}/v1.")
        err.print(f"Sign in with this link, which works once:\n  {link}", soft_wrap=True)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """Raises NotConfigured for an address that can't be had, before anything is started."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise NotConfigured(
            f"Luthier can't listen on {host} port {port}: {error.strerror or error}.",
            "Choose another by --port or --host.",
        ) from error
    listening.listen(2048)
    return listening


def tell_on_stderr() -> None:
    """What the server and its runner do, a line each."""
    handler = on_stderr(settings().log_format, "%(asctime)s %(levelname)s %(message)s")
    for name, level in (("luthier", logging.INFO), ("uvicorn.error", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = False
