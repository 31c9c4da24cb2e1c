"""The HTTP server of a daemon: uvicorn, on a port that is taken before anything else is started."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from voiced.ports import CannotStart, take, why


class QuietServer(uvicorn.Server):
    """uvicorn inside our loop: signals are the daemon's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def take_http(address: str) -> socket.socket:
    """The API's port, where clients may wait from now on. Raises CannotStart."""
    advice = "set [http] listen to another port"
    listener = take("http.listen", address, advice)
    try:
        listener.listen()
    except OSError as error:  # somebody else has bound it too, and was quicker
        listener.close()
        raise CannotStart(f"http.listen {address}: {why(error)}; {advice}") from error
    return listener
