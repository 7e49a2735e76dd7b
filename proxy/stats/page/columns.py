"""The cells of a row of the page: where each slot stands in the HTML, and how its text is found.

A `Cell` is a piece of HTML with one `%s` per slot, and the functions that give the slots' texts from a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy.stats.fields import NUMBER
from proxy.stats.page.format import grouped, percent, short_time
from proxy.stats.readings import Kind
from proxy.stats.snapshot import Row

Slot = Callable[[Row], str]

# group, its columns: (short name, what it means, shown on a phone too)
Headings = tuple[tuple[str, tuple[tuple[str, str, bool], ...]], ...]
HEADINGS: Headings = (
    ("Queue", (("Cur", "Streams in the queue now", True), ("Max", "Most of them at once", False),
               ("Limit", "Most allowed (maxqueue)", False))),
    ("Session rate", (("Cur", "Sessions in the last second", True), ("Max", "Most in a second", False),
                      ("Limit", "Most allowed in a second", False))),
    ("Sessions", (("Cur", "Sessions now", True), ("Max", "Most of them at once", False), ("Limit", "Most allowed", False),
                  ("Total", "Since the start", True), ("LbTot", "Chosen by load balancing", False),
                  ("Last", "Time since the last one", False))),
    ("Bytes", (("In", "Octets of requests", True), ("Out", "Octets of responses", True))),
    ("Denied", (("Req", "Requests denied", False), ("Resp", "Responses denied", False))),
    ("Errors", (("Req", "Requests that were wrong", True), ("Conn", "Failures to connect to a server", True),
                ("Resp", "Responses that were wrong", True))),
    ("Warnings", (("Retr", "Connections tried again", False), ("Redis", "Requests sent to another server", False))),
    ("Server", (("Status", "State and since when", True), ("LastChk", "Last health check", True),
                ("Wght", "Weight in force / set", True), ("Act", "Active servers", False), ("Bck", "Backup servers", False),
                ("Chk", "Health checks failed", False), ("Dwn", "Times it went down", False),
                ("Dwntme", "Time spent down", False), ("Thrtle", "Slow start", False))),
)
MODULE_HEADINGS = (*HEADINGS, ("Extra modules", (("h1", "HTTP/1 connections, streams and octets", False),)))


def _columns(headings: Headings) -> tuple[tuple[str, str, bool], ...]:
    return tuple((f"{group} {name}", meaning, phone) for group, columns in headings for name, meaning, phone in columns)


COLUMNS = _columns(HEADINGS)
MODULE_COLUMNS = _columns(MODULE_HEADINGS)          # with `stats show-modules`


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of a row's HTML and the slots in it."""

    html: str
    slots: tuple[Slot, ...] = ()


_SLOT = "<b>%s</b>"
EMPTY = Cell("")


def _number(name: str) -> Slot:
    at = NUMBER[name]
    return lambda row: grouped(row.values[at])


def _or(name: str, absent: str) -> Slot:
    """The field's number, or another text where there is none or it is 0."""
    at = NUMBER[name]
    return lambda row: grouped(row.values[at]) if row.values[at] else absent


def _per_second(name: str) -> Slot:
    at = NUMBER[name]
    return lambda row: f"{grouped(row.values[at] or 0)}/s"


def _share(name: str, whole: str) -> Slot:
    at, whole_at = NUMBER[name], NUMBER[whole]
    return lambda row: f"{grouped(row.values[at] or 0)} ({percent(row.values[at], row.values[whole_at])})"


def _times(name: str) -> Slot:
    top_at, at = NUMBER[f"{name}_max"], NUMBER[name]
    return lambda row: f"{grouped(row.values[top_at])} / {grouped(row.values[at])} ms"


def _duration(name: str) -> Slot:
    at = NUMBER[name]

    def slot(row: Row) -> str:
        seconds = row.values[at]
        return short_time(seconds) if isinstance(seconds, int) and seconds >= 0 else "" if seconds is None else "?"

    return slot


def _plain(name: str) -> Cell:
    return Cell(_SLOT, (_number(name),))


def _limit(name: str) -> Cell:
    return Cell(_SLOT, (_or(name, "-"),))


def tip(face: Slot, lines: Sequence[tuple[str, Slot]], title: str = "") -> Cell:
    """A cell whose text opens a list of details: on hover, on focus, on a touch."""
    heading = f"<p>{title}" if title else ""
    body = "".join(f"<dt>{label}<dd>{_SLOT}" for label, _ in lines)
    html = f"<button type=button>{_SLOT}</button><div role=tooltip>{heading}<dl>{body}</dl></div>"
    return Cell(html, (face, *(slot for _, slot in lines)))


_CODES = ("1xx", "2xx", "3xx", "4xx", "5xx", "other")
_FAILURES: tuple[tuple[str, Slot], ...] = (("Failed rewrites", _number("wrew")), ("Internal errors", _number("eint")))
_DURATIONS: tuple[tuple[str, Slot], ...] = (
    ("Queue, max / avg of 1024", _times("qtime")), ("Connect, max / avg", _times("ctime")),
    ("Response, max / avg", _times("rtime")), ("Total, max / avg", _times("ttime")),
)


def _frontend_total(is_http: bool) -> Cell:
    lines: list[tuple[str, Slot]] = [("Connections", _number("conn_tot")), ("Sessions", _number("stot"))]
    if is_http:
        lines.append(("HTTP requests", _number("req_tot")))
        lines.extend((f"- {code} responses", _share(f"hrsp_{code}", "req_tot")) for code in _CODES)
        lines.append(("Answered here", _number("intercepted")))
    return tip(_number("stot"), (*lines, *_FAILURES))


def _server_total(is_http: bool) -> Cell:
    lines: list[tuple[str, Slot]] = [
        ("Sessions", _number("stot")), ("New connections", _number("connect")), ("Reused connections", _reused),
    ]
    if is_http:
        lines.append(("HTTP requests", _number("req_tot")))
        lines.extend((f"- {code} responses", _share(f"hrsp_{code}", "req_tot")) for code in _CODES)
    return tip(_number("stot"), (*lines, *_FAILURES, *_DURATIONS))


def _reused(row: Row) -> str:
    reused, made = row.values[NUMBER["reuse"]] or 0, row.values[NUMBER["connect"]] or 0
    assert isinstance(reused, int)
    assert isinstance(made, int)
    return f"{grouped(reused)} ({percent(reused, reused + made)})"


def _status(row: Row) -> str:
    """Since when, and the state: "8s UP"."""
    seconds, word = row.values[NUMBER["lastchg"]], row.values[NUMBER["status"]]
    return f"{short_time(seconds)} {word}" if isinstance(seconds, int) else str(word)


def _last_check(row: Row) -> str:
    result = row.reading.check
    return "" if result is None else result.summary


def _check_text(row: Row) -> str:
    result = row.reading.check
    if result is None:
        return "no check runs"
    return f"{result.meaning}: {result.description}" if result.description else result.meaning


def _health(row: Row) -> str:
    values = row.values
    health, rise, fall = (values[NUMBER[name]] for name in ("check_health", "check_rise", "check_fall"))
    if not (isinstance(health, int) and isinstance(rise, int) and isinstance(fall, int)):
        return "-"
    return f"{health} of {rise + fall - 1}, UP from {rise}"


def _weight(row: Row) -> str:
    return f"{row.values[NUMBER['weight']]}/{row.values[NUMBER['uweight']]}"


def _throttle(row: Row) -> str:
    reached = row.values[NUMBER["throttle"]]
    return "-" if reached is None else f"{reached}%"


def _yes(name: str) -> Slot:
    at = NUMBER[name]
    return lambda row: "Y" if row.values[at] else "-"


def _via(row: Row) -> str:
    return f"via {row.values[NUMBER['tracked']]}"


_ABORTS = tip(_number("eresp"), (("Ended by the client", _number("cli_abrt")), ("Ended by the server", _number("srv_abrt"))),
              "Transfers cut short")
_STATUS = Cell("<strong>" + _SLOT + "</strong>", (_status,))
_CHECK = tip(_last_check, (("Result", _check_text), ("Health", _health)), "Last health check")
_NONE_3 = (EMPTY,) * 3
_COMMON_ERRORS = (_plain("econ"), _ABORTS, _plain("wretr"), _plain("wredis"))
_BYTES = (_plain("bin"), _plain("bout"))


def _frontend(is_http: bool) -> tuple[Cell, ...]:
    now: list[tuple[str, Slot]] = [("Connections", _per_second("conn_rate")), ("Sessions", _per_second("rate"))]
    peak: list[tuple[str, Slot]] = [("Connections", _per_second("conn_rate_max")), ("Sessions", _per_second("rate_max"))]
    if is_http:
        now.append(("Requests", _per_second("req_rate")))
        peak.append(("Requests", _per_second("req_rate_max")))
    return (
        *_NONE_3, tip(_number("rate"), now, "In the last second"), tip(_number("rate_max"), peak, "Most in a second"),
        _limit("rate_lim"), _plain("scur"), _plain("smax"), _plain("slim"), _frontend_total(is_http), EMPTY, EMPTY, *_BYTES,
        _plain("dreq"), _plain("dresp"), _plain("ereq"), EMPTY, EMPTY, EMPTY, EMPTY, _STATUS, *(EMPTY,) * 8,
    )


_LISTENER: tuple[Cell, ...] = (
    *_NONE_3, *_NONE_3, _plain("scur"), _plain("smax"), _plain("slim"), _plain("stot"), EMPTY, EMPTY, *_BYTES,
    _plain("dreq"), _plain("dresp"), _plain("ereq"), EMPTY, EMPTY, EMPTY, EMPTY, _STATUS, *(EMPTY,) * 8,
)


def _server(is_http: bool, tracks: bool) -> tuple[Cell, ...]:
    now = tip(_number("scur"), (
        ("Sessions now", _number("scur")), ("Connections in use", _number("used_conn_cur")),
        ("Connections idle", _number("srv_icur")), ("- safe to reuse", _number("safe_conn_cur")),
        ("- others", _number("idle_conn_cur")), ("Expected to be needed", _number("need_conn_est")),
        ("Limit in use", _or("slim", "-")), ("Limit idle", _or("src_ilim", "-")),
    ))
    checks = (
        (Cell(_SLOT, (_via,)), EMPTY, EMPTY) if tracks
        else (_plain("chkfail"), _plain("chkdown"), Cell(_SLOT, (_duration("downtime"),)))
    )
    return (
        _plain("qcur"), _plain("qmax"), _limit("qlimit"), _plain("rate"), _plain("rate_max"), EMPTY, now, _plain("smax"),
        _limit("slim"), _server_total(is_http), _plain("lbtot"), Cell(_SLOT, (_duration("lastsess"),)), *_BYTES,
        EMPTY, _plain("dresp"), EMPTY, *_COMMON_ERRORS, _STATUS, _CHECK, Cell(_SLOT, (_weight,)),
        Cell(_SLOT, (_yes("act"),)), Cell(_SLOT, (_yes("bck"),)), *checks, Cell(_SLOT, (_throttle,)),
    )


def _backend(is_http: bool) -> tuple[Cell, ...]:
    return (
        _plain("qcur"), _plain("qmax"), EMPTY, _plain("rate"), _plain("rate_max"), EMPTY, _plain("scur"), _plain("smax"),
        _plain("slim"), _server_total(is_http), _plain("lbtot"), Cell(_SLOT, (_duration("lastsess"),)), *_BYTES,
        _plain("dreq"), _plain("dresp"), EMPTY, *_COMMON_ERRORS, _STATUS, EMPTY, Cell(_SLOT, (_weight,)), _plain("act"),
        _plain("bck"), EMPTY, _plain("chkdown"), Cell(_SLOT, (_duration("downtime"),)), EMPTY,
    )


def _name_tip(row: Row) -> str:
    """What the name's own tooltip says: address, number, cookie, algorithm, as far as they may be shown."""
    values = row.values
    parts = [str(values[NUMBER["addr"]] or ""), f"id: {row.sid}" if row.kind in (Kind.SERVER, Kind.LISTENER) else ""]
    algorithm, cookie = values[NUMBER["algo"]], values[NUMBER["cookie"]]
    parts.append(f"balancing: {algorithm}" if algorithm else "")
    parts.append(f"cookie: '{cookie}'" if cookie else "")
    return ", ".join(part for part in parts if part)


NAME_TIP: Slot = _name_tip


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole row: the HTML of its cells with places for the slots, and the slots."""

    html: str
    slots: tuple[Slot, ...]


_HTTP1 = tip(_number("h1_total_streams"), (
    ("Connections open", _number("h1_open_connections")), ("Streams open", _number("h1_open_streams")),
    ("Connections", _number("h1_total_connections")), ("Streams", _number("h1_total_streams")),
    ("Octets in", _number("h1_bytes_in")), ("Octets out", _number("h1_bytes_out")),
), "HTTP/1")


def _layout(cells: tuple[Cell, ...], columns: tuple[tuple[str, str, bool], ...]) -> Layout:
    parts = []
    for (label, _, phone), cell in zip(columns, cells, strict=True):
        minor = "" if phone and cell.html else " class=m"
        parts.append(f'<td{minor} data-l="{label}">{cell.html}')
    return Layout("".join(parts), tuple(slot for cell in cells for slot in cell.slots))


def _layouts(columns: tuple[tuple[str, str, bool], ...]) -> dict[tuple[Kind, bool, bool], Layout]:
    found = {}
    more = len(columns) > len(COLUMNS)
    http1, none = ((_HTTP1,), (EMPTY,)) if more else ((), ())
    for is_http in (False, True):
        for tracks in (False, True):
            found[Kind.FRONTEND, is_http, tracks] = _layout((*_frontend(is_http), *http1), columns)
            found[Kind.LISTENER, is_http, tracks] = _layout((*_LISTENER, *none), columns)
            found[Kind.SERVER, is_http, tracks] = _layout((*_server(is_http, tracks), *none), columns)
            found[Kind.BACKEND, is_http, tracks] = _layout((*_backend(is_http), *http1), columns)
    return found


_LAYOUTS = {False: _layouts(COLUMNS), True: _layouts(MODULE_COLUMNS)}


def layout_of(row: Row, modules: bool = False) -> Layout:
    """The layout that fits a row, with the extra modules' column or without."""
    tracks = row.kind is Kind.SERVER and row.reading.subject.track is not None
    return _LAYOUTS[modules][row.kind, row.reading.is_http, tracks]


def row_class(row: Row) -> str:
    """The class that gives a row its colour: active_up, backup_down, maintain, frontend, …"""
    if row.kind is not Kind.SERVER:
        return {Kind.FRONTEND: "frontend", Kind.BACKEND: "backend", Kind.LISTENER: "socket"}[row.kind]
    state = row.reading.status.row
    if state == "maintain":
        return state
    return f"{'backup' if row.reading.subject.is_backup else 'active'}_{state}"


def row_id(row: Row) -> str:
    """Names a row in the page: letter, proxy and number, as the typed output has them."""
    return f"{row.kind.value}.{row.iid}.{row.sid}"


_ERRORS = tuple(NUMBER[name] for name in ("ereq", "econ", "eresp", "hrsp_5xx"))


def trend(row: Row) -> tuple[int, int]:
    """Two counters whose growth the page draws: requests (or sessions), and errors."""
    values = row.values
    count = values[NUMBER["req_tot"]] if row.reading.is_http and row.kind is Kind.FRONTEND else values[NUMBER["stot"]]
    errors = 0
    for at in _ERRORS:
        value = values[at]
        errors += value if isinstance(value, int) else 0
    return (count if isinstance(count, int) else 0), errors
