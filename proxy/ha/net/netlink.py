"""rtnetlink without a library: messages, attributes, one request with its answer, and the stream of what changes."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator

from proxy.base.errors import PyproxyError

NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x800

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_NEWRULE, RTM_DELRULE = 32, 33

RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE = 1, 0x10, 0x40
RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_ROUTE = 0x100, 0x400

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_ERROR = struct.Struct("=i")
_RECEIVE_OCTETS = 1 << 17
NLA_F_NESTED, NLA_TYPE_MASK = 0x8000, 0x3FFF


class NetlinkError(PyproxyError):
    """The kernel has refused a request."""

    def __init__(self, number: int, what: str) -> None:
        self.errno = number
        super().__init__(f"{what}: {os.strerror(number)}")


Attributes = dict[int, bytes]


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def attributes(octets: bytes, start: int = 0) -> Attributes:
    """The attributes from there on; the last of a kind counts. What is cut off is left out."""
    found: Attributes = {}
    while start + 4 <= len(octets):
        length, kind = _ATTRIBUTE.unpack_from(octets, start)
        if length < 4 or start + length > len(octets):
            break
        found[kind & NLA_TYPE_MASK] = octets[start + 4 : start + length]
        start += (length + 3) & ~3
    return found


def messages(octets: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The messages of one datagram: kind, sequence number, what follows the header."""
    start = 0
    while start + 16 <= len(octets):
        length, kind, _, sequence, _ = _HEADER.unpack_from(octets, start)
        if length < 16 or start + length > len(octets):
            break
        yield kind, sequence, octets[start + 16 : start + length]
        start += (length + 3) & ~3


class Netlink:
    """A socket to the kernel for requests; each waits for its answer, which the kernel gives at once."""

    def __init__(self, protocol: int = socket.NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._socket.bind((0, 0))
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def request(self, kind: int, body: bytes, flags: int, what: str, ignore: Iterable[int] = ()) -> bool:
        """Send one request and wait for its acknowledgement; False when it was refused with a number of `ignore`.

        Raises: NetlinkError.
        """
        self._send(kind, body, flags | NLM_F_ACK)
        while True:
            for answer, sequence, content in messages(self._socket.recv(_RECEIVE_OCTETS)):
                if sequence == self._sequence and answer == NLMSG_ERROR:
                    number = -_ERROR.unpack_from(content)[0]
                    if number in ignore:
                        return False
                    if number:
                        raise NetlinkError(number, what)
                    return True

    def get(self, kind: int, body: bytes, what: str, ignore: Iterable[int] = ()) -> bytes | None:
        """The one answer to a question; None when it was refused with a number of `ignore`.

        Raises: NetlinkError.
        """
        self._send(kind, body, 0)
        while True:
            for answer, sequence, content in messages(self._socket.recv(_RECEIVE_OCTETS)):
                if sequence != self._sequence:
                    continue
                if answer != NLMSG_ERROR:
                    return content
                number = -_ERROR.unpack_from(content)[0]
                if number in ignore:
                    return None
                raise NetlinkError(number, what)

    def dump(self, kind: int, body: bytes) -> list[tuple[int, bytes]]:
        """Everything of a kind.

        Raises: NetlinkError.
        """
        self._send(kind, body, NLM_F_DUMP)
        found: list[tuple[int, bytes]] = []
        while True:
            for answer, sequence, content in messages(self._socket.recv(_RECEIVE_OCTETS)):
                if sequence != self._sequence:
                    continue
                if answer == NLMSG_DONE:
                    return found
                if answer == NLMSG_ERROR:
                    raise NetlinkError(-_ERROR.unpack_from(content)[0], "dump")
                found.append((answer, content))

    def _send(self, kind: int, body: bytes, flags: int) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        self._socket.send(_HEADER.pack(16 + len(body), kind, NLM_F_REQUEST | flags, self._sequence, 0) + body)


class Overrun(Exception):
    """The kernel had more to tell than we took: everything is to be read anew."""


class Monitor:
    """A socket that the kernel tells what changes in the groups asked for."""

    def __init__(self, groups: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK,
                                     socket.NETLINK_ROUTE)
        self._socket.bind((0, groups))

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def read(self) -> list[tuple[int, bytes]]:
        """What has changed since the last time: kinds and contents.

        Raises: Overrun.
        """
        found: list[tuple[int, bytes]] = []
        while True:
            try:
                octets, _, flags, _ = self._socket.recvmsg(_RECEIVE_OCTETS)
            except BlockingIOError:
                return found
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    raise Overrun from None
                raise
            if flags & socket.MSG_TRUNC:
                raise Overrun
            found += [(kind, content) for kind, _, content in messages(octets)]
