"""The admin form's actions on the running process: state changes go through `runtime.transitions`, as all of them do."""

from __future__ import annotations

from collections.abc import Callable

from proxy.base.clock import Clock
from proxy.runtime import transitions
from proxy.runtime.log import Events
from proxy.runtime.server import Server
from proxy.runtime.states import Admin


class RuntimeActions:
    """Implements `admin_form.ServerActions`; `shutdown` ends every session of a server."""

    __slots__ = ("_clock", "_events", "_shutdown")

    def __init__(self, clock: Clock, events: Events, shutdown: Callable[[Server], object]) -> None:
        self._clock, self._events, self._shutdown = clock, events, shutdown

    def set_admin(self, server: Server, wanted: str) -> None:
        transitions.set_admin(server, wanted, self._clock.monotonic_ms(), self._events)

    def add_admin(self, server: Server, flag: Admin) -> None:
        transitions.add_admin(server, flag, self._clock.monotonic_ms(), self._events)

    def clear_admin(self, server: Server, flag: Admin) -> None:
        transitions.clear_admin(server, flag, self._clock.monotonic_ms(), self._events)

    def set_health(self, server: Server, wanted: str) -> None:
        transitions.set_health(server, wanted, self._clock.monotonic_ms(), self._events, "Web interface")

    def set_check_enabled(self, server: Server, enabled: bool) -> None:
        transitions.set_check_enabled(server, enabled)

    def shutdown_sessions(self, server: Server) -> None:
        self._shutdown(server)
