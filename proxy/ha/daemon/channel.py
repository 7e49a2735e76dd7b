"""Configurations from the parent to a child: pickles with their length before them, over a socket pair of our own processes.

When the parent has gone the channel ends, and with it the child: nobody may speak VRRP that nobody can stop.
"""

from __future__ import annotations

import pickle
import socket
import struct
from collections import deque
from typing import Any

from proxy.ha.loop import Loop

_LENGTH = struct.Struct("!I")


class Sending:
    """The parent's end."""

    def __init__(self, loop: Loop, sock: socket.socket) -> None:
        self._loop, self._socket = loop, sock
        self._waiting: deque[memoryview] = deque()
        sock.setblocking(False)

    def send(self, message: Any) -> None:
        """Send a message as fast as the child takes it."""
        octets = pickle.dumps(message, protocol=5)
        self._waiting.append(memoryview(_LENGTH.pack(len(octets)) + octets))
        self._write()

    def close(self) -> None:
        """Say no more."""
        self._loop.remove(self._socket.fileno())
        self._socket.close()

    def _write(self) -> None:
        while self._waiting:
            try:
                sent = self._socket.send(self._waiting[0])
            except BlockingIOError:
                self._loop.add_writer(self._socket.fileno(), self._write)
                return
            except OSError:                 # the child has ended; whoever waits for it says so
                self._waiting.clear()
                break
            left = self._waiting[0][sent:]
            if left:
                self._waiting[0] = left
            else:
                self._waiting.popleft()
        self._loop.remove_writer(self._socket.fileno())


class Receiving:
    """The child's end."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._octets = bytearray()
        sock.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> list[Any] | None:
        """The messages that are there; None when the parent has gone."""
        ended = False
        while True:
            try:
                octets = self._socket.recv(1 << 16)
            except BlockingIOError:
                break
            except OSError:
                ended = True
                break
            if not octets:
                ended = True
                break
            self._octets += octets
        messages: list[Any] = []
        while len(self._octets) >= 4:
            length = _LENGTH.unpack_from(self._octets)[0]
            if len(self._octets) < 4 + length:
                break
            messages.append(pickle.loads(bytes(self._octets[4 : 4 + length])))
            del self._octets[: 4 + length]
        return None if ended and not messages else messages

    def close(self) -> None:
        self._socket.close()
