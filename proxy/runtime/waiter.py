"""Who may wait for a slot of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from proxy.runtime.server import Server


class Waiter(Protocol):
    """A stream in a queue, waiting for a connection slot."""

    queued_in: Any                      # the Server or Backend in whose queue it is, else None
    queued_at_ms: int
    queue_mark: int                     # how many had been served from that queue when it came
    server_queue: int                   # its position in it (%sq)
    backend_queue: int                  # (%bq)

    def slot_granted(self, server: Server) -> None:
        """A slot on `server` is this waiter's now."""

    def server_gone(self, server: Server) -> None:
        """The server in whose queue it waited has gone; it is out of that queue already."""
