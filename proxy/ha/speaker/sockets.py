"""The raw sockets: one pair for each interface and family, made with the first instance there and closed with the last."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from proxy.ha.loop import Loop
from proxy.ha.net.adverts import AdvertSockets, Received

Deliver = Callable[[Received], None]


@dataclass(slots=True)
class _Shared:
    """One pair and who listens to it."""

    pair: AdvertSockets
    listeners: dict[int, dict[str, Deliver]] = field(default_factory=dict)


class SharedSockets:
    """Gives instances their sockets and packets, by virtual router id, their instances.

    `on_error` is told what a socket reports by itself (the interface has gone, say), `on_stranger` of packets for nobody here.
    """

    def __init__(self, loop: Loop, on_error: Callable[[str], None], on_stranger: Callable[[str, int, Received], None]) -> None:
        self._loop, self._on_error, self._on_stranger = loop, on_error, on_stranger
        self._shared: dict[tuple[int, int], _Shared] = {}

    def open(self, owner: str, vrid: int, version: int, index: int, name: str, deliver: Deliver) -> AdvertSockets:
        """The sockets of an interface (index 0: of any) for IP version 4 or 6; every packet for the router is delivered.

        Raises: OSError.
        """
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        shared = self._shared.get((family, index))
        if shared is None:
            shared = _Shared(AdvertSockets(family, index, name))
            self._shared[family, index] = shared
            self._loop.add_reader(shared.pair.fileno(), lambda: self._read(shared))
        shared.listeners.setdefault(vrid, {})[owner] = deliver
        return shared.pair

    def release(self, owner: str) -> None:
        """An instance needs its sockets no more."""
        for key, shared in list(self._shared.items()):
            for owners in shared.listeners.values():
                owners.pop(owner, None)
            if not any(shared.listeners.values()):
                self._loop.remove(shared.pair.fileno())
                shared.pair.close()
                del self._shared[key]

    def _read(self, shared: _Shared) -> None:
        # A bound, so that a flood of packets does not keep the timers from running.
        for _ in range(64):
            try:
                received = shared.pair.receive()
            except OSError as error:
                self._on_error(f"{shared.pair.name or 'any interface'}: {error.strerror or error}")
                return
            if received is None:
                return
            vrid = received.octets[1] if len(received.octets) > 1 else -1
            owners = shared.listeners.get(vrid)
            if not owners:
                self._on_stranger(shared.pair.name, vrid, received)
                continue
            for deliver in list(owners.values()):
                deliver(received)
