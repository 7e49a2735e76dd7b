"""Sockets on which commands are taken, on an event loop that does other things too."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import NamedTuple

from proxy.admin.conversation import LINE_MAX, Conversation, Speaker

READ_OCTETS = 4096


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

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take commands."""
        self._loop = loop
        for each in self._sockets:
            each.sock.setblocking(False)
            loop.add_reader(each.sock.fileno(), self._accept, each)

    def close(self) -> None:
        """Take none any more."""
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
        try:
            connected, _ = listening.sock.accept()
        except OSError:                     # it has gone already, or there is no descriptor for it now
            return
        if len(self._tasks) >= self._maxconn:
            connected.close()
            return
        connected.setblocking(False)
        assert self._loop is not None
        task = self._loop.create_task(self._converse(connected, listening))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, connected: socket.socket, listening: CommandSocket) -> None:
        loop = self._loop
        assert loop is not None
        said: list[str] = []
        conversation = Conversation(self._make_speaker(), listening.level, said.append, self._timeout_s)
        pending = b""
        with connected, contextlib.suppress(OSError, TimeoutError):
            while not conversation.has_ended():
                octets = await asyncio.wait_for(loop.sock_recv(connected, READ_OCTETS), conversation.timeout_s)
                pending += octets
                if not octets:
                    pending += b"\n" if pending else b""
                *lines, pending = pending.split(b"\n")
                for line in lines:
                    text = line.rstrip(b"\r").decode("utf-8", "surrogateescape")
                    if text == "_getsocks" and listening.hand_over is not None:
                        listening.hand_over(connected)
                        return
                    await conversation.line(text)
                    answer, said[:] = "".join(said), []
                    await asyncio.wait_for(
                        loop.sock_sendall(connected, answer.encode("utf-8", "surrogateescape")), self._timeout_s)
                    if conversation.has_ended():
                        break
                if not octets or len(pending) > LINE_MAX:
                    return
