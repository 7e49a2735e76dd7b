"""What systemd wants to hear of a service (`Type=notify`)."""

from __future__ import annotations

import os
import socket


def notify_systemd(state: str) -> bool:
    """Send one state, e.g. "READY=1"; False when nobody listens.

    Source: sd_notify(3).
    """
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return False
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.sendto(state.encode(), address)
        except OSError:
            return False
    return True
