"""What HAProxy tells of all proxies at once: their states on SIGHUP, that they were paused, that they stopped.

Each line is for one proxy: it goes to that proxy's log and to stderr, in the order of the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from proxy.runtime.backend import Backend
from proxy.runtime.cells import STOT
from proxy.runtime.counted import Counted
from proxy.runtime.frontend import Frontend
from proxy.runtime.process import Process
from proxy.runtime.status_text import server_is_up_word

Say = Callable[[str, str], None]


class Section(NamedTuple):
    """A proxy as the configuration has it: a listen section is both sides."""

    front: Frontend | None
    back: Backend | None

    @property
    def name(self) -> str:
        return self._side.name

    @property
    def disabled(self) -> bool:
        return self._side.disabled

    @property
    def _side(self) -> Frontend | Backend:
        side = self.front or self.back
        assert side is not None
        return side

    def log(self, level: str, text: str) -> None:
        """Send a line to the section's log, if it has one."""
        if self._side.log is not None:
            self._side.log.event(level, text)


def sections_of(process: Process) -> list[Section]:
    """The process's proxies by their number, which is their order unless the configuration gives numbers."""
    fronts = {frontend.iid: frontend for frontend in process.frontends}
    backs = {backend.iid: backend for backend in process.backends}
    return [Section(fronts.get(iid), backs.get(iid)) for iid in sorted(fronts.keys() | backs.keys())]


def state_lines(section: Section) -> list[str]:
    """The state of one proxy's servers, then its own."""
    front, back = section
    lines = [] if back is None else [
        f"SIGHUP: Server {back.name}/{server.name} is {server_is_up_word(server)}. "
        f"Conn: {server.served_by_all()} act, {server.queued_by_all()} pend, {_sessions(server)} tot."
        for server in back.servers
    ]
    waiting = back.queued_by_all() if back else 0
    pending = waiting + sum(server.queued_by_all() for server in back.servers) if back else 0
    return [*lines, (
        f"SIGHUP: Proxy {section.name} {_availability(back)} "
        f"Conn: act(FE+BE): {front.served_by_all() if front else 0}+{back.sessions_of_all() if back else 0}, "
        f"{pending} pend ({waiting} unass), "
        f"tot(FE+BE): {_sessions(front)}+{_sessions(back)}."
    )]


def _sessions(counted: Counted | None) -> int:
    """How many there have been in all."""
    return 0 if counted is None else counted.by_all(STOT)


def _availability(back: Backend | None) -> str:
    if back is None or not back.servers:
        return "has no servers."
    if back.active_count:
        return f"has {back.active_count} active servers and {back.backup_count} backup servers available."
    return "is running on backup servers !" if back.backup_count else "has no server available !"


def dump_states(process: Process, say: Say) -> None:
    """Tell the state of every proxy and server.

    Source: HAProxy management guide, section 4, SIGHUP.
    """
    say("WARNING", "SIGHUP received, dumping servers states.")
    for section in sections_of(process):
        section.log("notice", f"SIGHUP received, dumping servers states for proxy {section.name}.")
        for text in state_lines(section):
            section.log("notice", text)
            say("WARNING", text)


def tell_stopped(process: Process, say: Say) -> None:
    """Tell that a soft stop began: proxies that listened first, then the others; what was disabled never ran."""
    running = [section for section in sections_of(process) if not section.disabled]
    _tell(sorted(running, key=lambda section: section.front is None), say, lambda section: (
        f"Proxy {section.name} stopped (cumulated conns: FE: {_sessions(section.front)}, "
        f"BE: {_sessions(section.back)})."))


def tell_paused(process: Process, say: Say) -> None:
    """Tell that every listener was paused (SIGTTOU)."""
    _tell(_listening(process), say, lambda section: f"Paused {_kind(section)} {section.name}.")


def tell_resumed(process: Process, say: Say) -> None:
    """Tell that every listener was resumed (SIGTTIN)."""
    _tell(_listening(process), say, lambda section: f"Resumed {_kind(section)} {section.name}.")


def tell_frontend(what: str, frontend: Frontend, say: Say) -> None:
    """Tell that one frontend was "Paused", "Resumed" or "stopped" by a command."""
    section = Section(frontend, None)
    kind = "frontend" if frontend.kind == "frontend" else "proxy"
    if what == "stopped":
        text = f"Proxy {frontend.name} stopped (cumulated conns: FE: {_sessions(frontend)}, BE: 0)."
    else:
        text = f"{what} {kind} {frontend.name}."
    section.log("warning", text)
    say("WARNING", text)


def _listening(process: Process) -> list[Section]:
    return [section for section in sections_of(process) if section.front is not None and not section.disabled]


def _kind(section: Section) -> str:
    return "frontend" if section.back is None else "proxy"


def _tell(sections: Iterable[Section], say: Say, text_of: Callable[[Section], str]) -> None:
    for section in sections:
        text = text_of(section)
        section.log("warning", text)
        say("WARNING", text)
