"""What every way to carry connections can be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from proxy.base.errors import PyproxyError
from proxy.ha.virtual.plan import Service, Timeouts, Traffic


class PlaneError(PyproxyError):
    """A plane could not do what it was asked; the message is for the user."""


Traffics = Mapping[str, Mapping[str, Traffic]]
"""Traffic by the names of services, then by the keys of servers."""


class Plane(Protocol):
    """One way to carry connections."""

    name: str
    tick_s: float
    """How often `tick` wants to be called; infinity for never."""

    def refuses(self, service: Service) -> str:
        """Why a service cannot be carried this way; "" when it can."""

    def start(self, timeouts: Timeouts, flush: bool) -> None:
        """Begin, taking over what an earlier process has left, or not (`flush`).

        Raises: PlaneError.
        """

    def apply(self, services: Sequence[Service]) -> None:
        """Carry exactly these services.

        Raises: PlaneError; what was carried before is then carried on.
        """

    def tick(self, now: float) -> None:
        """Do what depends on the connections there are.

        Raises: PlaneError.
        """

    def network_changed(self) -> None:
        """Interfaces, addresses or routes are not as they were.

        Raises: PlaneError.
        """

    def traffic(self, exact: bool) -> Traffics:
        """What the servers have had and have; connections that there are now may be an estimate unless `exact`.

        Raises: PlaneError.
        """

    def stop(self, keep: bool, flush: bool = False) -> None:
        """End; what is in the kernel stays there when `keep`, and what others have put there goes too when `flush`.

        Raises: PlaneError.
        """
