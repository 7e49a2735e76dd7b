"""`-d`: who connects, what is asked and what is answered, line by line as HAProxy shows it.

    00000000:front.accept(0004)=000c from [127.0.0.1:49800] ALPN=<none>
    00000000:front.clireq[000c:ffffffff]: GET / HTTP/1.1
    00000000:front.clihdr[000c:ffffffff]: host: www.example
    00000000:back.srvrep[000c:ffffffff]: HTTP/1.1 200 OK
    00000000:back.srvhdr[000c:ffffffff]: content-length: 2
    00000000:back.closed[000c:ffffffff]

Requests are shown as they came and answers as they left, those of this program included. Behind `accept` stand the listener's
number and the client's descriptor; the server's descriptor, which HAProxy shows behind the client's, is not told.
Of an Authorization field the scheme alone is told: what is shown here ends in files and in mails.
Source: HAProxy management guide, "-d"; the form as seen of HAProxy 2.6.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from proxy.base.clock import Clock
from proxy.base.errors import RemoteProtocolError
from proxy.core.proxy_protocol import parse
from proxy.core.stream.opening import limits_of
from proxy.core.stream.ports import LinkOwner, Received
from proxy.core.stream.session import Session
from proxy.engine.dialogue import Dialogue
from proxy.engine.link import SocketLink
from proxy.engine.readiness import Readiness
from proxy.engine.watchdog import TimedReadiness, Witness
from proxy.engine.worker import Worker
from proxy.runtime.frontend import Listener
from proxy.runtime.process import Process

if TYPE_CHECKING:
    from proxy.core.http1.limits import Limits
    from proxy.engine.worker import Ends

NO_DESCRIPTOR = 0xFFFFFFFF
CREDENTIALS = frozenset((b"authorization", b"proxy-authorization"))
_UNSHOWN = re.compile(rb"[^\x20-\x7e]")
Say = Callable[[str], None]


def shown(octets: bytes) -> str:
    """The octets as a terminal can show them: whoever sends them cannot write to it."""
    return _UNSHOWN.sub(lambda match: b"\\x%02x" % match[0][0], octets).decode("ascii")


class Trace:
    """What is said of one client's connection. Each request has a number of its own, the first that of the connection."""

    def __init__(self, say: Say, next_number: Callable[[], int], limits: Limits) -> None:
        self._say = say
        self._next_number = next_number
        self._number = next_number()
        self._requests = 0
        self._front = self._back = ""
        self._descriptor = NO_DESCRIPTOR
        self._header: bytes | None = None           # of the PROXY protocol, while it is awaited
        self._dialogue = Dialogue(limits, self._asked, self._answered)

    def accepted(self, listener: Listener, listening: int, descriptor: int, peer: Ends) -> None:
        """A client has come."""
        frontend = listener.frontend
        backend = frontend.backend
        self._front, self._back = frontend.name, frontend.name if backend is None else backend.name
        self._descriptor = descriptor
        self._header = b"" if listener.accept_proxy else None
        if not frontend.speaks_http:
            self._dialogue.requests.stop()
            self._dialogue.responses.stop()
        come = f"{self._front}.accept({listening:04x})={descriptor:04x} from [{peer[0]}:{peer[1]}] ALPN=<none>"
        self._say(f"{self._number:08x}:{come}")

    def received(self, octets: bytes) -> None:
        """The client has sent this."""
        if self._header is not None:
            octets = self._behind_header(self._header + octets)
        self._dialogue.requests.feed(octets)

    def _behind_header(self, octets: bytes) -> bytes:
        """What follows a PROXY header, which is no part of the dialogue."""
        self._header = octets
        try:
            header = parse(octets)
        except RemoteProtocolError:
            header = None
        if header is None:
            return b""
        self._header = None
        return octets[header.size :]

    def sent(self, octets: bytes) -> None:
        """The client is sent this."""
        self._dialogue.responses.feed(octets)

    def half_closed(self) -> None:
        """The client sends no more."""
        self._line(self._front, "clicls")

    def closed(self) -> None:
        """The connection has ended."""
        self._line(self._back, "closed")

    def _asked(self, lines: list[bytes]) -> None:
        if self._requests:
            self._number = self._next_number()
        self._requests += 1
        self._head(self._front, "clireq", "clihdr", lines)

    def _answered(self, lines: list[bytes]) -> None:
        self._head(self._back, "srvrep", "srvhdr", lines)

    def _head(self, proxy: str, first: str, other: str, lines: list[bytes]) -> None:
        self._line(proxy, first, ": " + shown(lines[0]))
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            name = name.lower()
            if name.strip() in CREDENTIALS:
                scheme, blank, _ = value.strip().partition(b" ")
                value = b" " + scheme + b" ***" if blank else b" ***"
            self._line(proxy, other, ": " + shown(name + colon + value))

    def _line(self, proxy: str, what: str, text: str = "") -> None:
        self._say(f"{self._number:08x}:{proxy}.{what}[{self._descriptor:04x}:{NO_DESCRIPTOR:x}]{text}")


class Ear(LinkOwner):
    """Stands between a link and its session, and hears what the client sends."""

    def __init__(self, session: Session, trace: Trace) -> None:
        self.session = session
        self._trace = trace

    def octets(self, received: Received) -> None:
        self._trace.received(bytes(received))
        self.session.octets(received)

    def ended(self) -> None:
        self._trace.half_closed()
        self.session.ended()

    def lost(self) -> None:
        self.session.lost()

    def drained(self) -> None:
        self.session.drained()


class TracedLink(SocketLink):
    """A client's link that tells what passes."""

    def __init__(self, worker: Worker, connected: socket.socket, trace: Trace) -> None:
        super().__init__(worker, connected)
        self.trace = trace
        self.descriptor = connected.fileno()

    def belongs_to(self, owner: Any) -> None:
        super().belongs_to(Ear(owner, self.trace))

    def send(self, octets: Received) -> bool:
        self.trace.sent(bytes(octets))
        return super().send(octets)

    def send_both(self, first: bytes, then: bytes | memoryview) -> bool:
        return self.send(first + then)


class TracingWorker(Worker):
    """A worker that says what passes; for one who looks for a fault, not for service."""

    def __init__(self, process: Process, clock: Clock, say_line: Say) -> None:
        super().__init__(process, clock)
        self.pipe.give_up()                 # everything is looked at
        self._say_line = say_line
        self._head_limits = limits_of(process.bufsize, process.maxrewrite, process.http_maxhdr)

    def client_link(self, connected: socket.socket) -> SocketLink:
        return TracedLink(self, connected, Trace(self._say_line, self._next_number, self._head_limits))

    def make_witness(self) -> Witness:
        return Witness(self._tell_held_up)

    def make_readiness(self) -> Readiness:
        witness: Any = self.witness
        return TimedReadiness(self.loop, self.turn, self._settle, witness)

    def _tell_held_up(self, held_ms: int, cpu_ms: int, place: str) -> None:
        if self.say is not None:
            self.say("WARNING", f"traffic was held up for {held_ms} ms ({cpu_ms} ms of processor time) at {place}.")

    def _next_number(self) -> int:
        return self.process.traces.take()

    def open_session(self, listener: Listener, link: Any, peer: Ends, local: Ends) -> None:
        link.trace.accepted(listener, listener.lid, link.descriptor, peer)
        super().open_session(listener, link, peer, local)

    def session_replaced(self, old: Session, new: Session) -> None:
        super().session_replaced(old, new)
        link: Any = new.link
        link.owner = Ear(new, link.trace)

    def session_over(self, session: Session) -> None:
        link: Any = session.link
        link.trace.closed()
        super().session_over(session)

    def broken(self, where: object, error: BaseException) -> None:
        super().broken(where.session if isinstance(where, Ear) else where, error)
