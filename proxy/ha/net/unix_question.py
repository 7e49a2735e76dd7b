"""A question to a program of this machine, over its UNIX socket: asked once, answered until the other side closes."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from proxy.ha.loop import Loop

Done = Callable[[bytes | None, str], None]
"""Told the whole answer, or None and why there is none."""


class UnixQuestion:
    """One question; `done` is called once, unless it is cancelled before, and possibly before the constructor returns.

    More than `most` octets, or more than `patience_s` seconds, are no answer.
    """

    def __init__(self, loop: Loop, path: str, question: bytes, patience_s: float, most: int, done: Done) -> None:
        self._loop, self._path, self._most, self._done = loop, path, most, done
        self._answer = bytearray()
        self._socket: socket.socket | None = None
        self._patience = loop.timer(lambda: self._end(None, f"no answer in {patience_s:g} s"))
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            sock.connect(os.fsencode(path))
            sock.send(question)
        except (OSError, ValueError) as error:      # ValueError: the path is no path
            sock.close()
            done(None, f"{path}: {getattr(error, 'strerror', None) or error}")
            return
        self._socket = sock
        self._patience.set(loop.now() + patience_s)
        loop.add_reader(sock.fileno(), self._read)

    @property
    def waiting(self) -> bool:
        """Whether it has neither been answered nor given up."""
        return self._socket is not None

    def cancel(self) -> None:
        """Nobody wants to know any more."""
        self._patience.cancel()
        if self._socket is not None:
            self._loop.remove(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _read(self) -> None:
        if self._socket is None:
            return
        try:
            octets = self._socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(None, f"{self._path}: {error.strerror or error}")
            return
        self._answer += octets
        if len(self._answer) > self._most:
            self._end(None, "the answer has no end")
        elif not octets:
            self._end(bytes(self._answer), "")

    def _end(self, answer: bytes | None, why: str) -> None:
        self.cancel()
        self._done(answer, why)
