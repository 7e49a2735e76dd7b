"""The sockets to the name servers of one section: a datagram to each, whatever they answer handed on."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any, Protocol

from proxy.health.dns_message import Answer, NotAnAnswer, read_answer
from proxy.runtime.resolver_plan import NameserverPlan

DATAGRAM = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
RECEIVE_OCTETS = 65_535
AT_A_TIME = 64


class ReaderLoop(Protocol):
    """What is needed of an event loop."""

    def add_reader(self, fd: Any, callback: Any, /, *args: Any) -> Any: ...

    def remove_reader(self, fd: Any, /) -> Any: ...


class Nameservers:
    """Opened when something is first sent. One that cannot be reached is one that does not answer, and is tried anew each time.

    `heard(number of the name server, answer)` gets what comes; what is no answer is dropped.
    """

    def __init__(
        self, plans: tuple[NameserverPlan, ...], loop: ReaderLoop, heard: Callable[[int, Answer], None],
        make: Callable[[int], Any] = lambda family: socket.socket(family, DATAGRAM),
    ) -> None:
        self._plans = plans
        self._loop = loop
        self._heard = heard
        self._make = make
        self._sockets: dict[int, Any] = {}

    def send(self, octets: bytes) -> None:
        """Ask them all."""
        for number, plan in enumerate(self._plans):
            try:
                self._socket(number, plan).send(octets)
            except OSError:             # the port that nobody listens at is told of here, too
                self._close(number)

    def close(self) -> None:
        """Hear nothing more."""
        for number in tuple(self._sockets):
            self._close(number)

    def _socket(self, number: int, plan: NameserverPlan) -> Any:
        found = self._sockets.get(number)
        if found is None:
            found = self._make(plan.family)
            try:
                found.connect(plan.sockaddr)        # the kernel then drops what others send
            except OSError:
                found.close()
                raise
            self._sockets[number] = found
            self._loop.add_reader(found.fileno(), self._readable, number)
        return found

    def _readable(self, number: int) -> None:
        for _ in range(AT_A_TIME):
            found = self._sockets.get(number)
            if found is None:
                return
            try:
                octets = found.recv(RECEIVE_OCTETS)
            except BlockingIOError:
                return
            except OSError:
                self._close(number)
                return
            with contextlib.suppress(NotAnAnswer):
                self._heard(number, read_answer(octets))

    def _close(self, number: int) -> None:
        found = self._sockets.pop(number, None)
        if found is not None:
            self._loop.remove_reader(found.fileno())
            found.close()
