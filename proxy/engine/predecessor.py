"""An old process as its successor sees it: what it has counted, how its servers stand, and the connection that ends with it.

    {"account": true}, [account, board]                        once the connection is there
    {"states": true}, [states]                                 it is told to finish: this is how its servers stand
    {"ancestor": true}, [account, board, connection]           and whom it still followed itself: its successor goes on with that

Files hold JSON and have no name, the board is the memory that the old process writes its counters to (`runtime.legacy`).
"""

from __future__ import annotations

import array
import contextlib
import json
import mmap
import os
import socket
from collections.abc import Iterable
from typing import Any

from proxy.runtime.legacy import Legacy, ServerMemory, account, read_states, states
from proxy.runtime.process import Process

PER_MESSAGE = 200                   # descriptors; the kernel takes 253
MESSAGE_MAX = 1 << 16

NO_ANSWER = (ValueError, TypeError, LookupError, AttributeError)     # what is raised by an answer that is none

States = dict[tuple[str, str], ServerMemory]


class Predecessor:
    """An old process that goes on counting: its legacy, and the connection that ends with it."""

    def __init__(self, said: dict[str, Any], board_fd: int, connection: socket.socket) -> None:
        """Raises: OSError, and what NO_ANSWER has for an account that is none; descriptors stay the caller's then."""
        self._memory = mmap.mmap(board_fd, 0, prot=mmap.PROT_READ)
        try:
            self.legacy = Legacy(said, self._memory)
        except BaseException:
            self._memory.close()
            raise
        self.connection = connection
        self._said = said
        self._board_fd = board_fd

    def hear(self) -> States | Predecessor | None:
        """How its servers stand, or somebody that it follows no longer itself; None when it has gone.

        Raises: BlockingIOError when it has said nothing, what NO_ANSWER has for what makes no sense.
        """
        try:
            octets, numbers, _, _ = socket.recv_fds(self.connection, MESSAGE_MAX, PER_MESSAGE)
        except ConnectionError:
            return None
        if not octets:
            return None
        with Received(numbers) as received:
            if "ancestor" in json.loads(octets):
                return received.ancestor()
            return read_states(received.json())

    def pass_on(self, successor: socket.socket) -> None:
        """Let somebody go on where we have stopped to look.

        Raises: OSError.
        """
        said = json.dumps({**self._said, "seen": self.legacy.seen}).encode()
        send_file(successor, {"ancestor": True}, said, [self._board_fd, self.connection.fileno()])

    def close(self) -> None:
        """Look at it no more."""
        self.legacy.release()
        self._memory.close()
        os.close(self._board_fd)
        self.connection.close()


class Received:
    """Descriptors of a message: those that nobody takes are closed at the end.

    `json`, `account` and `ancestor` raise OSError, and what NO_ANSWER has for a message that is none.
    """

    def __init__(self, numbers: Iterable[int]) -> None:
        self._numbers = list(numbers)

    def __enter__(self) -> Received:
        return self

    def __exit__(self, *_: object) -> None:
        for number in self._numbers:
            os.close(number)

    def json(self) -> Any:
        """What the first of them, a file, says."""
        (first, *_) = self._numbers
        with os.fdopen(os.dup(first), "rb") as file:
            file.seek(0)
            return json.load(file)

    def account(self, connection: socket.socket) -> Predecessor:
        """The process at the other end of this connection."""
        _, board = self._numbers
        predecessor = Predecessor(self.json(), board, connection)
        self._numbers.remove(board)
        connection.setblocking(False)
        return predecessor

    def ancestor(self) -> Predecessor:
        """A process that we have had no connection to before."""
        _, board, connection = self._numbers
        said = self.json()
        with contextlib.ExitStack() as failing:
            connected = failing.enter_context(socket.socket(fileno=os.dup(connection)))
            predecessor = Predecessor(said, board, connected)
            failing.pop_all()
        self._numbers.remove(board)
        connected.setblocking(False)
        return predecessor


def give_account(successor: socket.socket, process: Process) -> None:
    """Raises: OSError."""
    send_file(successor, {"account": True}, json.dumps(account(process)).encode(), [process.board.fd])


def give_states(successor: socket.socket, process: Process) -> None:
    """Raises: OSError."""
    send_file(successor, {"states": True}, json.dumps(states(process)).encode(), [])


def send_file(successor: socket.socket, value: dict[str, Any], octets: bytes, others: list[int]) -> None:
    """Send what is too long for a message as a nameless file, and other descriptors with it.

    Raises: OSError.
    """
    fd = os.memfd_create("account", os.MFD_CLOEXEC)
    with os.fdopen(fd, "wb") as file:
        file.write(octets)
        file.flush()
        send(successor, value, [fd, *others])


def send(successor: socket.socket, value: dict[str, Any], descriptors: list[int]) -> None:
    """Raises: OSError."""
    numbers = array.array("i", descriptors)
    successor.sendmsg([json.dumps(value).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)] if descriptors else [])
