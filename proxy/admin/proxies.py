"""Commands about frontends and backends, and the limits of the process.

Source: HAProxy management guide, section 9.3; texts as HAProxy 2.6 says them.
"""

from __future__ import annotations

from collections.abc import Sequence

from proxy.admin.commands import Caller, Command
from proxy.admin.messages import Refused
from proxy.admin.naming import frontend_named, number_of, word
from proxy.admin.plane import Plane
from proxy.runtime.process import Process

MAXCONN_MAX = 2**31 - 1
_OUT_OF_RANGE = "Value out of range.\n"


class ProxyCommands:
    """Of one process."""

    def __init__(self, process: Process, plane: Plane) -> None:
        self._process = process
        self._plane = plane

    def rows(self) -> tuple[Command, ...]:
        """The rows of the table."""
        admin = "admin"
        return (
            Command(("disable", "frontend"), "disable frontend <frontend>", "temporarily disable specific frontend",
                    self._disable, admin),
            Command(("enable", "frontend"), "enable frontend <frontend>", "re-enable specific frontend", self._enable, admin),
            Command(("shutdown", "frontend"), "shutdown frontend <frontend>", "stop a specific frontend", self._shutdown, admin),
            Command(("set", "maxconn", "frontend"), "set maxconn frontend <frontend> <value>",
                    "change a frontend's maxconn setting", self._limit, admin),
            Command(("set", "maxconn", "global"), "set maxconn global <value>", "change the per-process maxconn setting",
                    self._limit_process, admin),
            Command(("show", "backend"), "show backend", "list backends in the current running config", self._backends),
        )

    def _disable(self, words: Sequence[str], caller: Caller) -> str:
        frontend = frontend_named(self._process, word(words, 0))
        if frontend.stopped:
            raise Refused("Frontend was previously shut down, cannot disable.\n")
        if frontend.paused:
            raise Refused("All sockets are already disabled.\n")
        self._plane.pause(frontend)
        return ""

    def _enable(self, words: Sequence[str], caller: Caller) -> str:
        frontend = frontend_named(self._process, word(words, 0))
        if frontend.stopped:
            raise Refused("Frontend was previously shut down, cannot enable.\n")
        if not frontend.paused:
            raise Refused("All sockets are already enabled.\n")
        if not self._plane.resume(frontend):
            raise Refused("Failed to resume frontend, check logs for precise cause (port conflict?).\n")
        return ""

    def _shutdown(self, words: Sequence[str], caller: Caller) -> str:
        frontend = frontend_named(self._process, word(words, 0))
        if frontend.stopped:
            raise Refused("Frontend was already shut down.\n")
        self._plane.stop(frontend)
        return ""

    def _limit(self, words: Sequence[str], caller: Caller) -> str:
        frontend = frontend_named(self._process, word(words, 0))
        if not word(words, 1):
            raise Refused("Integer value expected.\n")
        value = number_of(word(words, 1))
        if not 0 <= value <= MAXCONN_MAX:
            raise Refused(_OUT_OF_RANGE)
        self._plane.limit(frontend, value)
        return ""

    def _limit_process(self, words: Sequence[str], caller: Caller) -> str:
        if not word(words, 0):
            raise Refused("Expects an integer value.\n")
        value = number_of(word(words, 0))
        if value > self._process.hard_maxconn:
            raise Refused(_OUT_OF_RANGE)
        self._plane.limit(None, value if value > 0 else self._process.hard_maxconn)
        return ""

    def _backends(self, words: Sequence[str], caller: Caller) -> str:
        names = [backend.name for backend in self._process.backends]
        return "# name\n" + "".join(f"{name}\n" for name in names)
