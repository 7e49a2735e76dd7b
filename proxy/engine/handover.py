"""Listening sockets go from a process to its successor, so that a reload refuses no client and loses none.

    old: Offer (an abstract socket named after its pid) ◀── connects, shows who it is ── new: take_over(pids)
         every listening socket, as descriptors          ──▶ used in the place of binding what has the same address
    old: told to finish, closes its own descriptors; the sockets, and the clients that wait in them, are the successor's

A second socket beside the old one would not do: the kernel spreads clients over both, and resets those that wait in the one that
is closed. The number of workers may differ: sockets too many are served by the workers there are, missing ones are bound beside.

Both sides look at who the other one is: sockets are given to root and to the user that runs the old process, and are taken from
the very process that is to be replaced, not from one that has taken the name.

Source: unix(7), SCM_RIGHTS, SO_PEERCRED (a listener's: of the process that called listen()).
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from proxy.base.addresses import Family
from proxy.runtime.frontend import Listener

NAME = "\0pyproxy-listeners-%d"
PATIENCE_S = 2.0                    # an old process that does not answer has its sockets bound beside
PER_MESSAGE = 200                   # descriptors; the kernel takes 253
MESSAGE_MAX = 1 << 16
CREDENTIALS = struct.Struct("iII")  # struct ucred: pid, uid, gid
INHERITED_MAX = 20_000
TRANSPARENT = 19                    # IP_TRANSPARENT

Listening = Iterable[tuple[Listener, socket.socket]]


class Offer:
    """The old process's side. `sockets` gives what it listens on at that moment.

    Never raises: where it cannot be made, a successor binds beside.
    """

    def __init__(self, sockets: Callable[[], Listening]) -> None:
        self._sockets = sockets
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

    def _asked(self) -> None:
        if self._socket is None:
            return
        try:
            successor, _ = self._socket.accept()
        except OSError:
            return
        with successor, contextlib.suppress(OSError):       # it has gone, or does not read: then it binds beside
            successor.setblocking(False)
            if peer_of(successor).uid in (0, os.geteuid()):
                self._give(successor)

    def _give(self, successor: socket.socket) -> None:
        own = (each for each in self._sockets() if each[0].address.family is not Family.DESCRIPTOR)
        given = [(_path(listener), sock) for listener, sock in own]
        for first in range(0, len(given), PER_MESSAGE):
            part = given[first : first + PER_MESSAGE]
            numbers = array.array("i", (sock.fileno() for _, sock in part))
            successor.sendmsg([json.dumps([path for path, _ in part]).encode()],
                              [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])


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

    def __init__(self, found: Iterable[tuple[str, socket.socket]] = ()) -> None:
        self._found: dict[tuple[Any, ...], list[socket.socket]] = {}
        for path, sock in found:
            self._found.setdefault(_key(sock, path), []).append(sock)

    def take(self, family: int, sockaddr: Any, bind: Any) -> list[socket.socket]:
        """Copies of the sockets that are bound as this one would be."""
        sockets = self._found.get(_wanted_key(family, sockaddr, bind), [])
        return [sock.dup() for sock in sockets]

    def close(self) -> None:
        """Close what was received; copies that were taken stay open."""
        for sockets in self._found.values():
            for sock in sockets:
                sock.close()
        self._found.clear()


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
        interface, transparent, only_v6 = bind.interface.encode(), int(bind.transparent), int(bind.v6only)
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
    found: list[tuple[str, socket.socket]] = []
    for pid in pids:
        with contextlib.suppress(OSError, ValueError):
            found += _ask(pid)
    return Inherited(found)


def _ask(pid: int) -> list[tuple[str, socket.socket]]:
    """Raises: OSError, ValueError for an answer that is none."""
    found: list[tuple[str, socket.socket]] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as old:
        old.settimeout(PATIENCE_S)
        old.connect(NAME % pid)
        if peer_of(old).pid != pid:
            return found
        while len(found) < INHERITED_MAX:
            octets, numbers, _, _ = socket.recv_fds(old, MESSAGE_MAX, PER_MESSAGE)
            if not octets:
                return found
            sockets = [socket.socket(fileno=number) for number in numbers]
            paths = json.loads(octets)
            found += zip(map(str, paths), sockets, strict=True)
    return found
