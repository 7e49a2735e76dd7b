"""A worker's end of the line to its master: says READY, answers commands, ends with the master.

| kind | from | payload |
|---|---|---|
| READY | worker | version, `mworker-max-reloads` or None, `no-exit-on-failure` |
| TOLD | worker | a text that it has told while it started |
| ASK | master | number, command, level |
| ANSWER | worker | number, text |
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from proxy.admin.commands import Answer
from proxy.base.errors import StartError
from proxy.base.version import HAPROXY_VERSION
from proxy.config.model import Global
from proxy.master.workers.channel import Channel, LineBroken, values_of

READY, TOLD, ASK, ANSWER = b"R", b"T", b"Q", b"A"
Answerer = Callable[[str, str], Answer]     # (command, level) to what is answered


class MasterLine:
    """Life: made, start, close. `answer` answers the commands of the master socket."""

    def __init__(self, end: socket.socket) -> None:
        self._channel = Channel(end)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alone: Callable[[], None] | None = None
        self._is_ready = False
        self.answer: Answerer | None = None
        self._answering: set[asyncio.Task[None]] = set()

    def fileno(self) -> int:
        return self._channel.fileno()

    def told(self, text: str) -> None:
        """Let the master know what the terminal was told, until it serves."""
        if not self._is_ready:
            self._channel.send_values(TOLD, text)

    def start(self, loop: asyncio.AbstractEventLoop, alone: Callable[[], None]) -> None:
        """Listen; `alone` is called when the master has gone."""
        self._loop, self._alone = loop, alone
        number = self._channel.fileno()
        loop.add_reader(number, self._heard)
        self._channel.on_pending = lambda: loop.add_writer(number, self._writable)

    def ready(self, settings: Global) -> None:
        """It serves."""
        self._is_ready = True
        self._channel.send_values(READY, HAPROXY_VERSION, settings.mworker_max_reloads, settings.no_exit_on_failure)

    def close(self) -> None:
        """Say no more."""
        self._forget()
        self._channel.close()

    def _forget(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None and not loop.is_closed():
            loop.remove_reader(self._channel.fileno())
            loop.remove_writer(self._channel.fileno())

    def _writable(self) -> None:
        self._channel.flush()
        if not self._channel.has_pending and self._loop is not None:
            self._loop.remove_writer(self._channel.fileno())

    def _heard(self) -> None:
        try:
            for kind, payload in self._channel.receive():
                if kind == ASK:
                    number, command, level = values_of(payload, int, str, str)
                    self._answer(number, self.answer(command, level) if self.answer is not None else "\n")
            if self._channel.is_broken:
                raise LineBroken
        except LineBroken:
            self._forget()
            if self._alone is not None:
                self._alone()

    def _answer(self, number: int, answer: Answer) -> None:
        """Send an answer; one that takes its time holds up nothing else."""
        if isinstance(answer, str):
            self._channel.send_values(ANSWER, number, answer)
            return

        async def later() -> None:
            self._channel.send_values(ANSWER, number, await answer)

        assert self._loop is not None
        task = self._loop.create_task(later())
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)


def line_of(descriptor: int) -> MasterLine:
    """The line that a master has left open under this number.

    Raises: StartError where there is none.
    """
    try:
        end = socket.socket(fileno=descriptor)
        end.getpeername()
    except OSError as error:
        raise StartError(
            "master", f"no master at the other end of 'sockpair@{descriptor}' ({error.strerror})",
            "only a master says '-x sockpair@'",
        ) from None
    end.set_inheritable(False)
    return MasterLine(end)
