"""Bulk octets on their way from socket to socket that nobody looks at: through a pipe of the worker, without a copy (splice(2)).

    socket --fill--> the pipe --pour--> its taker's socket              in one event: the kernel hands its pages on
                        +-----rest----> memory, pending at the taker's link             what the taker's kernel does not take

The pipe is empty between events. So one serves all connections of a worker, none has descriptors or octets in it while it waits,
and whatever ends or resets finds the same things pending as without it.

| what is read                                                                                              | goes by  |
|-----------------------------------------------------------------------------------------------------------|----------|
| a head, chunks, what is behind a body: whatever its owner has not let pass unseen (`Link.pass_unseen`)      | memory   |
| fewer than PIPED_OCTETS that may pass unseen; small pieces: none of the last reads brought PIPED_OCTETS     | memory   |
| for a taker whose kernel has no room for BODY_READ_OCTETS                                                   | memory   |
| where there is no pipe, or SIGPIPE is not ignored                                                           | memory   |
| what the pipe gets nothing of: the end, nothing yet, an urgent octet (which splice stops at, and recv skips) | memory   |
| the rest: never more than may pass unseen                                                                   | the pipe |

Reading by memory is thus the authority on ends. Errors of a connection are told by whichever way meets them: they are told once.

| the pipe | becomes | when                                                                                        |
|----------|---------|---------------------------------------------------------------------------------------------|
| none     | open    | large octets are to be read for the first time                                               |
| none     | none    | no descriptors, or the user's pages for pipes are used up: tried again after RETRY_MS          |
| open     | none    | an event is over and nobody has taken what is in it: closing is sooner than reading it          |
| any      | given up | the system cannot splice these sockets, or may not; `nosplice`, `-dS`; `-d`, which looks at all |
| any      | given up | the worker has stopped                                                                        |

Of what is in it nothing is lost when it is given up: the rest of this event goes by memory.
"""

from __future__ import annotations

import errno
import fcntl
import os

from proxy.core.stream.ports import Unseen
from proxy.engine import calls

PIPED_OCTETS = 32768            # fewer than that at once are copied sooner than moved
PIPE_OCTETS = 1 << 20           # what a user may have without further ado (fs.pipe-max-size)
LEAST_PIPE_OCTETS = 1 << 17     # less is no gain: a body's pieces in memory are as large
RETRY_MS = 1000
NO_PIPE = -1
NOT_SPLICED = frozenset((errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP))


class Pipe(Unseen):
    """A worker's pipe, and as its content the octets that a link hands to its owner.

    `left` counts those that are in it. Who asks for the octets gets them all; they are in memory from then on.
    Invariant: `left` is 0 before `fill` and after `clear`.
    """

    __slots__ = ("_count", "_memory", "_next_try_ms", "_poured", "_read_end", "_write_end", "is_given_up", "left", "size")

    def __init__(self) -> None:
        self._read_end = self._write_end = NO_PIPE
        self.size = PIPE_OCTETS
        self.is_given_up = False
        self.left = 0
        self._count = 0
        self._poured = 0
        self._memory: bytes | None = None
        self._next_try_ms = 0

    # as octets

    def __len__(self) -> int:
        return self._count

    def __bytes__(self) -> bytes:
        if self._memory is None:
            if self.left != self._count:
                raise AssertionError("octets are asked for that have been sent")
            self._memory = self.rest()
        return self._memory

    def __getitem__(self, part: slice) -> bytes:
        return bytes(self)[part]

    def passed(self) -> int:
        return self._poured

    # as a pipe

    def fill(self, fd: int, most: int, now_ms: int) -> int:
        """How many octets of a socket are in it now, at most `most`; 0 = none: reading by memory tells why.

        Raises: OSError, where the connection is broken.
        """
        if self.is_given_up or not calls.ignores_sigpipe():
            return 0
        if self._write_end == NO_PIPE and not self._open(now_ms):
            return 0
        try:
            count = calls.splice(fd, self._write_end, min(most, self.size))
        except OSError as error:
            if error.errno in NOT_SPLICED:
                self.give_up()
            elif error.errno != errno.ENOMEM:
                raise
            return 0
        self.left = self._count = count
        return count

    def pour(self, fd: int) -> int:
        """Send what is in it; how many octets the kernel has not taken.

        Raises: OSError, where the connection is broken.
        """
        try:
            self._poured = calls.splice(self._read_end, fd, self.left)
            self.left -= self._poured
        except OSError as error:
            if error.errno not in NOT_SPLICED:
                raise
            self.is_given_up = True         # and closed when the event is over
        return self.left

    def rest(self) -> bytes:
        """What has not been poured: in memory from now on."""
        pieces: list[bytes] = []
        while self.left:
            piece = os.read(self._read_end, self.left)
            if not piece:
                raise AssertionError("less is in the pipe than went into it")
            self.left -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def clear(self) -> None:
        """The event is over."""
        self._count = self._poured = 0
        self._memory = None
        if self.left or self.is_given_up:
            self.left = 0
            self._next_try_ms = 0
            self._close()

    def give_up(self) -> None:
        """Use no pipe any more."""
        self.is_given_up = True
        if not self.left:
            self._close()

    def _open(self, now_ms: int) -> bool:
        if now_ms < self._next_try_ms:
            return False
        self._next_try_ms = now_ms + RETRY_MS
        try:
            self._read_end, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return False
        self.size = PIPE_OCTETS
        while self.size >= LEAST_PIPE_OCTETS:
            try:
                self.size = fcntl.fcntl(self._write_end, fcntl.F_SETPIPE_SZ, self.size)
                return True
            except OSError:
                self.size //= 2
        self._close()
        return False

    def _close(self) -> None:
        for fd in (self._read_end, self._write_end):
            if fd != NO_PIPE:
                os.close(fd)
        self._read_end = self._write_end = NO_PIPE
