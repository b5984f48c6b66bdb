"""`python -m launch.prefect_api FD`: Prefect's API, at a socket on which the one who starts it listens."""

import gc
import socket
import sys


def main(listening: socket.socket) -> None:
    # of the thousands of modules and routes that it loads nothing is ever let go
    gc.disable()
    import uvicorn
    from prefect.server.api.server import create_app

    app = create_app(ephemeral=True, final=True)
    gc.freeze()
    gc.enable()
    uvicorn.Server(uvicorn.Config(app, lifespan="on", log_level="error")).run(sockets=[listening])


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
