"""`TCP_CHECK`: a connection can be made."""

from __future__ import annotations

import socket

from proxy.ha.virtual.probes.probe import SocketProbe


class TcpProbe(SocketProbe):
    """Connects and closes."""

    def connected(self, sock: socket.socket) -> None:
        self.finish(True, "connected")
