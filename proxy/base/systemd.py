"""What systemd wants to hear of a service (`Type=notify`)."""

from __future__ import annotations

import os
import socket


class Notifier:
    """The line to whoever started us as a service; silent when nobody listens.

    It is connected at once, so that it still works from inside a chroot.
    Source: sd_notify(3).
    """

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        path = os.environ.get("NOTIFY_SOCKET", "")
        if not path.startswith(("/", "@")):
            return
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            sock.connect("\0" + path[1:] if path.startswith("@") else path)
        except OSError:
            sock.close()
        else:
            self._socket = sock

    def tell(self, state: str) -> bool:
        """Send one state, e.g. "READY=1"; False when nobody heard it."""
        if self._socket is None:
            return False
        try:
            self._socket.send(state.encode())
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Say no more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
