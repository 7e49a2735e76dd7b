"""X-Forwarded-For and X-Original-To: telling the server the addresses that it cannot see.

A new line is appended to those the client sent; the last one is the true one.
Source: HAProxy configuration manual, "option forwardfor" and "option originalto".
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from proxy.base.octets import octets_of
from proxy.core.http1.head import RequestHead

LINES_KEPT = 1024


class AddressFieldPolicy:
    """One of these options, or a frontend's and a backend's together.

    `header` may be in any case, it leaves in lower case. Addresses inside `except_nets` are not told. With `if_none` a field that
    the client sent is trusted and nothing is added.
    Raises: ValueError for a network that is none.
    """

    __slots__ = ("_header", "_if_none", "_lines", "_name", "_nets", "_together")

    def __init__(self, header: str, except_nets: Sequence[str] = (), if_none: bool = False) -> None:
        self._header = header
        self._name = octets_of(header).lower()
        self._nets = tuple(ip_network(net, strict=False) for net in except_nets)
        self._if_none = if_none
        self._lines: dict[str, bytes] = {}
        self._together: dict[AddressFieldPolicy, AddressFieldPolicy] = {}

    def line(self, head: RequestHead, address: str) -> bytes:
        """The field line to append for a client (or destination) address, or nothing."""
        if self._if_none and head.get(self._name) is not None:
            return b""
        line = self._lines.get(address)
        return self._new_line(address) if line is None else line

    def _new_line(self, address: str) -> bytes:
        if len(self._lines) >= LINES_KEPT:
            self._lines.clear()
        told = bool(address) and not any(ip_address(address) in net for net in self._nets)
        line = self._lines[address] = self._name + b": " + address.encode("ascii") + b"\r\n" if told else b""
        return line

    def after(self, front: AddressFieldPolicy) -> AddressFieldPolicy:
        """This backend's option behind a frontend's: its header, the exceptions of both, `if-none` only when both say so."""
        if front is self:
            return self
        together = self._together.get(front)
        if together is None:
            together = AddressFieldPolicy(self._header, (), self._if_none and front._if_none)
            together._nets = self._nets + front._nets
            self._together[front] = together
        return together


def in_force(front: AddressFieldPolicy | None, back: AddressFieldPolicy | None) -> AddressFieldPolicy | None:
    """What holds when a frontend's request goes to a backend."""
    if front is None or back is None:
        return back or front
    return back.after(front)
