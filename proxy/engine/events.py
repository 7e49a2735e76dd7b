"""What happened to servers and backends, told where HAProxy tells it: the proxy's log and stderr."""

from __future__ import annotations

from collections.abc import Callable

from proxy.runtime.backend import Backend
from proxy.runtime.server import Server

Say = Callable[[str, str], None]
Change = Callable[[Server, bool, int], tuple[int, int]]


class Announcer:
    """Events (`runtime.log.Events`) of one process.

    `change` has the data plane act on a change of a server (`Worker.server_changed`).
    `say(severity, text)` writes a line for the operator ("WARNING" here), as HAProxy does on stderr while it is in the
    foreground; None keeps quiet.
    """

    __slots__ = ("_change", "_say", "on_change")

    def __init__(self, change: Change, say: Say | None = None) -> None:
        self._change = change
        self._say = say
        self.on_change: Callable[[Server], None] | None = None

    def server_event(self, server: Server, level: str, text: str) -> None:
        """A line about a server."""
        self._tell(server.backend, level, text, text)

    def backend_event(self, backend: Backend, level: str, text: str) -> None:
        """A line about a backend; HAProxy quotes its name on stderr only."""
        self._tell(backend, level, text, text.replace(f" {backend.name} ", f" '{backend.name}' ", 1))

    def _tell(self, backend: Backend, level: str, text: str, spoken: str) -> None:
        if self._say is not None:
            self._say("ALERT" if level == "emerg" else "WARNING", spoken)
        if backend.log is not None:
            backend.log.event(level, text)

    def server_changed(self, server: Server, was_up: bool, now_ms: int) -> tuple[int, int]:
        """Let the data plane act on a change of state or weight."""
        moved = self._change(server, was_up, now_ms)
        if self.on_change is not None:
            self.on_change(server)
        return moved
