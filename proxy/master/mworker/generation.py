"""One worker of a master, from its start to its end, as the master sees it."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence

from proxy.master.mworker.line import ANSWER, ASK, READY, TOLD
from proxy.master.workers.channel import Channel, LineBroken, values_of

TOLD_MAX = 64 * 1024


class Generation:
    """A worker and the line to it.

    `reloads` is the number of the master's reload that started it; `told` is what it has said while it started.
    """

    def __init__(self, pid: int, end: socket.socket, reloads: int) -> None:
        self.pid = pid
        self.channel = Channel(end)
        self.reloads = reloads
        self.started_s = time.monotonic()
        self.version = ""
        self.max_reloads: int | None = None
        self.no_exit_on_failure = False
        self.is_ready = False
        self.told = ""
        self._asked = 0
        self._answers: dict[int, Callable[[str | None], None]] = {}

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; until it is waited for, the pid is its own."""
        os.kill(self.pid, number)

    def ask(self, command: str, level: str, answered: Callable[[str | None], None]) -> None:
        """Have it answer a command; None is answered when it has gone."""
        self._asked += 1
        self._answers[self._asked] = answered
        self.channel.send_values(ASK, self._asked, command, level)
        if self.channel.is_broken:
            self.gone()

    def heard(self) -> bool:
        """Read what it has to say; True once, when it is ready.

        Raises: LineBroken.
        """
        was_ready = self.is_ready
        for kind, payload in self.channel.receive():
            if kind == READY:
                version, max_reloads, no_exit = values_of(payload, str, (int, type(None)), bool)
                self.version, self.max_reloads, self.no_exit_on_failure = version, max_reloads, no_exit
                self.is_ready = True
            elif kind == TOLD:
                (text,) = values_of(payload, str)
                self.told = (self.told + text)[:TOLD_MAX]
            elif kind == ANSWER:
                number, text = values_of(payload, int, str)
                answered = self._answers.pop(number, None)
                if answered is not None:
                    answered(text)
            else:
                raise LineBroken
        return self.is_ready and not was_ready

    def gone(self) -> None:
        """It will answer no more."""
        answers, self._answers = self._answers, {}
        for answered in answers.values():
            answered(None)


def exit_status(code: int) -> int:
    """What a shell would show: 128 and the number of the signal that ended a process."""
    return code if code >= 0 else 128 - code


def exit_text(pid: int, status: int) -> str:
    """HAProxy's words for the end of a process."""
    how = "Exit" if status < 128 else signal.strsignal(status - 128) or "?"
    return f"({pid}) exited with code {status} ({how})"


def spawn(executable: str, words: Callable[[int], Sequence[str]], folder: str) -> tuple[int, socket.socket]:
    """Start the next worker as a new program; gives (pid, the master's end of its line). `words` makes its words with the line.

    Raises: OSError.
    """
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            theirs.set_inheritable(True)
            pid = os.fork()
            if pid == 0:
                try:
                    os.chdir(folder)
                    os.execv(executable, [executable, *words(theirs.fileno())])
                except OSError as error:
                    os.write(2, f"{executable}: {error.strerror}\n".encode())
                finally:
                    os._exit(1)
    except BaseException:
        ours.close()
        raise
    return pid, ours
