"""What systemd wants to hear of a service of `Type=notify`. Source: sd_notify(3)."""

from __future__ import annotations

import os
import socket


def tell(state: str) -> None:
    """Send one state, "READY=1" say; silent where nobody listens."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sock:
        try:
            sock.sendto(state.encode(), "\0" + path[1:] if path.startswith("@") else path)
        except OSError:                     # systemd is not there: the service runs all the same
            pass
