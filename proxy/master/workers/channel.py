"""The line between the master and one worker: packets over a socket pair, in their order, never waited for.

    packet:  length (4 octets, network order, of the rest) | kind (1 octet) | payload

Structured payloads are JSON, octets in them as text of the same code points; pieces of documents are plain octets. The other end
is a fork of the same program, but it may have been talked into something by its clients: what comes is bounded and read by
explicit tables, and a line that is not understood is closed.
"""

from __future__ import annotations

import json
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

HEAD_OCTETS = 4
PACKET_MAX = 16 << 20
PENDING_MAX = 64 << 20          # a peer that lets so much wait is as good as dead
READ_OCTETS = 65536


class LineBroken(Exception):
    """The other end is gone, or sends what it should not."""


class Channel:
    """One end. `send` keeps what the kernel does not take and calls `on_pending`: `flush` is wanted when it can be written."""

    __slots__ = ("_in", "_out", "_pending", "_socket", "is_broken", "on_pending")

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._socket = end
        self._in = bytearray()
        self._out: deque[memoryview] = deque()
        self._pending = 0
        self.is_broken = False
        self.on_pending: Callable[[], None] | None = None

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def has_pending(self) -> bool:
        return bool(self._out)

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        """Send a packet; to a broken line it is lost, and reading tells."""
        if self.is_broken:
            return
        packet = memoryview((1 + len(payload)).to_bytes(HEAD_OCTETS, "big") + kind + payload)
        self._pending += len(packet)
        if self._pending > PENDING_MAX:
            self._break()
            return
        self._out.append(packet)
        if len(self._out) == 1:
            self.flush()
            if self._out and self.on_pending is not None:
                self.on_pending()

    def send_values(self, kind: bytes, *values: Any) -> None:
        """Send a packet of values: numbers, texts, None, lists of them."""
        self.send(kind, json.dumps(values, separators=(",", ":")).encode())

    def flush(self) -> None:
        """Write what is pending, as far as the kernel takes it."""
        while self._out:
            try:
                sent = self._socket.send(self._out[0])
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self._break()
                return
            self._pending -= sent
            if sent < len(self._out[0]):
                self._out[0] = self._out[0][sent:]
                return
            self._out.popleft()

    def receive(self) -> list[tuple[bytes, bytes]]:
        """The packets (kind, payload) that have come.

        Raises: LineBroken, once nothing is left to be read.
        """
        packets: list[tuple[bytes, bytes]] = []
        ended = self.is_broken
        while not ended:
            try:
                octets = self._socket.recv(READ_OCTETS)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                octets = b""
            ended = not octets
            self._in += octets
            if not self._unpack(packets):
                ended = True
            if len(octets) < READ_OCTETS:
                break
        if ended:
            self._break()
            if not packets:
                raise LineBroken
        return packets

    def _unpack(self, packets: list[tuple[bytes, bytes]]) -> bool:
        """Take whole packets out of what has come; False when there is one that can not be."""
        place, come = 0, self._in
        while len(come) - place > HEAD_OCTETS:
            length = int.from_bytes(come[place : place + HEAD_OCTETS], "big")
            if not 0 < length <= PACKET_MAX:
                return False
            end = place + HEAD_OCTETS + length
            if len(come) < end:
                break
            start = place + HEAD_OCTETS
            packets.append((bytes(come[start : start + 1]), bytes(come[start + 1 : end])))
            place = end
        del come[:place]
        return True

    def _break(self) -> None:
        self.is_broken = True
        self._out.clear()
        self._pending = 0

    def close(self) -> None:
        """Close this end."""
        self._break()
        self._socket.close()


def values_of(payload: bytes, *kinds: type | tuple[type, ...]) -> list[Any]:
    """The values of a packet, each of the kind it must be.

    Raises: LineBroken.
    """
    try:
        values = json.loads(payload)
    except (ValueError, RecursionError):
        raise LineBroken from None
    if not isinstance(values, list) or len(values) != len(kinds) or not all(map(isinstance, values, kinds)):
        raise LineBroken
    return values


def text_of(octets: bytes) -> str:
    """Octets as text of the same code points."""
    return octets.decode("latin-1")


def octets_of(text: str) -> bytes:
    """Such text as octets again.

    Raises: LineBroken.
    """
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise LineBroken from None
