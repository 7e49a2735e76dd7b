"""What the streams ask of the engine: a link to write to, and a host to connect, to time and to log.

The engine gives real sockets, a scenario test gives recorders: the streams can not tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from proxy.core.timers import TimerWheel
from proxy.runtime.process import Process
from proxy.runtime.server import Server

# Why a reader is paused. Several parties may pause one reader; it reads again when the last of them lets go.
PAUSE_PEER_FULL = 1        # the other side does not drain
PAUSE_NOT_ASKED = 2        # nothing may be read now: pipelined requests, a request that waits for its server


class Link(Protocol):
    """One connected socket, seen by its owner."""

    pending: int
    """Octets accepted by `send` that the kernel has not taken yet."""

    taken_ms: int
    """When it last took some of those."""

    def send(self, octets: bytes | memoryview) -> bool:
        """Write; True when the kernel took all, False when some are pending (then `drained` will be told)."""

    def pause(self, cause: int) -> None: ...

    def resume(self, cause: int) -> None: ...

    def limit_reads(self, octets: int) -> None:
        """The most to read at once: one buffer for heads, more for bodies."""

    def end_writing(self) -> None:
        """Half-close once everything pending has left."""

    def close(self) -> None:
        """Close once everything pending has left; nothing more is told to the owner."""

    def abort(self) -> None:
        """Close now, by a reset when octets were left unsent; nothing more is told to the owner."""

    def local_address(self) -> tuple[str, int] | None:
        """Our own end of the connection."""

    def is_alive(self) -> bool:
        """Ask the kernel whether the peer is still there and silent (for a connection that was idle)."""


class LinkOwner(Protocol):
    """What a link tells the one it belongs to. Octets are only valid during the call."""

    def octets(self, received: memoryview) -> None: ...

    def ended(self) -> None:
        """The peer has half-closed."""

    def lost(self) -> None:
        """The connection is broken (reset, network error)."""

    def drained(self) -> None:
        """Everything pending has left."""


class Connector(LinkOwner, Protocol):
    """One that waits for a connection to a server."""

    def connected(self, link: Link) -> None: ...

    def connect_failed(self, refused: bool) -> None:
        """No connection: refused (or unreachable), else out of local resources."""


class Host(Protocol):
    """The engine, seen by the streams.

    Units: `now_ms` is the monotonic clock at the start of the event being handled.
    """

    now_ms: int
    timers: TimerWheel
    process: Process
    server_failed: Callable[[Server, Any], None] | None
    """Told of each failed attempt on a server (passive health checks), when anyone wants to know."""

    server_answered: Callable[[Server, int], None] | None
    """Told the status of each response, when anyone wants to know."""

    server_connected: Callable[[Server], None] | None
    """Told of each stream that has got its connection, when anyone wants to know."""

    def wall_s(self) -> float: ...

    def connect(self, server: Server, owner: Connector, port: int, early: bytes) -> Any:
        """Begin to connect; `early` (a PROXY header) is written first. Returns a token with `cancel()`."""

    def session_over(self, session: Any) -> None:
        """A session has closed its connection: forget it, and accept anew if that was waiting for it."""

    def session_replaced(self, old: Any, new: Any) -> None:
        """The link of `old` belongs to `new` from now on; the client was counted already."""

    def soon(self, callback: Callable[[], None]) -> None:
        """Call back in this turn of the event loop, after what is being handled."""

    def broken(self, where: object, error: BaseException) -> None:
        """An invariant is broken: count it and log it once."""
