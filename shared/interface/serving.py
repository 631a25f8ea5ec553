"""Runs an application with uvicorn: loopback only in development, and gone within 30 seconds."""

import os
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from shared.interface.connections import BoundedConnection
from shared.settings import EXIT_BAD_CONFIGURATION, Platform, load


def serve(app: FastAPI, *, default_port: int) -> None:
    """Serve until SIGTERM or SIGINT; a second one ends the process at once."""
    server = server_for(app, default_port=default_port)
    refuse_busy_port(server.config.host, server.config.port)
    server.run()
    if not server.started:
        raise SystemExit(1)


def server_for(app: FastAPI, *, default_port: int) -> uvicorn.Server:
    """A server that is ready to be run, as the settings want it."""
    platform = load(Platform)
    return _Server(
        uvicorn.Config(
            app,
            host=platform.host or ("0.0.0.0" if platform.is_production else "127.0.0.1"),  # noqa: S104 - a server is there to be reached
            port=platform.port or default_port,
            http=BoundedConnection,
            access_log=False,
            log_config=None,
            # Streams that are being watched end at once; this is for those that do not.
            timeout_graceful_shutdown=5,
        )
    )


class _Server(uvicorn.Server):
    """Ends its work on the first signal, and itself on the second."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)
        super().handle_exit(sig, frame)


def refuse_busy_port(host: str, port: int) -> None:
    """One clear line instead of a traceback when somebody else listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = "is in use" if error.errno == 98 else os.strerror(error.errno or 0)
            raise SystemExit(
                _say(f"port {port} on {host} {reason}: choose another with PORT=...")
            ) from None


def _say(sentence: str) -> int:
    os.write(2, f"{sentence}\n".encode())
    return EXIT_BAD_CONFIGURATION
