"""What the streams ask of the engine: a link to write to, and a host to connect, to time and to log.

The engine gives real sockets, a scenario test gives recorders: the streams can not tell. They are base classes, not protocols, so
that compiled streams call them without looking a name up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from proxy.core.timers import Entry, TimerWheel
from proxy.runtime.process import Process
from proxy.runtime.server import Server

# Why a reader is paused. Several parties may pause one reader; it reads again when the last of them lets go.
PAUSE_PEER_FULL = 1        # the other side does not drain
PAUSE_NOT_ASKED = 2        # nothing may be read now: pipelined requests, a request that waits for its server

HEAD_READ_OCTETS = 16384    # the most to read at once where a head is expected
BODY_READ_OCTETS = 131072   # and where octets flow
CHUNKED_READ_OCTETS = 65536     # and where they are chunks: never more, for it may be thousands of small ones
MANY_CHUNKS = 1024              # in one read: of so small ones less is read at once
LEAST_READ_OCTETS = 32768       # and where its taker's kernel has less room than that
LARGEST_READ_OCTETS = (1 << 20) + HEAD_READ_OCTETS      # and where they flow to somebody who takes so much at once
ALL_OCTETS = 1 << 62            # that come until the peer ends
LARGE_OCTETS_A_TURN = 32 << 20  # read in such large pieces: small ones for its rest, others want their share


def abstract() -> NoReturn:
    """A method that each kind has for itself."""
    raise AssertionError("told to a base class")


class Unseen:
    """Octets that were received and may be sent on although nobody has looked at them.

    Good during the call that hands them over, as a view is. It has a length; whoever asks for the octets themselves (`bytes`, a
    slice) has a copy made of them.
    """

    __slots__ = ()

    def __len__(self) -> int:
        abstract()

    def __bytes__(self) -> bytes:
        abstract()

    def __getitem__(self, part: slice) -> bytes:
        abstract()

    def passed(self) -> int:
        """How many of them a link has sent on without anybody having looked at them."""
        abstract()


Received = bytes | memoryview | Unseen


def seen(received: Received) -> bytes | memoryview:
    """The octets themselves, for somebody who has to look at them."""
    return bytes(received) if isinstance(received, Unseen) else received


class Watched(Entry):
    """Something with a socket that the engine watches; a base class for all of them, so that compiled ones are called as such."""

    __slots__ = ()

    def ready(self, events: int) -> None:
        """The socket is ready, `events` (MAY_READ, MAY_WRITE) for what; perhaps without cause: try, and take "not yet"."""
        abstract()

    def settle(self) -> None:
        """What was put off with `Host.soon` to the end of this turn."""
        abstract()


class Link(Watched):
    """One connected socket, seen by its owner.

    `pending` counts the octets accepted by `send` that the kernel has not taken yet, `taken_ms` is when it last took some of
    those. `is_filled` says that the last read took as much as it was allowed: there may be more behind it.
    """

    __slots__ = ("is_filled", "owner", "pending", "taken_ms")

    def __init__(self) -> None:
        self.prepare_link()

    def prepare_link(self) -> None:
        """As `Entry.prepare_entry`."""
        self.prepare_entry()
        self.owner: Any = None              # a LinkOwner
        self.pending = 0
        self.taken_ms = 0
        self.is_filled = False

    def belongs_to(self, owner: LinkOwner) -> None:
        """Set the owner and begin to read for it."""
        abstract()

    def send(self, octets: Received) -> bool:
        """Write; True when the kernel took all, False when some are pending (then `drained` will be told)."""
        abstract()

    def send_both(self, first: bytes, then: bytes | memoryview) -> bool:
        """Write two pieces at once; as `send`."""
        abstract()

    def pause(self, cause: int) -> None:
        abstract()

    def resume(self, cause: int) -> None:
        abstract()

    def limit_reads(self, octets: int) -> None:
        """The most to read at once: one buffer for heads, more for bodies (`read_for`: more still). Every octet is looked at."""
        abstract()

    def read_for(self, taker: Link, unseen: int) -> None:
        """A body is to be read, and it goes to `taker`: as `limit_reads(BODY_READ_OCTETS)`, but where the body before came in
        large pieces, at once as much as the taker's kernel has room for. The next `unseen` octets need not be looked at; where
        there are none, a head comes first.
        """
        abstract()

    def pass_unseen(self, octets: int) -> None:
        """So many of the octets that are read next need not be looked at: they may come as `Unseen`. Until that many have come,
        or until how much to read is said anew.
        """
        abstract()

    def takes_at_once(self) -> int:
        """How many octets the kernel would take now by one `send`, about; -1 where that is not known."""
        abstract()

    def end_writing(self) -> None:
        """Half-close once everything pending has left."""
        abstract()

    def close(self) -> None:
        """Close once everything pending has left; nothing more is told to the owner."""
        abstract()

    def abort(self) -> None:
        """Close now, by a reset when octets were left unsent; nothing more is told to the owner."""
        abstract()

    def local_address(self) -> tuple[str, int] | None:
        """Our own end of the connection."""
        abstract()

    def is_alive(self) -> bool:
        """Ask the kernel whether the peer is still there and silent (for a connection that was idle)."""
        abstract()


class LinkOwner(Entry):
    """What a link tells the one it belongs to.

    `received` is octets, or a view of the reader's buffer that is only valid during the call; Unseen where that was permitted.
    """

    __slots__ = ()

    def octets(self, received: Received) -> None:
        abstract()

    def ended(self) -> None:
        """The peer has half-closed."""
        abstract()

    def lost(self) -> None:
        """The connection is broken (reset, network error)."""
        abstract()

    def drained(self) -> None:
        """Everything pending has left."""
        abstract()


class Connector(LinkOwner):
    """One that waits for a connection to a server, to own it."""

    __slots__ = ()

    def connected(self, link: Link) -> None:
        abstract()

    def connect_failed(self, refused: bool) -> None:
        """No connection: refused (or unreachable), else out of local resources."""
        abstract()


class Reusable(Connector):
    """A connection that may lie idle; it is "safe" once it has carried more than one stream."""

    __slots__ = ("is_safe",)

    def __init__(self) -> None:
        self.prepare_reusable()

    def prepare_reusable(self) -> None:
        """As `Entry.prepare_entry`."""
        self.prepare_entry()
        self.is_safe = False

    def discard(self) -> None:
        """Close it, whatever it was doing."""
        abstract()


class Host:
    """The engine, seen by the streams.

    `server_failed` is told of each failed attempt on a server (passive health checks), `server_answered` the status of each
    response, `server_connected` of each stream that has got its connection: None where nobody wants to know.
    Units: `now_ms` is the monotonic clock at the start of the event being handled. `turns` counts the turns of the loop: which
    sockets are ready is known before one begins. `more_is_ready` says that it is not known of all of them in this turn.
    """

    __slots__ = ("more_is_ready", "now_ms", "process", "server_answered", "server_connected", "server_failed", "timers", "turns")

    def __init__(self, process: Process, now_ms: int) -> None:
        self.now_ms = now_ms
        self.turns = 0
        self.more_is_ready = False
        self.timers = TimerWheel()
        self.process = process
        self.server_failed: Callable[[Server, Any], None] | None = None
        self.server_answered: Callable[[Server, int], None] | None = None
        self.server_connected: Callable[[Server], None] | None = None

    def wall_s(self) -> float:
        abstract()

    def connect(self, server: Server, owner: Connector, port: int, early: bytes) -> Any:
        """Begin to connect; `early` (a PROXY header) is written first. Returns a token with `cancel()`."""
        abstract()

    def session_over(self, session: Any) -> None:
        """A session has closed its connection: forget it, and accept anew if that was waiting for it."""
        abstract()

    def session_replaced(self, old: Any, new: Any) -> None:
        """The link of `old` belongs to `new` from now on; the client was counted already."""
        abstract()

    def soon(self, whom: Watched | Callable[[], object]) -> None:
        """Let it settle, or call back, in this turn of the event loop, after what is being handled."""
        abstract()

    def broken(self, where: object, error: BaseException) -> None:
        """An invariant is broken: count it and log it once."""
        abstract()
