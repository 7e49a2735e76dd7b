"""The one table of statistics: what each field is called, which rows have it, how it is read, and under which names it is told.

CSV column, typed output, JSON, Prometheus metric and the page all come from a row of `FIELDS`. Columns keep HAProxy's order:
to add one, append it before `MODULE_FIELDS` (static columns) or at their end. A field that no reader fills for a kind of
row does not apply there and stays empty.
Source: HAProxy management guide, sections 9.1 (columns) and 9.2 (tags: origin, nature, scope).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from proxy.runtime.cells import INDEX
from proxy.stats import readings as read
from proxy.stats.readings import Kind, Reader, Reading, Value

U32, U64, S32, STR = "u32", "u64", "s32", "str"

# origin, nature, scope: Metric/Status/Key/Config, Gauge/Max/Rate/Counter/…, Process/Service
GAUGE, PEAK, RATE, COUNTER, AVERAGE = "MGP", "MMP", "MRP", "MCP", "MaP"
LIMIT, SETTING, NAMED, AGE, OUTPUT, TIME_TAKEN = "CLP", "CGS", "CNS", "MAP", "MOP", "MDP"


@dataclass(frozen=True, slots=True)
class Cell:
    """A field that is a counter as it stands on the board; `http_only` ones do not apply to TCP proxies."""

    index: int
    http_only: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """A field whose value never changes, e.g. the TLS counters of a proxy that terminates none."""

    value: int
    http_only: bool = False


Source = Cell | Constant | Reader


@dataclass(frozen=True, slots=True)
class Metric:
    """A field as Prometheus sees it, under the name `haproxy_<scope>_<name>` for each kind in `kinds`.

    `label` is one more (name, value) pair, as the classes of HTTP status have it; `per_second` turns milliseconds into seconds;
    `http_only` keeps the metric off TCP proxies, `needs_check` off servers without a running check.
    """

    name: str
    type: str
    kinds: str
    label: tuple[str, str] | None = None
    per_second: bool = False
    http_only: bool = False
    needs_check: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One column. `sources` maps the letter of a kind of row (F, B, S, L) to where its value comes from."""

    name: str
    tags: str
    type: str
    description: str
    sources: Mapping[str, Source]
    metric: Metric | None = None
    tags_by_kind: Mapping[str, str] = field(default_factory=dict)
    legend: bool = False                # shown over HTTP only with `stats show-legends`

    def tags_for(self, kind: Kind) -> str:
        return self.tags_by_kind.get(kind.value, self.tags)


def _all(kinds: str, source: Source) -> dict[str, Source]:
    return dict.fromkeys(kinds, source)


def _cell(name: str, kinds: str, http_only: str = "") -> dict[str, Source]:
    """The counter of that name for each kind of row; in `http_only` ones it needs an HTTP proxy."""
    return {kind: Cell(INDEX[name], kind in http_only) for kind in kinds}


def _zero(kinds: str, http_only: bool = False) -> dict[str, Source]:
    return _all(kinds, Constant(0, http_only))


def _gauge(name: str, kinds: str, **more: bool) -> Metric:
    return Metric(name, "gauge", kinds, **more)  # type: ignore[arg-type]


def _counter(name: str, kinds: str, **more: bool) -> Metric:
    return Metric(name, "counter", kinds, **more)  # type: ignore[arg-type]


def _responses(label: str) -> Field:
    what = "any other status" if label == "other" else f"a {label} status"
    return Field(
        f"hrsp_{label}", COUNTER, U64, f"Responses with {what}", _cell(f"hrsp_{label}", "FBS", http_only="FBS"),
        Metric("http_responses_total", "counter", "FBS", label=("code", label), http_only=True),
    )


STATIC_FIELDS: tuple[Field, ...] = (
    Field("pxname", "KNS", STR, "Name of the proxy", _all("FBSL", read.proxy_name)),
    Field("svname", "KNS", STR, "Name of the server or listener, or FRONTEND, or BACKEND", _all("FBSL", read.service_name)),
    Field("qcur", GAUGE, U32, "Streams waiting in the queue now", _cell("qcur", "BS"), _gauge("current_queue", "BS")),
    Field("qmax", PEAK, U32, "Most streams seen waiting in the queue", _cell("qmax", "BS"), _gauge("max_queue", "BS")),
    Field("scur", GAUGE, U32, "Sessions now", _cell("scur", "FBSL"), _gauge("current_sessions", "FBSL")),
    Field("smax", PEAK, U32, "Most sessions seen at once", _cell("smax", "FBSL"), _gauge("max_sessions", "FBSL")),
    Field("slim", LIMIT, U32, "Limit on sessions: maxconn, or fullconn of a backend",
          {"F": read.attribute("maxconn"), "L": read.attribute("maxconn"), "S": read.limit("maxconn"),
           "B": read.attribute("fullconn")}, _gauge("limit_sessions", "FBSL")),
    Field("stot", COUNTER, U64, "Sessions in all", _cell("stot", "FBSL"), _counter("sessions_total", "FBSL")),
    Field("bin", COUNTER, U64, "Octets of requests", _cell("bin", "FBSL"), _counter("bytes_in_total", "FBSL")),
    Field("bout", COUNTER, U64, "Octets of responses", _cell("bout", "FBSL"), _counter("bytes_out_total", "FBSL")),
    Field("dreq", COUNTER, U64, "Requests denied", _cell("dreq", "FBL"), _counter("requests_denied_total", "FBL")),
    Field("dresp", COUNTER, U64, "Responses denied", _cell("dresp", "FBSL"), _counter("responses_denied_total", "FBSL")),
    Field("ereq", COUNTER, U64, "Requests that were invalid, cut or late", _cell("ereq", "FL"),
          _counter("request_errors_total", "FL")),
    Field("econ", COUNTER, U64, "Requests that failed to connect to a server", _cell("econ", "BS"),
          _counter("connection_errors_total", "BS")),
    Field("eresp", COUNTER, U64, "Responses that were invalid, cut or late", _cell("eresp", "BS"),
          _counter("response_errors_total", "BS")),
    Field("wretr", COUNTER, U64, "Connections tried again", _cell("wretr", "BS"), _counter("retry_warnings_total", "BS")),
    Field("wredis", COUNTER, U64, "Requests sent to another server than first chosen", _cell("wredis", "BS"),
          _counter("redispatch_warnings_total", "BS")),
    Field("status", "SGP", STR, "State of the frontend, listener, server or backend", _all("FBSL", read.status_word),
          _gauge("status", "FBSL")),
    Field("weight", AVERAGE, U32, "Weight in force; of a backend, the sum over the servers that share its load",
          {"B": read.backend_weight, "S": read.server_weight}, _gauge("weight", "BS")),
    Field("act", GAUGE, U32, "Active servers that can be used; of a server, whether it is active",
          {"B": read.attribute("active_count"), "S": read.server_is_active}, _gauge("active_servers", "B"), {"S": "SGP"}),
    Field("bck", GAUGE, U32, "Backup servers that can be used; of a server, whether it is a backup",
          {"B": read.attribute("backup_count"), "S": read.server_is_backup}, _gauge("backup_servers", "B"), {"S": "SGP"}),
    Field("chkfail", COUNTER, U64, "Health checks that failed while the server was up",
          {"S": read.checked_cell("chkfail")}, _counter("check_failures_total", "S")),
    Field("chkdown", COUNTER, U64, "Times it went from UP to DOWN",
          {"S": read.checked_cell("chkdown"), "B": Cell(INDEX["chkdown"])}, _counter("check_up_down_total", "BS")),
    Field("lastchg", AGE, U32, "Seconds since its state changed", _all("BS", read.last_change_s),
          _gauge("check_last_change_seconds", "BS")),
    Field("downtime", COUNTER, U32, "Seconds spent down in all", _all("BS", read.downtime_s),
          _counter("downtime_seconds_total", "BS")),
    Field("qlimit", SETTING, U32, "Most streams its queue may hold (maxqueue)", {"S": read.limit("maxqueue")},
          _gauge("queue_limit", "S")),
    Field("pid", "KGP", U32, "Number of the process, always 1", _all("FBSL", Constant(1))),
    Field("iid", "KGS", U32, "Number of the proxy", _all("FBSL", read.proxy_id)),
    Field("sid", "KGS", U32, "Number of the server or listener within its proxy",
          {"F": Constant(0), "B": Constant(0), "S": read.attribute("sid"), "L": read.attribute("lid")}),
    Field("throttle", AVERAGE, U32, "Percent of its weight that a slow start has reached", {"S": read.throttle_percent},
          _gauge("current_throttle", "S")),
    Field("lbtot", COUNTER, U64, "Times it was chosen by load balancing", _cell("lbtot", "BS"),
          _counter("loadbalanced_total", "BS")),
    Field("tracked", NAMED, STR, "The server whose state it follows", {"S": read.tracked}),
    Field("type", SETTING, U32, "0 frontend, 1 backend, 2 server, 3 listener", _all("FBSL", read.kind_number)),
    Field("rate", RATE, U32, "Sessions in the last second", _all("FBS", read.rate("rate_at")), None, {"B": GAUGE}),
    Field("rate_lim", LIMIT, U32, "Most new sessions accepted in a second", {"F": read.attribute("rate_limit_sessions")},
          _gauge("limit_session_rate", "F")),
    Field("rate_max", PEAK, U32, "Most sessions seen in a second", _cell("rate_max", "FBS"),
          _gauge("max_session_rate", "FBS"), {"B": GAUGE}),
    Field("check_status", OUTPUT, STR, "Result of the last health check, after '* ' while one runs", {"S": read.check_status},
          _gauge("check_status", "S", needs_check=True)),
    Field("check_code", OUTPUT, U32, "Code that the last health check received", {"S": read.check_code},
          _gauge("check_code", "S", needs_check=True)),
    Field("check_duration", TIME_TAKEN, U64, "Milliseconds the last health check took", {"S": read.check_duration_ms},
          _gauge("check_duration_seconds", "S", per_second=True, needs_check=True)),
    *(_responses(label) for label in ("1xx", "2xx", "3xx", "4xx", "5xx", "other")),
    Field("hanafail", OUTPUT, U32, "Failures seen in traffic (observe)",
          {"S": lambda reading: reading.cells[INDEX["hanafail"]] if reading.subject.observe else None}),
    Field("req_rate", RATE, U32, "HTTP requests in the last second", {"F": read.rate("req_rate_at")}),
    Field("req_rate_max", PEAK, U32, "Most HTTP requests seen in a second", _cell("req_rate_max", "F"),
          _gauge("http_requests_rate_max", "F", http_only=True)),
    Field("req_tot", COUNTER, U64, "HTTP requests in all", _cell("req_tot", "FBS", http_only="BS"),
          _counter("http_requests_total", "FB", http_only=True)),
    Field("cli_abrt", COUNTER, U64, "Transfers that the client ended early", _cell("cli_abrt", "BS"),
          _counter("client_aborts_total", "BS")),
    Field("srv_abrt", COUNTER, U64, "Transfers that the server ended early", _cell("srv_abrt", "BS"),
          _counter("server_aborts_total", "BS")),
    Field("comp_in", COUNTER, U64, "Octets given to the compressor", _zero("FB"),
          _counter("http_comp_bytes_in_total", "FB", http_only=True)),
    Field("comp_out", COUNTER, U64, "Octets that the compressor made", _zero("FB"),
          _counter("http_comp_bytes_out_total", "FB", http_only=True)),
    Field("comp_byp", COUNTER, U64, "Octets that went past the compressor", _zero("FB"),
          _counter("http_comp_bytes_bypassed_total", "FB", http_only=True)),
    Field("comp_rsp", COUNTER, U64, "Responses compressed", _zero("FB"),
          _counter("http_comp_responses_total", "FB", http_only=True)),
    Field("lastsess", AGE, S32, "Seconds since it last got a session, -1 = never", _all("BS", read.last_session_s),
          _gauge("last_session_seconds", "BS")),
    Field("last_chk", OUTPUT, STR, "What the last health check read, or its error", {"S": read.check_text}),
    Field("last_agt", OUTPUT, STR, "What the last agent check read, or its error", {}),
    Field("qtime", AVERAGE, U32, "Average milliseconds in the queue, last 1024 requests", _all("BS", read.average("qtime_sum")),
          _gauge("queue_time_average_seconds", "BS", per_second=True)),
    Field("ctime", AVERAGE, U32, "Average milliseconds to connect, last 1024 requests", _all("BS", read.average("ctime_sum")),
          _gauge("connect_time_average_seconds", "BS", per_second=True)),
    Field("rtime", AVERAGE, U32, "Average milliseconds to the response, last 1024 requests",
          _all("BS", read.average("rtime_sum")), _gauge("response_time_average_seconds", "BS", per_second=True)),
    Field("ttime", AVERAGE, U32, "Average milliseconds in all, last 1024 requests", _all("BS", read.average("ttime_sum")),
          _gauge("total_time_average_seconds", "BS", per_second=True)),
    Field("agent_status", OUTPUT, STR, "Result of the last agent check", {}),
    Field("agent_code", OUTPUT, U32, "Code that the last agent check received", {}),
    Field("agent_duration", TIME_TAKEN, U64, "Milliseconds the last agent check took", {}),
    Field("check_desc", OUTPUT, STR, "The result of the last health check in words", {"S": read.check_meaning}),
    Field("agent_desc", OUTPUT, STR, "The result of the last agent check in words", {}),
    Field("check_rise", SETTING, U32, "Checks that must pass for UP (rise)", {"S": read.when_checked("rise")}),
    Field("check_fall", SETTING, U32, "Checks that must fail for DOWN (fall)", {"S": read.when_checked("fall")}),
    Field("check_health", SETTING, U32, "Health, 0 to rise+fall-1; rise or more is UP", {"S": read.when_checked("health")}),
    Field("agent_rise", SETTING, U32, "Agent checks that must pass for UP", {}),
    Field("agent_fall", SETTING, U32, "Agent checks that must fail for DOWN", {}),
    Field("agent_health", SETTING, U32, "Health that the agent counts", {}),
    Field("addr", SETTING, STR, "Address and port, or unix", {"S": read.server_address, "L": read.listener_address}, legend=True),
    Field("cookie", NAMED, STR, "Cookie: the backend's name or the server's value",
          {"S": read.server_cookie, "B": read.backend_cookie}, legend=True),
    Field("mode", SETTING, STR, "tcp, http or health", _all("FBSL", read.mode)),
    Field("algo", SETTING, STR, "Load balancing algorithm", {"B": read.algorithm}, legend=True),
    Field("conn_rate", RATE, U32, "Connections accepted in the last second", {"F": read.rate("conn_rate_at")}),
    Field("conn_rate_max", PEAK, U32, "Most connections accepted in a second", _cell("conn_rate_max", "F"),
          _gauge("connections_rate_max", "F")),
    Field("conn_tot", COUNTER, U64, "Connections accepted", _cell("conn_tot", "F"), _counter("connections_total", "F")),
    Field("intercepted", COUNTER, U64, "Requests answered here: statistics, monitoring, redirects",
          _cell("intercepted", "F", http_only="F"), _counter("intercepted_requests_total", "F", http_only=True)),
    Field("dcon", COUNTER, U64, "Connections denied", _cell("dcon", "FL"), _counter("denied_connections_total", "FL")),
    Field("dses", COUNTER, U64, "Sessions denied", _cell("dses", "FL"), _counter("denied_sessions_total", "FL")),
    Field("wrew", COUNTER, U64, "Header rewrites that failed", _cell("wrew", "FBSL"),
          _counter("failed_header_rewriting_total", "FBSL")),
    Field("connect", COUNTER, U64, "Connections to servers tried", _cell("connect", "BS"),
          _counter("connection_attempts_total", "BS")),
    Field("reuse", COUNTER, U64, "Connections to servers used again", _cell("reuse", "BS"),
          _counter("connection_reuses_total", "BS")),
    Field("cache_lookups", COUNTER, U64, "Requests looked up in the cache", _zero("FB", http_only=True),
          _counter("http_cache_lookups_total", "FB", http_only=True)),
    Field("cache_hits", COUNTER, U64, "Requests answered from the cache", _zero("FB", http_only=True),
          _counter("http_cache_hits_total", "FB", http_only=True)),
    Field("srv_icur", GAUGE, U32, "Idle connections that may be used again",
          {"S": lambda reading: reading.cells[INDEX["idle_cur"]] + reading.cells[INDEX["safe_cur"]]},
          _gauge("idle_connections_current", "S")),
    Field("src_ilim", LIMIT, U32, "Most idle connections kept (pool-max-conn)", {"S": read.idle_limit},
          _gauge("idle_connections_limit", "S")),
    Field("qtime_max", PEAK, U32, "Longest time in the queue, in milliseconds", _cell("qtime_max", "BS"),
          _gauge("max_queue_time_seconds", "BS", per_second=True)),
    Field("ctime_max", PEAK, U32, "Longest time to connect, in milliseconds", _cell("ctime_max", "BS"),
          _gauge("max_connect_time_seconds", "BS", per_second=True)),
    Field("rtime_max", PEAK, U32, "Longest time to the response, in milliseconds", _cell("rtime_max", "BS"),
          _gauge("max_response_time_seconds", "BS", per_second=True)),
    Field("ttime_max", PEAK, U32, "Longest time in all, in milliseconds", _cell("ttime_max", "BS"),
          _gauge("max_total_time_seconds", "BS", per_second=True)),
    Field("eint", COUNTER, U64, "Internal errors", _cell("eint", "FBSL"), _counter("internal_errors_total", "FBSL")),
    Field("idle_conn_cur", GAUGE, U32, "Idle connections that are not known to be safe to reuse",
          _cell("idle_cur", "S"), _gauge("unsafe_idle_connections_current", "S")),
    Field("safe_conn_cur", GAUGE, U32, "Idle connections that are safe to reuse", _cell("safe_cur", "S"),
          _gauge("safe_idle_connections_current", "S")),
    Field("used_conn_cur", GAUGE, U32, "Connections in use", _cell("used_cur", "S"), _gauge("used_connections_current", "S")),
    Field("need_conn_est", GAUGE, U32, "Connections that it is expected to need", _cell("used_max", "S"),
          _gauge("need_connections_current", "S")),
    Field("uweight", AVERAGE, U32, "Weight that the user set; of a backend, the sum over the servers that share its load",
          {"B": read.backend_user_weight, "S": read.attribute("user_weight")}, _gauge("uweight", "BS")),
    Field("agg_server_status", GAUGE, U32, "Servers in each state", _zero("B"), _gauge("agg_server_status", "B")),
    Field("agg_server_check_status", GAUGE, U32, "Servers in each state (an old name)", _zero("B"),
          _gauge("agg_server_check_status", "B")),
    Field("agg_check_status", GAUGE, U32, "Servers whose last health check gave each result", _zero("B"),
          _gauge("agg_check_status", "B")),
)

_H2 = (
    ("headers_rcvd", COUNTER, "HEADERS frames received"), ("data_rcvd", COUNTER, "DATA frames received"),
    ("settings_rcvd", COUNTER, "SETTINGS frames received"), ("rst_stream_rcvd", COUNTER, "RST_STREAM frames received"),
    ("goaway_rcvd", COUNTER, "GOAWAY frames received"), ("detected_conn_protocol_errors", COUNTER, "Connection protocol errors"),
    ("detected_strm_protocol_errors", COUNTER, "Stream protocol errors"), ("rst_stream_resp", COUNTER, "RST_STREAM frames sent"),
    ("goaway_resp", COUNTER, "GOAWAY frames sent"), ("open_connections", GAUGE, "HTTP/2 connections open"),
    ("backend_open_streams", GAUGE, "HTTP/2 streams open"), ("total_connections", COUNTER, "HTTP/2 connections"),
    ("backend_total_streams", COUNTER, "HTTP/2 streams"),
)
_H1 = (
    ("open_connections", GAUGE, "HTTP/1 connections open"), ("open_streams", GAUGE, "HTTP/1 streams open"),
    ("total_connections", COUNTER, "HTTP/1 connections"), ("total_streams", COUNTER, "HTTP/1 streams"),
)

# TLS and HTTP/2 do not exist here yet: their counters are truly 0
MODULE_FIELDS: tuple[Field, ...] = (
    Field("ssl_sess", COUNTER, U64, "TLS sessions", _zero("FBSL")),
    Field("ssl_reused_sess", COUNTER, U64, "TLS sessions resumed", _zero("FBSL")),
    Field("ssl_failed_handshake", COUNTER, U64, "TLS handshakes that failed", _zero("FBSL")),
    *(Field(f"h2_{name}", tags, U64, what, _zero("FB")) for name, tags, what in _H2),
    *(Field(f"h1_{name}", tags, U64, what, _cell(f"h1_{name}", "FB")) for name, tags, what in _H1),
    Field("h1_bytes_in", COUNTER, U64, "HTTP/1 octets received", {"F": read.http1_octets("bin"), **_cell("h1_bytes_in", "B")}),
    Field("h1_bytes_out", COUNTER, U64, "HTTP/1 octets sent", {"F": read.http1_octets("bout"), **_cell("h1_bytes_out", "B")}),
    Field("h1_spliced_bytes_in", COUNTER, U64, "HTTP/1 octets received without a copy", _cell("h1_spliced_bytes_in", "FB")),
    Field("h1_spliced_bytes_out", COUNTER, U64, "HTTP/1 octets sent without a copy", _cell("h1_spliced_bytes_out", "FB")),
)

FIELDS: tuple[Field, ...] = STATIC_FIELDS + MODULE_FIELDS
NUMBER: dict[str, int] = {entry.name: number for number, entry in enumerate(FIELDS)}


class _Plan:
    """How to fill a row of one kind: what is copied from cells, what is constant, what is worked out."""

    __slots__ = ("cells", "constants", "legends", "readers")

    def __init__(self, kind: Kind, is_http: bool) -> None:
        self.cells: list[tuple[int, int]] = []
        self.constants: list[Value] = [None] * len(FIELDS)
        self.readers: list[tuple[int, Reader]] = []
        self.legends: list[tuple[int, Reader]] = []
        for number, entry in enumerate(FIELDS):
            source = entry.sources.get(kind.value)
            if source is None or (isinstance(source, Cell | Constant) and source.http_only and not is_http):
                continue
            if isinstance(source, Cell):
                self.cells.append((number, source.index))
            elif isinstance(source, Constant):
                self.constants[number] = source.value
            else:
                (self.legends if entry.legend else self.readers).append((number, source))


_PLANS = {(kind, is_http): _Plan(kind, is_http) for kind in Kind for is_http in (False, True)}


def values_of(reading: Reading) -> list[Value]:
    """Every field of a row, in the order of `FIELDS`; None where one does not apply."""
    plan = _PLANS[reading.kind, reading.is_http]
    values = plan.constants.copy()
    cells = reading.cells
    for number, index in plan.cells:
        values[number] = cells[index]
    for number, reader in plan.readers:
        values[number] = reader(reading)
    if reading.legends:
        for number, reader in plan.legends:
            values[number] = reader(reading)
    return values


def reader_of(number: int, kind: Kind) -> Callable[[Reading], Value]:
    """How to read one field of a row without the others."""
    source = FIELDS[number].sources.get(kind.value)
    if source is None:
        return lambda reading: None
    if isinstance(source, Cell):
        index, cell_http_only = source.index, source.http_only
        return lambda reading: reading.cells[index] if reading.is_http or not cell_http_only else None
    if isinstance(source, Constant):
        value, http_only = source.value, source.http_only
        return lambda reading: value if reading.is_http or not http_only else None
    return source
