"""The statistics for Prometheus, under the names, types and labels of HAProxy's own exporter, so that its dashboards fit.

The field table says which field is which metric; `prometheus_client` writes the text. A document is rendered one metric and
some rows at a time, from readings taken at once.
Source: HAProxy configuration manual, "http-request use-service prometheus-exporter".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from prometheus_client.core import Metric as Family
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from proxy.base.clock import Clock
from proxy.runtime.process import Process
from proxy.runtime.service import ServiceRequest, ServiceResponse
from proxy.stats.fields import FIELDS, Metric, reader_of
from proxy.stats.info import INFO_FIELDS, LoadMeter, ProcessReading
from proxy.stats.readings import Kind, Reading, server_state
from proxy.stats.request_options import path_of
from proxy.stats.snapshot import Selection, readings, sections_shown

SAMPLES_AT_ONCE = 200       # rendered between two returns to the event loop: about 2 ms
SCOPES = ("global", "frontend", "listener", "backend", "server", "sticktable")      # there are no stick tables yet
SERVER_STATES = ("DOWN", "UP", "MAINT", "DRAIN", "NOLB")
CHECK_STATES = (
    "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT", "L7RSP", "L7OK", "L7OKC", "L7STS",
    "PROCERR", "PROCTOUT", "PROCOK",
)
_NAN = float("nan")
_KINDS = (Kind.FRONTEND, Kind.LISTENER, Kind.BACKEND, Kind.SERVER)
_HEADERS = ((b"cache-control", b"no-cache"), (b"content-type", b"text/plain; version=0.0.4"))

Sample = tuple[dict[str, str], float]
Samples = Callable[[Reading], Iterator[Sample]]


@dataclass(frozen=True, slots=True)
class _Series:
    """One metric: its full name, and what samples a reading gives."""

    name: str
    type: str
    help: str
    parts: tuple[Samples, ...]


# -- samples of a reading -----------------------------------------------------------------------------------------------


def _labels(reading: Reading) -> dict[str, str]:
    """What tells this row from others in a metric."""
    labels = {"proxy": str(reading.proxy.name)}
    if reading.kind in (Kind.SERVER, Kind.LISTENER):
        labels[reading.kind.scope] = reading.service_name
    return labels


def _values(number: int, metric: Metric, kind: Kind) -> Samples:
    """The number of a field; not a number (NaN) where it does not apply."""
    read = reader_of(number, kind)
    extra = dict([metric.label]) if metric.label else {}

    def samples(reading: Reading) -> Iterator[Sample]:
        if (metric.http_only and not reading.is_http) or (metric.needs_check and reading.check is None):
            return
        value = read(reading)
        if value is None and metric.needs_check:
            value = 0
        number_value = value / 1000 if metric.per_second and isinstance(value, int) else value
        yield {**_labels(reading), **extra}, float(number_value) if isinstance(number_value, int | float) else _NAN

    return samples


def _states(states: tuple[str, ...], state_of: Callable[[Reading], str | None]) -> Samples:
    """One sample per state: 1 for the present one, 0 for the others; none at all where there is no state."""

    def samples(reading: Reading) -> Iterator[Sample]:
        present = state_of(reading)
        if present is not None:
            labels = _labels(reading)
            for state in states:
                yield {**labels, "state": state}, float(state == present)

    return samples


def _tally(states: tuple[str, ...], state_of: Callable[[Reading], list[str]]) -> Samples:
    """One sample per state: how many servers of a backend are in it; none for a backend without servers."""

    def samples(reading: Reading) -> Iterator[Sample]:
        if not reading.subject.servers:
            return
        labels, present = _labels(reading), state_of(reading)
        for state in states:
            yield {**labels, "state": state}, float(present.count(state))

    return samples


def _frontend_state(reading: Reading) -> str:
    return "DOWN" if reading.subject.stopped or reading.subject.paused else "UP"


def _last_check(reading: Reading) -> str | None:
    result = reading.check
    return None if result is None else result.status


def _server_states(reading: Reading) -> list[str]:
    return [server_state(server) for server in reading.subject.servers]


def _server_checks(reading: Reading) -> list[str]:
    servers = reading.subject.servers
    return [server.check_result.status for server in servers if server.check is not None and server.check_result is not None]


_SPECIAL: dict[tuple[str, Kind], Samples] = {
    ("status", Kind.FRONTEND): _states(("DOWN", "UP"), _frontend_state),
    ("status", Kind.LISTENER): _states(("WAITING", "OPEN", "FULL"), lambda reading: reading.status.word),
    ("status", Kind.BACKEND): _states(("DOWN", "UP"), lambda reading: reading.status.word),
    ("status", Kind.SERVER): _states(SERVER_STATES, lambda reading: server_state(reading.subject)),
    ("check_status", Kind.SERVER): _states(CHECK_STATES, _last_check),
    ("agg_server_status", Kind.BACKEND): _tally(SERVER_STATES, _server_states),
    ("agg_server_check_status", Kind.BACKEND): _tally(SERVER_STATES, _server_states),
    ("agg_check_status", Kind.BACKEND): _tally(CHECK_STATES, _server_checks),
}


def _series_of(kind: Kind) -> tuple[_Series, ...]:
    """Every metric of a kind of row, in the order of the fields; fields that share a metric's name are one series."""
    found: dict[str, _Series] = {}
    for number, field in enumerate(FIELDS):
        metric = field.metric
        if metric is None or kind.value not in metric.kinds:
            continue
        name = f"haproxy_{kind.scope}_{metric.name}"
        part = _SPECIAL.get((field.name, kind)) or _values(number, metric, kind)
        known = found.get(name)
        text = "Responses by class of status" if metric.label else field.description
        found[name] = _Series(name, metric.type, text, (*(known.parts if known else ()), part))
    return tuple(found.values())


_SERIES = {kind: _series_of(kind) for kind in _KINDS}


# -- rendering ----------------------------------------------------------------------------------------------------------


class _OneFamily(Collector):
    """What `generate_latest` asks for its metrics: here a part of one."""

    def __init__(self, family: Family) -> None:
        self._family = family

    def collect(self) -> Iterator[Family]:
        yield self._family


def _family(series: _Series) -> Family:
    # the client adds "_total" to the name of a counter
    return Family(series.name.removesuffix("_total") if series.type == "counter" else series.name, series.help, series.type)


def _rendered(series: _Series, family: Family, first: bool) -> bytes:
    """The text of a part of a metric; its HELP and TYPE lines go before the first part only."""
    text: bytes = generate_latest(_OneFamily(family))
    if not first:
        return text.split(b"\n", 2)[2]
    if series.type == "counter" and not series.name.endswith("_total"):
        return text.replace(b"%s_total" % series.name.encode(), series.name.encode())   # HAProxy's one counter without it
    return text


def _series_chunks(series: _Series, rows: list[Reading]) -> Iterator[bytes]:
    family, first = _family(series), True
    for part in series.parts:
        for reading in rows:
            for labels, value in part(reading):
                family.add_sample(series.name, labels, value)
            if len(family.samples) >= SAMPLES_AT_ONCE:
                yield _rendered(series, family, first)
                family, first = _family(series), False
    if family.samples:
        yield _rendered(series, family, first)


def _process_chunk(now: ProcessReading) -> bytes:
    parts = []
    for field in INFO_FIELDS:
        if field.metric is None:
            continue
        series = _Series(f"haproxy_process_{field.metric[0]}", field.metric[1], field.description, ())
        family = _family(series)
        value = field.read(now)
        if isinstance(value, int):
            family.add_sample(series.name, {}, float(value))
        else:
            family.add_sample(series.name, {"version": str(value)}, 1.0)
        parts.append(_rendered(series, family, True))
    return b"".join(parts)


def prometheus_chunks(
    process: Process, now_ms: int, scopes: frozenset[str], hide_maint: bool, meter: LoadMeter
) -> Iterator[bytes]:
    """The whole document for the scopes asked for."""
    if "global" in scopes:
        yield _process_chunk(ProcessReading(process, now_ms, meter))
    selection = Selection(hide_maint=hide_maint)
    rows: dict[Kind, list[Reading]] = {kind: [] for kind in _KINDS}
    for section in sections_shown(process, selection):
        for reading in readings(process, section, now_ms, selection):
            rows[reading.kind].append(reading)
    for kind in _KINDS:
        if kind.scope in scopes and rows[kind]:
            for series in _SERIES[kind]:
                yield from _series_chunks(series, rows[kind])


class PrometheusService:
    """Answers `http-request use-service prometheus-exporter`, at one path or, without one, at every target."""

    __slots__ = ("_clock", "_meter", "_path", "_process", "name")

    def __init__(self, process: Process, clock: Clock, path: str = "", meter: LoadMeter | None = None) -> None:
        self.name = "<PROMEX>"
        self._process, self._clock = process, clock
        self._path = path.encode("utf-8", "surrogateescape")
        self._meter = meter or LoadMeter()

    def matches(self, method: bytes, target: bytes) -> bool:
        """Whether the target's path is the one configured; every method is taken, as HAProxy does."""
        return not self._path or path_of(target).partition(b"?")[0] == self._path

    def respond(self, request: ServiceRequest) -> ServiceResponse:
        """The metrics, or 400 for a scope that does not exist."""
        wanted = _query(path_of(request.target).partition(b"?")[2])
        if wanted is None:
            body = b"<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n"
            return ServiceResponse(400, (_HEADERS[0], (b"content-type", b"text/html")), body)
        scopes, hide_maint = wanted
        chunks = prometheus_chunks(self._process, self._clock.monotonic_ms(), scopes, hide_maint, self._meter)
        return ServiceResponse(200, _HEADERS, chunks)


def _query(query: bytes) -> tuple[frozenset[str], bool] | None:
    """(scopes, whether to leave out servers in maintenance); None for a scope that does not exist."""
    scopes: set[str] | None = None
    hide_maint = False
    for part in query.split(b"&"):
        name, sign, value = unquote(part.decode("latin-1")).partition("=")
        if name == "scope":
            if value == "*":
                scopes = set(SCOPES)
            elif value in SCOPES:
                scopes = {*(scopes or ()), value}
            elif sign and not value:
                scopes = set()              # those before it are forgotten
            else:
                return None
        elif name == "no-maint":
            hide_maint = True
    return frozenset(SCOPES if scopes is None else scopes), hide_maint
