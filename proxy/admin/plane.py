"""What commands have the data plane do: in one process it is beside us, with workers it is all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from proxy.runtime.frontend import Frontend
from proxy.runtime.server import Server


class Plane(Protocol):
    """Whoever has the sessions and the listening sockets."""

    def server_changed(self, server: Server) -> None:
        """Its limit or its address is another one."""

    def shut_sessions(self, server: Server) -> None:
        """End every session on a server."""

    def pause(self, frontend: Frontend) -> None:
        """Stop listening for a while."""

    def resume(self, frontend: Frontend) -> bool:
        """Listen again; False when somebody else has the address meanwhile."""

    def stop(self, frontend: Frontend) -> None:
        """Stop listening for good."""

    def limit(self, frontend: Frontend | None, maxconn: int) -> None:
        """Have so many client connections at most, of a frontend or, None, of the process."""

    def clear(self, cells: Sequence[int]) -> None:
        """Begin to count anew in these cells of every row."""

    def sessions(self, which: str) -> str | Awaitable[str]:
        """Tell of all sessions (""), or in detail of one, or "all"."""

    def shut_session(self, which: str) -> bool | Awaitable[bool]:
        """End a session; False when there is none of that name."""
