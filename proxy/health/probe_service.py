"""A check that talks to a service in its own protocol: the talk is in `services`, this carries it."""

from __future__ import annotations

from collections.abc import Callable

from proxy.health.result import Verdict
from proxy.health.services import SERVICES, Conversation
from proxy.runtime.check_plan import ConnectStep, ServicePlan

BUFFER_OCTETS = 16384
CONNECT = ConnectStep()


class ServiceProbe:
    """One check under way; `begin` starts it anew, so that one object serves all checks of a server."""

    __slots__ = ("_new", "_octets", "_plan", "_talk", "conditional", "state_field")

    def __init__(self, plan: ServicePlan) -> None:
        self._new = SERVICES[plan.kind]
        self._plan = plan
        self._talk: Conversation = self._new(plan)
        self._octets = b""
        self.conditional = False
        self.state_field: Callable[[], bytes] = bytes

    @property
    def speaks_first(self) -> bool:
        """Whether something is said before the service has spoken."""
        return bool(self._talk.opening)

    def begin(self) -> ConnectStep:
        """Start over; returns the connection to open."""
        self._talk = self._new(self._plan)
        self._octets = b""
        return CONNECT

    def connected(self) -> bytes | None:
        """The connection is open: what to say at once."""
        return self._talk.opening or None

    def received(self, octets: bytes) -> Verdict | bytes | None:
        """Octets of the service."""
        self._octets += octets
        said = self._talk.heard(self._octets, len(self._octets) > BUFFER_OCTETS)
        if isinstance(said, bytes):
            self._octets = b""
        return said

    def closed(self) -> Verdict | bytes | None:
        """The service says no more."""
        return self._talk.heard(self._octets, True) if self._octets else self._talk.silent

    def timed_out(self) -> Verdict:
        """What to say when the answer takes too long."""
        return self._talk.late
