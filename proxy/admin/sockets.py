"""Sockets on which commands are taken, on an event loop that does other things too."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Sequence
from typing import NamedTuple

from proxy.admin.conversation import LINE_MAX, Conversation, Speaker

READ_OCTETS = 4096
SENT_AT_ONCE = 65536
EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
REST_S = 0.1


class CommandSocket(NamedTuple):
    """A listening socket. `hand_over` is told who wants the listening sockets (`expose-fd listeners`)."""

    sock: socket.socket
    level: str
    hand_over: Callable[[socket.socket], None] | None = None


class CommandSockets:
    """Life: made, start, close, which also closes the listening sockets."""

    def __init__(
        self, sockets: Sequence[CommandSocket], make_speaker: Callable[[], Speaker], timeout_s: float = 10.0, maxconn: int = 10
    ) -> None:
        self._sockets = list(sockets)
        self._make_speaker = make_speaker
        self._timeout_s = timeout_s
        self._maxconn = maxconn
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._resting: dict[socket.socket, asyncio.TimerHandle] = {}        # for want of descriptors

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take commands."""
        self._loop = loop
        for each in self._sockets:
            each.sock.setblocking(False)
            self._listen(each)

    def close(self) -> None:
        """Take none any more."""
        for timer in self._resting.values():
            timer.cancel()
        self._resting.clear()
        for each in self._sockets:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(each.sock.fileno())
            each.sock.close()
        self._sockets.clear()
        for task in list(self._tasks):
            task.cancel()

    async def ended(self) -> None:
        """Wait for the conversations that `close` has ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, listening: CommandSocket) -> None:
        assert self._loop is not None
        try:
            connected, _ = listening.sock.accept()
        except OSError as error:
            if error.errno in EXHAUSTED:            # it stays ready: asked at once, it would be asked for ever
                self._loop.remove_reader(listening.sock.fileno())
                self._resting[listening.sock] = self._loop.call_later(REST_S, self._listen, listening)
            return                                  # else the client has gone already
        if len(self._tasks) >= self._maxconn:
            connected.close()
            return
        connected.setblocking(False)
        task = self._loop.create_task(self._converse(connected, listening))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _listen(self, listening: CommandSocket) -> None:
        assert self._loop is not None
        self._resting.pop(listening.sock, None)
        self._loop.add_reader(listening.sock.fileno(), self._accept, listening)

    async def _converse(self, connected: socket.socket, listening: CommandSocket) -> None:
        """One connection: a line is to be whole within the timeout, however its octets drip."""
        loop = self._loop
        assert loop is not None

        async def send(answer: str) -> None:
            octets = memoryview(answer.encode("utf-8", "surrogateescape"))
            for start in range(0, len(octets), SENT_AT_ONCE):       # who reads slowly has the timeout for each piece
                await asyncio.wait_for(
                    loop.sock_sendall(connected, octets[start : start + SENT_AT_ONCE]), conversation.timeout_s)

        conversation = Conversation(self._make_speaker(), listening.level, send, self._timeout_s)
        pending, began_s = b"", loop.time()
        with connected, contextlib.suppress(OSError, TimeoutError):
            while not conversation.has_ended():
                left_s = conversation.timeout_s - (loop.time() - began_s)
                octets = await asyncio.wait_for(loop.sock_recv(connected, READ_OCTETS), max(0.0, left_s))
                pending += octets
                if not octets:
                    pending += b"\n" if pending else b""
                *lines, pending = pending.split(b"\n")
                for line in lines:
                    text = line.rstrip(b"\r").decode("utf-8", "surrogateescape")
                    if text == "_getsocks" and listening.hand_over is not None:
                        listening.hand_over(connected)
                        return
                    if len(line) <= LINE_MAX:
                        await conversation.line(text)
                    if conversation.has_ended() or len(line) > LINE_MAX:
                        return
                if lines:
                    began_s = loop.time()
                if not octets or len(pending) > LINE_MAX:
                    return
