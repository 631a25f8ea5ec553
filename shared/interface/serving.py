"""How a process serves: reachable where it should be, and gone soon after it is told to go.

Whoever starts the server, `uvicorn gateway.main:app` too, the application takes it over: it hangs
up on endless heads, ends with 0 on the first SIGTERM or SIGINT, and at once on the second.
"""

import errno
import multiprocessing
import os
import signal
import socket
import threading
from types import FrameType, MethodType

import uvicorn
from fastapi import FastAPI

from shared.interface.connections import BoundedConnection
from shared.settings import Platform, load, refuse

#: how long answers that are on their way may take; watched streams end by themselves
FINISH_WITHIN_S = 5
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve(app: FastAPI, *, default_port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    server = server_for(app, default_port=default_port)
    server.run()
    if not server.started:
        raise SystemExit(1)


def server_for(app: FastAPI, *, default_port: int) -> uvicorn.Server:
    """A server that is ready to be run, as the settings want it."""
    platform = load(Platform)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=platform.host or ("0.0.0.0" if platform.is_production else "127.0.0.1"),  # noqa: S104 - a server is there to be reached
            port=platform.port or default_port,
            access_log=False,
            log_config=None,
        )
    )


def take_over_server() -> None:
    """Make the server that calls this while it starts, if it is one, behave as described above."""
    server = _running_server()
    if server is None:
        return
    config = server.config
    if multiprocessing.parent_process() is None and config.fd is None and config.uds is None:
        # By itself it would bind last of all, and complain in a log line.
        refuse_busy_port(config.host, config.port)
    if config.http == "auto":
        config.http_protocol_class = BoundedConnection
    if config.timeout_graceful_shutdown is None:
        config.timeout_graceful_shutdown = FINISH_WITHIN_S
    for number in SIGNALS:
        # Bound to the server, because there the library of watched streams looks for it.
        signal.signal(number, MethodType(_end, server))


def _running_server() -> uvicorn.Server | None:
    """The one that listens to this process's signals."""
    if threading.current_thread() is not threading.main_thread():
        return None
    found = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return found if isinstance(found, uvicorn.Server) else None


def _end(server: uvicorn.Server, number: int, _: FrameType | None) -> None:
    # uvicorn's own handler would raise the signal again once all is done: no exit with 0.
    if server.should_exit:
        os._exit(128 + number)
    server.should_exit = True


def refuse_busy_port(host: str, port: int) -> None:
    """One clear line instead of a traceback when somebody else listens there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = "is in use" if error.errno == errno.EADDRINUSE else error.strerror
            refuse(f"PORT: {port} on {host} {reason}: choose another")
