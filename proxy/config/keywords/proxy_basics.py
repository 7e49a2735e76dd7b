"""What makes a proxy a proxy: mode, limits, where its traffic goes, retries, identity."""

from __future__ import annotations

from collections.abc import Callable

from proxy.base.addresses import Address, Family
from proxy.config.drafts import ProxyDraft
from proxy.config.keywords.addresses import server_address
from proxy.config.keywords.conditions import constant_condition
from proxy.config.keywords.row import ANY_BACK, ANY_FRONT, ANY_PROXY, FRONT, PROXIES, Keyword, Line, Refusal
from proxy.config.keywords.values import integer

Row = Keyword[ProxyDraft]
Reader = Callable[[Line, ProxyDraft], None]

MODES = ("tcp", "http")
RETRY_STATUSES = ("401", "403", "404", "408", "425", "500", "501", "502", "503", "504")
RETRY_WORDS = ("none", "conn-failure", "empty-response", "junk-response", "response-timeout", "0rtt-rejected",
               "all-retryable-errors")
ALL_RETRYABLE = ("conn-failure", "empty-response", "junk-response", "response-timeout", "0rtt-rejected", "500", "502", "503",
                 "504")


def _number(field: str, low: int | None = 0, high: int | None = None) -> Reader:
    def read(line: Line, proxy: ProxyDraft) -> None:
        proxy.put(field, integer(line, 0, low, high), line.where)

    return read


def _read_mode(line: Line, proxy: ProxyDraft) -> None:
    mode = line.text(0)
    if mode == "health":
        line.warn(
            "'mode health' doesn't exist anymore. Please use 'http-request return status 200' instead.", line.at(0),
            "it is still understood here: every connection is answered OK and closed; write 'mode http' and 'monitor-uri /'",
        )
    elif mode not in MODES:
        raise Refusal(f"unknown proxy mode '{mode}'.", line.at(0), "mode tcp, or mode http")
    proxy.put("mode", mode, line.where)


def _read_retry_on(line: Line, proxy: ProxyDraft) -> None:
    wanted: list[str] = []
    for word in line.arguments:
        text = word.text
        if text not in RETRY_WORDS and text not in RETRY_STATUSES:
            raise Refusal(
                f"'retry-on': unknown keyword '{text}'", word,
                f"one of {', '.join(RETRY_WORDS)}, or a status: {' '.join(RETRY_STATUSES)}"
            )
        if text == "none" and len(line.arguments) > 1:
            raise Refusal("'retry-on' 'none' keyworld only usable alone", word)
        wanted.extend(ALL_RETRYABLE if text == "all-retryable-errors" else () if text == "none" else (text,))
    proxy.put("retry_on", tuple(dict.fromkeys(wanted)), line.where)


def _read_default_backend(line: Line, proxy: ProxyDraft) -> None:
    proxy.put("default_backend", line.text(0), line.where)


def _read_use_backend(line: Line, proxy: ProxyDraft) -> None:
    name = line.arguments[0]
    if "%[" in name.text:
        raise line.unsupported(
            "use_backend with a dynamic name",
            f"'use_backend {name.text}' is not supported by this version of pyproxy: expressions are not evaluated yet",
            "name the backend: default_backend <backend>", name,
        )
    if constant_condition(line, 1, "use_backend",
                          "use default_backend, or one frontend per backend") and proxy.backend_rule is None:
        proxy.backend_rule = (name.text, line.where)


def _read_id(line: Line, proxy: ProxyDraft) -> None:
    proxy.put("proxy_id", integer(line, 0, 1, refusal="custom id has to be > 0."), line.where)


def _read_description(line: Line, proxy: ProxyDraft) -> None:
    proxy.put("description", " ".join(line.texts()), line.where)


def _set_disabled(disabled: bool) -> Reader:
    def read(line: Line, proxy: ProxyDraft) -> None:
        proxy.put("disabled", disabled, line.where)

    return read


def read_source(line: Line, index: int, what: str) -> Address:
    """The address of a `source`; what follows it is refused: pyproxy never connects from an address that is not its own."""
    address = server_address(line, index, what)
    if address.family not in (Family.IPV4, Family.IPV6, Family.NAME):
        raise Refusal(f"{what} : invalid address: '{line.text(index)}' in '{line.text(index)}'", line.at(index))
    return address._replace(port=0 if address.port_offset else address.port, port_offset=False)


def _read_source(line: Line, proxy: ProxyDraft) -> None:
    extra = line.text(1)
    if extra in ("usesrc", "interface"):
        raise line.unsupported(
            f"source … {extra}", f"'source … {extra}' is not supported by this version of pyproxy",
            "keep 'source <address>' alone",
            line.at(1),
        )
    if extra:
        raise Refusal(f"'source' only supports optional keywords 'interface' and 'usesrc' (got '{extra}').", line.at(1))
    proxy.put("source", read_source(line, 0, f"'source {line.text(0)}'"), line.where)


def _read_http_reuse(line: Line, proxy: ProxyDraft) -> None:
    if line.text(0) not in ("never", "safe", "aggressive", "always"):
        raise Refusal("'http-reuse' only supports 'never', 'safe', 'aggressive', 'always'.", line.at(0))
    if len(line.arguments) > 1:
        raise Refusal(f"'http-reuse {line.text(0)}' cannot handle unexpected argument '{line.text(1)}'.", line.at(1))
    proxy.put("http_reuse", line.text(0), line.where)


def _read_monitor_uri(line: Line, proxy: ProxyDraft) -> None:
    proxy.put("monitor_uri", line.text(0), line.where)


def _read_rate_limit(line: Line, proxy: ProxyDraft) -> None:
    proxy.put(
        "rate_limit_sessions",
        integer(line, 0, 0, refusal=f"'rate-limit sessions' : unexpected character in integer value '{line.text(0)}'"),
        line.where,
    )


_INTEGER = "'{0}' expects an integer argument."

ROWS: tuple[Row, ...] = (
    Row("mode", ANY_PROXY, "{ tcp | http }", _read_mode, default="tcp", least=1, most=1, missing="unknown proxy mode ''.",
        loads=("mode http", "mode tcp", "mode health"), fails=("mode", "mode ftp", "mode http x")),
    Row("maxconn", ANY_FRONT, "<conns>", _number("maxconn"), default="2000, or -N", least=1, most=1,
        missing=_INTEGER.format("maxconn"), loads=("maxconn 100",), fails=("maxconn", "maxconn many", "maxconn 1 2")),
    Row("fullconn", ANY_BACK, "<conns>", _number("fullconn"), default="10 % of the maxconn of the frontends that lead there",
        least=1, most=1, missing=_INTEGER.format("fullconn"), loads=("fullconn 100",), fails=("fullconn", "fullconn many")),
    Row("backlog", ANY_FRONT, "<conns>", _number("backlog"), default="maxconn", least=1, most=1,
        missing=_INTEGER.format("backlog"), loads=("backlog 1000",), fails=("backlog", "backlog deep")),
    Row("retries", ANY_BACK, "<value>", _number("retries"), default="3", least=1, most=1,
        missing="'retries' expects an integer argument (dispatch counts for one).",
        loads=("retries 0", "retries 5"), fails=("retries", "retries often", "retries 1 2")),
    Row("retry-on", ANY_BACK, "<word or status>...", _read_retry_on, default="conn-failure", least=1,
        missing="'retry-on' needs at least one keyword to specify when to retry",
        elsewhere="'retry-on' only available in backend or listen section",
        loads=("retry-on none", "retry-on conn-failure empty-response 503", "retry-on all-retryable-errors"),
        fails=("retry-on", "retry-on never", "retry-on 200", "retry-on none 503")),
    Row("default_backend", ANY_FRONT, "<backend>", _read_default_backend, least=1, most=1,
        missing="'default_backend' expects a backend name.", loads=("default_backend other",),
        fails=("default_backend", "default_backend nowhere", "default_backend other x")),
    Row("use_backend", FRONT, "<backend>", _read_use_backend, least=1,
        missing="'use_backend' expects a backend name.", loads=("use_backend other", "use_backend other if TRUE"),
        fails=("use_backend", "use_backend other if is_api", "use_backend %[req.hdr(host)]", "use_backend nowhere")),
    Row("id", PROXIES, "<value>", _read_id, default="numbered from 2 in the order of the file", least=1, most=1,
        missing="'id' expects an integer argument.", loads=("id 50",), fails=("id", "id 0", "id first")),
    Row("description", PROXIES, "<text>", _read_description, least=1, missing="'description' expects a string argument.",
        loads=("description the shop",), fails=("description",)),
    Row("disabled", ANY_PROXY, "", _set_disabled(True), most=0, loads=("disabled",), fails=("disabled yes",)),
    Row("enabled", ANY_PROXY, "", _set_disabled(False), default="on", most=0, loads=("enabled",), fails=("enabled yes",)),
    Row("source", ANY_BACK, "<address>[:<port>]", _read_source, least=1,
        missing="'source' expects <addr>[:<port>], and optionally 'usesrc' <addr>, and 'interface' <name>.",
        loads=("source 192.0.2.1", "source localhost"),
        fails=("source", "source 192.0.2.300", "source 192.0.2.1 usesrc clientip")),
    Row("http-reuse", ANY_BACK, "{ never | safe | aggressive | always }", _read_http_reuse, default="safe", least=1,
        missing="'http-reuse' only supports 'never', 'safe', 'aggressive', 'always'.",
        loads=("http-reuse never", "http-reuse always"), fails=("http-reuse", "http-reuse sometimes", "http-reuse safe x")),
    Row("monitor-uri", ANY_FRONT, "<uri>", _read_monitor_uri, least=1, most=1, missing="'monitor-uri' expects an URI.",
        loads=("monitor-uri /alive",), fails=("monitor-uri", "monitor-uri /a /b")),
    Row("rate-limit sessions", ANY_FRONT, "<rate>", _read_rate_limit, default="0 (none)", least=1, most=1,
        missing="'rate-limit sessions' expects expects an integer value (in sessions/second)",
        loads=("rate-limit sessions 100",), fails=("rate-limit sessions", "rate-limit sessions fast")),
)

