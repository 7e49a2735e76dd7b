"""Who a session's octets are for at a moment: a stream on its way to a server, or a service."""

from __future__ import annotations

from proxy.core.stream.failure import Failure
from proxy.core.stream.ports import Received, abstract
from proxy.runtime.server import Server


class Exchange:
    """One request of a session, or all of a TCP session."""

    __slots__ = ()

    @property
    def on_server(self) -> Server | None:
        """The server whose slot it holds, if it holds one."""
        return None

    def begin(self) -> None:
        abstract()

    def client_octets(self, received: Received) -> None:
        """More from the client."""
        abstract()

    def client_ended(self) -> None:
        """The client has half-closed."""
        abstract()

    def client_lost(self) -> None:
        """The client's connection is broken."""
        abstract()

    def client_drained(self) -> None:
        """The client has taken what was pending for it."""
        abstract()

    def deadline_reached(self, now_ms: int) -> None:
        """The session's timer."""
        abstract()

    def shut(self, why: Failure) -> None:
        """End because somebody outside wants it."""
        abstract()
