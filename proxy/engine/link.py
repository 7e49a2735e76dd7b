"""A connected socket: read when it is readable and nobody objects, write at once, keep only what the kernel refuses.

Octets are read into one buffer of the worker and handed on as a view, so that a body goes from socket to socket without a copy of
ours and an idle connection holds no buffer at all. Large pieces that nobody looks at the kernel does not copy either (`piping`).
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, Any

from proxy.core.stream.ports import (
    BODY_READ_OCTETS,
    HEAD_READ_OCTETS,
    LARGE_OCTETS_A_TURN,
    LARGEST_READ_OCTETS,
    LEAST_READ_OCTETS,
    Link,
    Received,
    Unseen,
)
from proxy.engine import calls
from proxy.engine.piping import PIPED_OCTETS, Pipe
from proxy.engine.readiness import MAY_READ, MAY_WRITE, READ, WRITE
from proxy.runtime.cells import SPLICED_OUT

if TYPE_CHECKING:
    from proxy.engine.worker import Worker

# Of a body as much is read at once as its taker's kernel has room for: the fewer and larger the pieces, the less often the peers
# are woken. Of a taker that stops, little is pending in our memory: the kernel's buffer takes the last large piece.
NOT_KNOWN = -1                      # the reader wants to know how much room there is behind a piece: the first send of it asks
LARGE_READS = 4                     # behind a large piece, in which another one is expected
CLOSE_PATIENCE_MS = 30_000          # for the peer to take some of the last octets
CLOSE_AT_LAST_MS = 300_000          # for the peer to take them all
RESET = struct.pack("ii", 1, 0)
PEEK = socket.MSG_PEEK | socket.MSG_DONTWAIT


class SocketLink(Link):
    """One connected, non-blocking stream socket and who it belongs to.

    States: reading unless paused by somebody or ended; `_out` holds what is pending; `_ending` half-closes and `_closing` closes
    once that has left. After `close` or `abort` the owner is told nothing more.
    """

    __slots__ = (
        "_broken", "_close_by_ms", "_closed", "_closing", "_ended", "_ending", "_fd", "_flows", "_has_changed", "_large_reads",
        "_out", "_paused", "_read_max", "_read_now", "_reading", "_same_reads", "_shut", "_socket", "_unseen", "_unsettled",
        "_watched", "_worker",
    )

    def __init__(self, worker: Worker, connected: socket.socket) -> None:
        self.prepare_socket(worker, connected)

    def prepare_socket(self, worker: Worker, connected: socket.socket) -> None:
        """As `Entry.prepare_entry`."""
        self.prepare_link()
        self._worker = worker
        self._socket = connected
        self._fd = calls.descriptor(connected)
        self._out: deque[memoryview] | None = None          # made when the kernel first refuses something
        self._read_max = self._read_now = 16384
        self._same_reads = True         # while the owner is told: how much to read has not been set anew
        self._flows = False             # large pieces came
        self._large_reads = 0           # the next so many reads may bring large pieces
        self._unseen = 0                # so many of the octets that come next need not be looked at
        self._reading = False           # the owner is being told: it may pause and resume before that has a price
        self._has_changed = False       # what it is to be told has, meanwhile
        self._paused = 0
        self._watched = 0               # READ, WRITE or both
        self._ended = False             # the peer has half-closed: there is nothing to read any more
        self._broken = False            # writing failed: only reading tells what has become of the peer
        self._ending = False
        self._shut = False              # half-closed by us
        self._unsettled = False
        self._closing = False
        self._closed = False
        self._close_by_ms = 0

    def belongs_to(self, owner: Any) -> None:
        """Set the owner and begin to read for it."""
        self.owner = owner
        self._watch()

    # watching

    def _watch(self) -> None:
        """Be told what there is a use for; a link that cannot be written to reads on, whoever has paused it."""
        if self._reading:
            self._has_changed = True
            return
        wanted = WRITE if self._out else 0
        if not (self._ended or self._closing or (self._paused and not self._broken)):
            wanted |= READ
        if wanted != self._watched:
            self._watched = wanted
            self._worker.readiness.watch(self._fd, self, wanted)

    def ready(self, events: int) -> None:
        """The socket can be read or written."""
        if self._watched & READ and events & MAY_READ:
            self._readable()
        if self._watched & WRITE and events & MAY_WRITE:
            self._writable()

    # reading

    def _readable(self) -> None:
        worker = self._worker
        asked, read_max = self.reads_at_once(), self._read_max
        most, piped = asked, 0
        try:
            if self._large_reads > 0 and asked >= BODY_READ_OCTETS and self._unseen >= PIPED_OCTETS:
                most = min(asked, self._unseen)
                piped = worker.pipe.fill(self._fd, most, worker.now_ms)
            if piped:
                received: Received | None = worker.pipe
            else:
                most = asked
                received = calls.receive(self._socket, self._fd, worker.scratch, asked)
        except OSError:
            self._peer_lost()
            return
        owner = self.owner
        if received is None:
            return
        count = piped or len(received)
        if not count:
            if self._broken:
                self._peer_lost()
                return
            self._ended = True
            if owner is not None:
                try:
                    owner.ended()
                except Exception as error:
                    worker.broken(owner, error)
            self._settle_soon()
        elif owner is not None:
            self.is_filled = count == most
            worker.room = 0
            if self._unseen:
                self._unseen -= min(count, self._unseen)
            if count >= PIPED_OCTETS:
                self._large_reads = LARGE_READS
            elif self._large_reads and count < most:
                self._large_reads -= 1
            if count >= BODY_READ_OCTETS:
                self._flows = True
                worker.large_octets += count
                worker.room = NOT_KNOWN
            elif asked < read_max:
                worker.room = NOT_KNOWN
            self._same_reads = True
            self._reading = True
            try:
                owner.octets(received)
            except Exception as error:
                worker.broken(owner, error)
            self._reading = False
            if piped:
                worker.pipe.clear()
            if self._has_changed:
                self._has_changed = False
                if not self._closed:
                    self._watch()
            if self._same_reads and read_max >= BODY_READ_OCTETS:
                if count >= BODY_READ_OCTETS or asked < read_max:
                    room = worker.room
                    self._read_now = read_max if room < 0 else min(max(room, LEAST_READ_OCTETS), LARGEST_READ_OCTETS)
                elif self._read_now > read_max:
                    self._read_now = max(read_max, self._read_now - count)      # so much less room, until it is asked for again
        elif piped:
            worker.pipe.clear()

    def reads_at_once(self) -> int:
        """How many octets the next read may take."""
        if self._read_now > self._read_max and self._worker.large_octets >= LARGE_OCTETS_A_TURN:
            return self._read_max
        return self._read_now

    def _peer_lost(self) -> None:
        self._ended = True
        self._drop_output()
        owner = self.owner
        if owner is not None and not self._closed:
            self._worker.guarded(owner, owner.lost)

    def pause(self, cause: int) -> None:
        """Stop reading until the same cause is resumed."""
        self._paused |= cause
        if self._watched & READ:
            self._watch()

    def resume(self, cause: int) -> None:
        """Read again, unless another cause still forbids it."""
        if self._paused & cause:
            self._paused &= ~cause
            if not self._closed:
                self._watch()

    def limit_reads(self, octets: int) -> None:
        """The most to read at once."""
        self._read_max = self._read_now = octets
        self._same_reads = False
        self._unseen = 0

    def read_for(self, taker: Link, unseen: int) -> None:
        """A body is to be read, and it goes to `taker`."""
        self._read_max = self._read_now = BODY_READ_OCTETS
        self._same_reads = False
        self._unseen = unseen
        if self._flows:
            self._flows = False
            if unseen or self._worker.pipe.is_given_up:
                self._read_now = max(BODY_READ_OCTETS, min(taker.takes_at_once(), LARGEST_READ_OCTETS))
            else:
                self._read_now = HEAD_READ_OCTETS           # what is behind the head goes by the pipe

    def pass_unseen(self, octets: int) -> None:
        """So many of the octets that come next need not be looked at."""
        self._unseen = octets

    # writing

    def send(self, octets: Received) -> bool:
        """Write; True when the kernel took all. What is lost because the peer has gone shows when reading."""
        if isinstance(octets, Unseen):
            return self._send_piped(octets) if isinstance(octets, Pipe) else self.send(bytes(octets))
        if self._out:
            self._keep(memoryview(bytes(octets)))
            return False
        if self._broken or self._closed:
            return True
        try:
            sent = calls.send(self._socket, self._fd, octets)
        except OSError:
            self._write_failed()
            return True
        if sent == len(octets):
            if self._worker.room < 0:
                self._worker.room = calls.room(self._socket, self._fd)
            return True
        self._keep(memoryview(bytes(octets[sent:])))
        self._watch()
        return False

    def _send_piped(self, pipe: Pipe) -> bool:
        """As `send`; the pipe is empty then."""
        if self._broken or self._closed:
            return True
        if self._out or pipe.left < len(pipe):
            return self.send(bytes(pipe))
        try:
            pipe.pour(self._fd)
        except OSError:
            self._write_failed()
            return True
        process = self._worker.process
        process.cells[SPLICED_OUT] += pipe.passed()
        if not pipe.left:
            if self._worker.room < 0:
                self._worker.room = calls.room(self._socket, self._fd)
            return True
        self._keep(memoryview(pipe.rest()))
        self._watch()
        return False

    def send_both(self, first: bytes, then: bytes | memoryview) -> bool:
        """Write two pieces by one call; as `send`."""
        if self._out or self._broken or self._closed:
            return self.send(first + then)
        try:
            sent = calls.send_both(self._socket, self._fd, first, then)
        except OSError:
            self._write_failed()
            return True
        if sent == len(first) + len(then):
            if self._worker.room < 0:
                self._worker.room = calls.room(self._socket, self._fd)
            return True
        self._keep(memoryview((first + then)[sent:]))
        self._watch()
        return False

    def takes_at_once(self) -> int:
        """How many octets the kernel would take now by one `send`, about."""
        return 0 if self._out or self._broken or self._closed else calls.room(self._socket, self._fd)

    def _keep(self, octets: memoryview) -> None:
        if self._out is None:
            self._out = deque()
        self._out.append(octets)
        self.pending += len(octets)

    def _writable(self) -> None:
        out = self._out
        if self._closing:
            self._be_patient()
        while out:
            try:
                sent = calls.send(self._socket, self._fd, out[0])
            except OSError:
                self._write_failed()
                return
            if not sent:
                return
            self.pending -= sent
            self.taken_ms = self._worker.now_ms
            if sent < len(out[0]):
                out[0] = out[0][sent:]
                return
            out.popleft()
        if self._closing:
            self._close_now()
            return
        self._watch()
        if self._ending:
            self._shutdown()
        owner = self.owner
        if owner is not None:
            self._worker.guarded(owner, owner.drained)

    def _write_failed(self) -> None:
        """The peer has gone. What it sent before may still be there: read on, whoever had paused that."""
        self._broken = True
        self._drop_output()
        if self._closing:
            self._close_now()
        elif self._ended:
            self._worker.soon(self._tell_lost)
        else:
            self._watch()

    def _tell_lost(self) -> None:
        owner = self.owner
        if owner is not None and not self._closed:
            self._worker.guarded(owner, owner.lost)

    def _drop_output(self) -> None:
        self._out = None
        self.pending = 0
        if not self._closed:
            self._watch()

    # ending

    def end_writing(self) -> None:
        """Half-close once everything pending has left."""
        if not self._ending:
            self._ending = True
            self._settle_soon()

    def _settle_soon(self) -> None:
        """What the kernel need not be told at once: where the other side ends too before that, all of it is told by closing."""
        if not (self._unsettled or self._closed):
            self._unsettled = True
            self._worker.soon(self)

    def settle(self) -> None:
        """Tell the kernel what was put off."""
        self._unsettled = False
        if self._closed:
            return
        self._watch()
        if self._ending and not self._out:
            self._shutdown()

    def _shutdown(self) -> None:
        if self._shut:
            return
        self._shut = True
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._broken = True         # the peer reset it meanwhile; reading will tell

    def close(self) -> None:
        """Close once everything pending has left, in bounded time."""
        if self._closed or self._closing:
            return
        self.owner = None
        if self._out and not self._broken:
            self._closing = True
            self._watch()
            self._close_by_ms = self._worker.now_ms + CLOSE_AT_LAST_MS
            self._be_patient()
            self._worker.closing_links.add(self)
        else:
            self._close_now()

    def _be_patient(self) -> None:
        worker = self._worker
        worker.timers.arm(self, min(worker.now_ms + CLOSE_PATIENCE_MS, self._close_by_ms))

    def deadline_reached(self, now_ms: int) -> None:
        """The peer does not take the last octets."""
        self.abort()

    def abort(self) -> None:
        """Close now, by a reset."""
        if self._closed:
            return
        self.owner = None
        self._drop_output()
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        except OSError:
            self._broken = True         # it is gone already, which is what was wanted
        self._close_now()

    def _close_now(self) -> None:
        self._closed = True
        worker = self._worker
        worker.timers.forget(self)
        if self._watched:
            self._watched = 0
            worker.readiness.forget(self._fd)
        calls.close(self._socket)
        if self._closing:
            worker.link_closed(self)

    # asking the kernel

    def is_alive(self) -> bool:
        """True when the peer is there and silent."""
        try:
            self._socket.recv(1, PEEK)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        return False

    def local_address(self) -> tuple[str, int] | None:
        """Our own end; None for a unix socket or a lost connection."""
        try:
            name = self._socket.getsockname()
        except OSError:
            return None
        return (name[0], name[1]) if isinstance(name, tuple) else None


def new_link(worker: Worker, connected: socket.socket) -> SocketLink:
    """As `SocketLink`, sooner."""
    link = SocketLink.__new__(SocketLink)
    link.prepare_socket(worker, connected)
    return link
