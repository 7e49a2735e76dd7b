"""A connection that asks once and is answered once."""

from __future__ import annotations

import socket
from collections.abc import Callable

from proxy.ha.loop import Loop

MAX_QUESTION = 8192


class OneAnswer:
    """Reads up to `end`, writes what `answer` gives for it, closes. Whoever takes longer than `patience_s` is cut off.

    An answer of None comes later, by `reply`, for which `answer` is told who asks.
    """

    def __init__(self, loop: Loop, connection: socket.socket, end: bytes, answer: Callable[[bytes, OneAnswer], bytes | None],
                 closed: Callable[[OneAnswer], None], patience_s: float) -> None:
        self._loop, self._connection, self._end, self._answer, self._closed = loop, connection, end, answer, closed
        self._question = bytearray()
        self._left = memoryview(b"")
        self._over = self._asked = False
        self._timer = loop.timer(self.close, loop.now() + patience_s)
        connection.setblocking(False)
        loop.add_reader(connection.fileno(), self._read)

    def _read(self) -> None:
        try:
            octets = self._connection.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self._question += octets
        if self._asked or len(self._question) > MAX_QUESTION or (not octets and self._end not in self._question):
            self.close()
        elif self._end in self._question:
            self._asked = True
            answer = self._answer(bytes(self._question), self)
            if answer is not None:
                self.reply(answer)

    def reply(self, answer: bytes) -> None:
        """Answer, unless whoever asked has gone."""
        if not self._over:
            self._left = memoryview(answer)
            self._write()

    def _write(self) -> None:
        try:
            sent = self._connection.send(self._left)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        self._left = self._left[sent:]
        if self._left:
            self._loop.add_writer(self._connection.fileno(), self._write)
        else:
            self.close()

    def close(self) -> None:
        """End it, answered or not."""
        if self._over:
            return
        self._over = True
        self._timer.cancel()
        self._loop.remove(self._connection.fileno())
        self._connection.close()
        self._closed(self)
