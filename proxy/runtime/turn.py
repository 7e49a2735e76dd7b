"""Whose turn it is: a number that counts picks, of one process or of all workers together.

Workers must alternate strictly, so that taking a turn has to be one indivisible step across processes: two that add to one cell
of shared memory would now and then get the same turn. Compiled (turn.pyx), it is an atomic addition to a cell of a mapping that
all share. Python has none; what the kernel offers, without a lock that could be left behind by a worker that is killed, is the
offset of an open file: `lseek(SEEK_CUR)` on a regular file is atomic among all who share it, and it returns the sum. That is one
system call per pick, only where there are workers.

Source: POSIX.1-2017, XSH 2.9.7 "Thread Interactions with Regular File Operations" (lseek among them); open(2).
"""

from __future__ import annotations

import os


class Turn:
    """The turns of one process, or stands for those of several in a test (`is_shared`).

    `pinned` stands for `now` while it is not None: a worker that follows a change which the master made at that turn.
    """

    __slots__ = ("_taken", "is_shared", "pinned")

    def __init__(self, is_shared: bool = False) -> None:
        self._taken = 0
        self.is_shared = is_shared
        self.pinned: int | None = None

    def take(self, count: int = 1) -> int:
        """Take the next turn, or several; the number of the first, from 0 on."""
        turn = self._taken
        self._taken = turn + count
        return turn

    def now(self) -> int:
        """The number of the turn that nobody has taken yet."""
        return self._taken if self.pinned is None else self.pinned

    def fileno(self) -> int:
        """The descriptor that a worker must keep, -1 for none."""
        return -1

    def close(self) -> None:
        """Give back what it holds."""


class SharedTurn(Turn):
    """The turns of all workers (made by `shared_turns`)."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        Turn.__init__(self, True)
        self._fd = fd

    def take(self, count: int = 1) -> int:
        return os.lseek(self._fd, count, os.SEEK_CUR) - count

    def now(self) -> int:
        return os.lseek(self._fd, 0, os.SEEK_CUR) if self.pinned is None else self.pinned

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def shared_turns(count: int) -> list[Turn]:
    """So many counts of turns, to be shared with the processes that are forked afterwards.

    Raises: OSError.
    """
    turns: list[Turn] = []
    try:
        for _ in range(count):
            turns.append(SharedTurn(_regular_file()))
    except OSError:
        for turn in turns:
            turn.close()
        raise
    return turns


def _regular_file() -> int:
    memory = os.memfd_create("turn", os.MFD_CLOEXEC)
    try:
        # What memfd_create gives is not subject to the rules for regular files; the same file, opened, is.
        return os.open(f"/proc/self/fd/{memory}", os.O_RDWR | os.O_CLOEXEC)
    finally:
        os.close(memory)
