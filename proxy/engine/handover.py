"""Listening sockets go from a process to its successor, so that a reload refuses no client and loses none.

    old: Offer (an abstract socket named after its pid) ◀── connects, shows who it is ── new: take_over(pids)
         every listening socket, as descriptors          ──▶ used in the place of binding what has the same address
         its account and its board, as descriptors       ──▶ counters and states go on (`runtime.legacy`)
    old: told to finish, says how its servers stand by now ──▶ what was changed since the account is changed here too
    old: closes its own descriptors; the sockets, and the clients that wait in them, are the successor's
    old: gone; the connection, which was kept for that, ends: its counters are final

    message: JSON {"listeners": [path or ""...]}, one descriptor each   |   what `predecessor` has
             {"ask": [pid...]}: a master names the worker that listens

A second socket beside the old one would not do: the kernel spreads clients over both, and resets those that wait in the one that
is closed. The number of workers may differ: sockets too many are served by the workers there are, missing ones are bound beside.

Both sides look at who the other one is: sockets are given to root and to the user that runs the old process, and are taken from
the very process that is to be replaced, not from one that has taken the name.

Source: unix(7), SCM_RIGHTS, SO_PEERCRED (a listener's: of the process that called listen()).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from proxy.base.addresses import Family
from proxy.base.octets import octets_of
from proxy.engine.predecessor import (
    MESSAGE_MAX,
    NO_ANSWER,
    PER_MESSAGE,
    Predecessor,
    Received,
    give_account,
    give_states,
    send,
)
from proxy.runtime.frontend import Listener
from proxy.runtime.process import Process

NAME = "\0pyproxy-listeners-%d"
PATIENCE_S = 2.0                    # an old process that does not answer has its sockets bound beside
CREDENTIALS = struct.Struct("iII")  # struct ucred: pid, uid, gid
INHERITED_MAX = 20_000
TRANSPARENT = 19                    # IP_TRANSPARENT

Listening = Iterable[tuple[Listener, socket.socket]]


class Offer:
    """The old process's side. `sockets` gives what it listens on at that moment, `process` what it has counted.

    Never raises: where it cannot be made, a successor binds beside.
    """

    def __init__(self, sockets: Callable[[], Listening], process: Process | None = None) -> None:
        self._sockets = sockets
        self._process = process
        self._successors: set[socket.socket] = set()        # they wait for our end
        self._loop: asyncio.AbstractEventLoop | None = None
        self._socket: socket.socket | None = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            self._socket.bind(NAME % os.getpid())
            self._socket.listen()
        except OSError:
            self._socket.close()
            self._socket = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer from now on."""
        if self._socket is not None:
            self._loop = loop
            loop.add_reader(self._socket.fileno(), self._asked)

    def close(self) -> None:
        """Give nothing any more."""
        offered, self._socket = self._socket, None
        if offered is not None:
            if self._loop is not None:
                self._loop.remove_reader(offered.fileno())
            offered.close()

    def last_words(self, followed: Iterable[Predecessor] = ()) -> bool:
        """Tell successors how servers stand, and whom they are to follow in our place; whether one was told.

        From now on nobody changes a server here.
        """
        told = False
        for successor in self._successors:
            with contextlib.suppress(OSError):          # it has gone
                assert self._process is not None
                give_states(successor, self._process)
                for predecessor in followed:
                    predecessor.pass_on(successor)
                told = True
        return told

    def end(self) -> None:
        """Let successors know that nothing is counted any more."""
        self.close()
        for successor in list(self._successors):
            self._forget(successor)

    def _asked(self) -> None:
        if self._socket is None:
            return
        try:
            successor, _ = self._socket.accept()
        except OSError:
            return
        successor.setblocking(False)
        if peer_of(successor).uid in (0, os.geteuid()):
            self.give(successor)
        else:
            successor.close()

    def give(self, successor: socket.socket) -> None:
        """Give everything to who is at the other end, which has shown that it may have it."""
        assert self._loop is not None
        try:
            give_listeners(successor, self._sockets())
            process = self._process
            counts = process is not None and process.board.fd >= 0
            if process is not None and counts:
                give_account(successor, process)
        except OSError:                     # it has gone, or does not read: then it binds beside
            counts = False
        if not counts:
            successor.close()
            return
        self._successors.add(successor)
        self._loop.add_reader(successor.fileno(), self._forget, successor)

    def hand_over(self, connected: socket.socket) -> None:
        """Give everything to who has asked over a stream, on which it may ask: over a connection of its own, sent there."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        with theirs:
            try:
                socket.send_fds(connected, [b"\n"], [theirs.fileno()])
            except OSError:
                ours.close()
                return
        self.give(ours)

    def _forget(self, successor: socket.socket) -> None:
        """It has gone itself, or sends what means nothing."""
        assert self._loop is not None
        self._successors.discard(successor)
        self._loop.remove_reader(successor.fileno())
        successor.close()


def give_listeners(successor: socket.socket, sockets: Listening) -> None:
    """Raises: OSError."""
    own = (each for each in sockets if each[0].address.family is not Family.DESCRIPTOR)
    given = [(_path(listener), sock) for listener, sock in own]
    for first in range(0, len(given), PER_MESSAGE):
        part = given[first : first + PER_MESSAGE]
        send(successor, {"listeners": [path for path, _ in part]}, [sock.fileno() for _, sock in part])


class MasterOffer(Offer):
    """A master's side: it listens nowhere itself, and names the processes that do."""

    def __init__(self, pids: Callable[[], list[int]]) -> None:
        Offer.__init__(self, list)
        self._pids = pids

    def give(self, successor: socket.socket) -> None:
        """Tell which of its processes to ask."""
        with successor, contextlib.suppress(OSError):
            send(successor, {"ask": self._pids()}, [])


class Peer(NamedTuple):
    """Who is at the other end."""

    pid: int
    uid: int


def peer_of(connected: socket.socket) -> Peer:
    """What the kernel says of it."""
    pid, uid, _ = CREDENTIALS.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    return Peer(pid, uid)


def _path(listener: Listener) -> str:
    """What a unix socket is called: it was bound under another name."""
    return listener.address.host if listener.address.family is Family.UNIX else ""


class Inherited:
    """The listening sockets of processes that are to be replaced; what is not taken is closed by `close`."""

    def __init__(self, found: Iterable[tuple[str, socket.socket]] = (), predecessors: Iterable[Predecessor] = ()) -> None:
        self._found: dict[tuple[Any, ...], list[socket.socket]] = {}
        for path, sock in found:
            self._found.setdefault(_key(sock, path), []).append(sock)
        self.predecessors = list(predecessors)

    def take(self, family: int, sockaddr: Any, bind: Any) -> list[socket.socket]:
        """Copies of the sockets that are bound as this one would be."""
        sockets = self._found.get(_wanted_key(family, sockaddr, bind), [])
        return [duplicate(sock) for sock in sockets]

    def take_predecessors(self) -> list[Predecessor]:
        """The processes that go on counting, whose closing is the caller's."""
        taken, self.predecessors = self.predecessors, []
        return taken

    def close(self) -> None:
        """Close what was received; copies that were taken stay open."""
        for sockets in self._found.values():
            for sock in sockets:
                sock.close()
        self._found.clear()
        for predecessor in self.predecessors:
            predecessor.close()
        self.predecessors.clear()


def duplicate(sock: socket.socket) -> socket.socket:
    """Another descriptor of a socket, whose flags stay as they are.

    `socket.dup` sets the timeout of the copy, which may be none: for a moment the socket would be a blocking one, in whatever
    process has it, and a worker that finds nobody to accept just then would sleep until the next client comes to it.
    """
    return socket.socket(sock.family, sock.type, sock.proto, fileno=os.dup(sock.fileno()))


def _key(sock: socket.socket, path: str) -> tuple[Any, ...]:
    """What decides that a socket is the one wanted: its address, and what cannot be changed once it is bound."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return (sock.family, path or name)
    only_v6 = transparent = 0
    if sock.family == socket.AF_INET6:
        only_v6 = sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    else:
        transparent = sock.getsockopt(socket.SOL_IP, TRANSPARENT)
    interface = sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).rstrip(b"\0")
    return (sock.family, socket.inet_pton(sock.family, name[0].partition("%")[0]), name[1], only_v6, transparent, interface)


def _wanted_key(family: int, sockaddr: Any, bind: Any) -> tuple[Any, ...]:
    if family == socket.AF_UNIX:
        return (family, sockaddr)
    only_v6 = transparent = 0
    interface = b""
    if bind is not None:
        interface, transparent, only_v6 = octets_of(bind.interface), int(bind.transparent), int(bind.v6only)
    if family == socket.AF_INET6:
        transparent = 0
        if bind is None or not (bind.v6only or bind.v4v6):
            only_v6 = _system_v6only()
    else:
        only_v6 = 0
    return (family, socket.inet_pton(family, sockaddr[0].partition("%")[0]), sockaddr[1], only_v6, transparent, interface)


def _system_v6only() -> int:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as plain:
        return plain.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


def take_over(pids: Iterable[int]) -> Inherited:
    """Ask processes for their listening sockets; one that has gone, is not ours or does not answer gives none."""
    answers = _Answers()
    for pid in pids:
        with contextlib.suppress(OSError, *NO_ANSWER):
            _ask(pid, answers)
    return Inherited(answers.sockets, answers.predecessors)


def take_over_at(path: str) -> Inherited:
    """Ask the process that has this stats socket, with `expose-fd listeners` (-x).

    Raises: OSError, ValueError, where there is none, or it gives nothing.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(PATIENCE_S)
        stream.connect(path)
        stream.sendall(b"_getsocks\n")
        _, numbers, _, _ = socket.recv_fds(stream, 1, 1)
    if not numbers:
        raise ValueError("it gives no sockets: its 'stats socket' line needs 'expose-fd listeners'")
    old = socket.socket(fileno=numbers[0])
    old.settimeout(PATIENCE_S)
    answers = _Answers()
    with contextlib.suppress(*NO_ANSWER):
        answers.receive(old)
    return Inherited(answers.sockets, answers.predecessors)


def _ask(pid: int, answers: _Answers) -> None:
    """Raises: OSError, and what NO_ANSWER has for an answer that is none."""
    old = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        old.settimeout(PATIENCE_S)
        old.connect(NAME % pid)
        if peer_of(old).pid != pid:
            old.close()
            return
    except BaseException:
        old.close()
        raise
    for other in answers.receive(old):
        if other != pid:
            _ask(other, answers)


class _Answers:
    """What old processes have given."""

    def __init__(self) -> None:
        self.sockets: list[tuple[str, socket.socket]] = []
        self.predecessors: list[Predecessor] = []

    def receive(self, old: socket.socket) -> list[int]:
        """Take all that one of them gives; gives whom it wants to be asked instead. The connection is closed, or kept.

        Raises: OSError, and what NO_ANSWER has for an answer that is none.
        """
        try:
            while len(self.sockets) < INHERITED_MAX:
                octets, numbers, _, _ = socket.recv_fds(old, MESSAGE_MAX, PER_MESSAGE)
                if not octets:
                    break
                value = json.loads(octets)
                if "listeners" in value:
                    sockets = [socket.socket(fileno=number) for number in numbers]
                    self.sockets += zip(map(str, value["listeners"]), sockets, strict=True)
                    continue
                with Received(numbers) as received:
                    if "account" in value:
                        self.predecessors.append(received.account(old))
                        return []
                old.close()
                return [pid for pid in value["ask"] if isinstance(pid, int)]
        except BaseException:
            old.close()
            raise
        old.close()
        return []
