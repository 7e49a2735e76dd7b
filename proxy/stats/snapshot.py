"""Which rows are shown, in HAProxy's order: for each proxy its frontend, listeners, servers and backend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from proxy.runtime.backend import Backend
from proxy.runtime.frontend import Frontend
from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.runtime.states import MAINT, Operational
from proxy.stats.fields import NUMBER, values_of
from proxy.stats.readings import Kind, Reading, Value

ROWS_AT_ONCE = 25           # rows read between two returns to the event loop
_STATUS = NUMBER["status"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a client asked to see.

    `scopes` are the proxies that `stats scope` allows (empty = all), `text` must occur in the proxy's name, whatever its case;
    `iid` and `sid` are -1 for all, `kinds` the letters of the rows wanted. `hide_down` leaves out servers that are down (and in
    maintenance), `hide_maint` those in maintenance.
    """

    scopes: frozenset[str] = frozenset()
    text: str = ""
    hide_down: bool = False
    hide_maint: bool = False
    legends: bool = True
    kinds: str = "FBSL"
    iid: int = -1
    sid: int = -1

    def wants(self, name: str, iid: int) -> bool:
        """Whether that proxy is shown."""
        return (not self.scopes or name in self.scopes) and self.text.lower() in name.lower() and self.iid in (-1, iid)

    def hides(self, server: Server) -> bool:
        in_maintenance = bool(server.admin & MAINT)
        if self.hide_down:
            return in_maintenance or server.operational is Operational.STOPPED
        return self.hide_maint and in_maintenance


@dataclass(frozen=True, slots=True)
class Section:
    """A proxy as configured: the two sides of a listen section, or one side of a frontend or backend."""

    frontend: Frontend | None
    backend: Backend | None

    @property
    def name(self) -> str:
        return (self.frontend or self._backend).name

    @property
    def iid(self) -> int:
        return (self.frontend or self._backend).iid

    @property
    def kind(self) -> str:
        """frontend, backend or listen."""
        return (self.frontend or self._backend).kind

    @property
    def description(self) -> str:
        return (self.frontend or self._backend).description

    @property
    def is_http(self) -> bool:
        return (self.frontend or self._backend).is_http

    @property
    def _backend(self) -> Backend:
        assert self.backend is not None
        return self.backend


@dataclass(slots=True)
class Row:
    """One line of the statistics: a reading and the value of every field."""

    reading: Reading
    values: list[Value]

    @property
    def kind(self) -> Kind:
        return self.reading.kind

    @property
    def iid(self) -> int:
        return int(self.reading.proxy.iid)

    @property
    def sid(self) -> int:
        return int(self.values[NUMBER["sid"]] or 0)


def sections(process: Process) -> list[Section]:
    """The proxies in the order of the configuration, both sides of a listen section together; disabled ones are left out."""
    fronts = list(process.frontends)
    backs = list(process.backends)
    back_names = {back.name for back in backs if back.kind == "listen"}
    merged: list[Section] = []
    while fronts or backs:
        front = fronts[0] if fronts else None
        back = backs[0] if backs else None
        paired = front is not None and front.kind == "listen" and front.name in back_names
        if front is not None and paired and back is not None and back.kind == "listen" and back.name == front.name:
            merged.append(Section(fronts.pop(0), backs.pop(0)))
        elif back is None or (front is not None and not paired and (back.kind == "listen" or front.iid < back.iid)):
            merged.append(Section(fronts.pop(0), None))
        else:
            merged.append(Section(None, backs.pop(0)))
    return [section for section in merged if not (section.frontend or section._backend).disabled]


def readings(process: Process, section: Section, now_ms: int, selection: Selection) -> list[Reading]:
    """The rows of one proxy, read now."""
    found: list[Reading] = []
    front, back = section.frontend, section.backend
    legends, sid = selection.legends, selection.sid

    def add(kind: Kind, subject: object, number: int) -> None:
        if kind.value in selection.kinds and (sid in (-1, number) or not number):       # a proxy's own rows have no number
            found.append(Reading(process, kind, subject, now_ms, legends))

    if front is not None:
        add(Kind.FRONTEND, front, 0)
        if "socket-stats" in front.options:
            for listener in front.listeners:
                add(Kind.LISTENER, listener, listener.lid)
    if back is not None:
        for server in back.servers:
            if not selection.hides(server):
                add(Kind.SERVER, server, server.sid)
        add(Kind.BACKEND, back, 0)
    return found


def row_of(reading: Reading, selection: Selection) -> Row:
    """Work out every field of a row."""
    values = values_of(reading)
    if reading.kind is Kind.BACKEND and (selection.hide_down or selection.hide_maint):
        servers = reading.subject.servers
        up = sum(server.operational is not Operational.STOPPED and not server.admin & MAINT for server in servers)
        values[_STATUS] = f"{values[_STATUS]} ({up}/{len(servers)})"
    return Row(reading, values)


def sections_shown(process: Process, selection: Selection) -> list[Section]:
    return [section for section in sections(process) if selection.wants(section.name, section.iid)]


def batches(process: Process, now_ms: int, selection: Selection) -> Iterator[list[Row]]:
    """All rows shown, a limited number at a time, so that whoever renders them can give way in between."""
    pending: list[Row] = []
    for section in sections_shown(process, selection):
        for reading in readings(process, section, now_ms, selection):
            pending.append(row_of(reading, selection))
            if len(pending) >= ROWS_AT_ONCE:
                yield pending
                pending = []
    if pending:
        yield pending
