"""`log` lines, log options, formats, captures and the unique identifier: everything about what is written down.

Formats are only noted here; `proxy.config.checks` parses them once the mode of the proxy is known.
"""

from __future__ import annotations

from typing import Any

from proxy.base.addresses import Family
from proxy.base.log_format_text import CLF, HTTPLOG, HTTPSLOG, TCPLOG
from proxy.config.drafts import GlobalDraft, GlobalLog, ProxyDraft
from proxy.config.keywords.addresses import log_address
from proxy.config.keywords.row import ANY_PROXY, FRONT, GLOBAL, Acts, Keyword, Line, Refusal
from proxy.config.keywords.values import integer_or_none, is_field_name
from proxy.config.model import LogTarget

FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp", "audit", "alert",
    "cron2",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)
LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
FORMATS = ("local", "rfc3164", "rfc5424", "priority", "short", "timed", "iso", "raw")


def _target(line: Line, expected: str) -> LogTarget:
    """The arguments of a `log` line with an address."""
    if len(line.arguments) < 2:
        raise Refusal(f"log : expects <address> and {expected} as arguments", line.at(0), "for example: log 127.0.0.1 local0")
    address = log_address(line, 0, "log")
    if address.family is not Family.DESCRIPTOR and not address.datagram:
        raise line.unsupported(
            "log over TCP", f"log : '{line.text(0)}' is a stream address, not supported by this version of pyproxy",
            "send the lines to a UDP port or a unix datagram socket: log 127.0.0.1:514 local0", line.at(0),
        )
    chosen: dict[str, Any] = {}
    index = 1
    while line.text(index) in ("len", "format", "sample"):
        word, value = line.text(index), line.text(index + 1)
        if word == "len":
            length = integer_or_none(value)
            if length is None or not 80 <= length <= 65535:
                raise Refusal(f"log : invalid log length '{value}', must be between 80 and 65535", line.at(index + 1))
            chosen["length"] = length
        elif word == "format":
            if value not in FORMATS:
                raise Refusal(f"log : unknown log format '{value}'", line.at(index + 1), f"one of {', '.join(FORMATS)}")
            chosen["format"] = value
        else:
            line.ignored("log … sample", line.at(index), "every line goes to this target")
        index += 2
    facility, level, minlevel = line.text(index), line.text(index + 1), line.text(index + 2)
    if facility not in FACILITIES:
        raise Refusal(f"log : unknown log facility '{facility}'", line.at(index), "one of local0 to local7, daemon, user, …")
    if level and level not in LEVELS:
        raise Refusal(f"log : unknown optional log level '{level}'", line.at(index + 1), f"one of {', '.join(LEVELS)}")
    if minlevel and minlevel not in LEVELS:
        raise Refusal(f"log : unknown optional minimum log level '{minlevel}'", line.at(index + 2), f"one of {', '.join(LEVELS)}")
    if len(line.arguments) > index + 3:
        raise Refusal(f"log : cannot handle unexpected argument '{line.text(index + 3)}'", line.at(index + 3))
    return LogTarget(address, facility, level or "debug", minlevel or "emerg", where=line.where, **chosen)


def _read_global_log(line: Line, draft: GlobalDraft) -> None:
    if line.negated:
        draft.log_targets.clear()
    elif line.text(0) == "global":
        raise Refusal("log : 'global' is not supported for a global syslog server", line.at(0), "log 127.0.0.1 local0")
    else:
        draft.log_targets.append(_target(line, "<facility> "))


def _read_log(line: Line, proxy: ProxyDraft) -> None:
    if line.negated:
        proxy.logs.clear()
    elif line.text(0) == "global" and len(line.arguments) == 1:
        if not any(isinstance(target, GlobalLog) for target in proxy.logs):
            proxy.logs.append(GlobalLog(line.where))
    elif line.text(0) == "global":
        raise Refusal(f"log : unknown log facility '{line.text(1)}'", line.at(1), "log global")
    else:
        proxy.logs.append(_target(line, "<facility> or global"))


def _set_format(line: Line, proxy: ProxyDraft, kind: str, text: str) -> None:
    """The last format given wins."""
    if proxy.kind == "backend":
        line.warn(f"{proxy.title} : '{line.keyword}' directive is ignored in backends.")
        return
    proxy.put("log_format", text, line.where)
    proxy.settings["log_format_kind"] = kind


def _read_httplog(line: Line, proxy: ProxyDraft) -> None:
    if line.text(0) not in ("", "clf"):
        raise Refusal("keyword 'httplog' only supports option 'clf'.", line.at(0))
    _set_format(line, proxy, "clf" if line.arguments else "httplog", CLF if line.arguments else HTTPLOG)


def _read_tcplog(line: Line, proxy: ProxyDraft) -> None:
    _set_format(line, proxy, "tcplog", TCPLOG)


def _read_httpslog(line: Line, proxy: ProxyDraft) -> None:
    _set_format(line, proxy, "httpslog", HTTPSLOG)


def _one_format(line: Line) -> str:
    if len(line.arguments) > 1:
        raise Refusal(
            f"{line.keyword} expects only one argument, don't forget to escape spaces!", line.at(1),
            f'put the whole format in double quotes: {line.keyword} "{" ".join(line.texts())}"',
        )
    return line.text(0)


def _read_log_format(line: Line, proxy: ProxyDraft) -> None:
    _set_format(line, proxy, "custom", _one_format(line))


def _read_error_log_format(line: Line, proxy: ProxyDraft) -> None:
    if proxy.kind == "backend":
        line.warn(f"{proxy.title} : '{line.keyword}' directive is ignored in backends.")
    else:
        proxy.put("error_log_format", _one_format(line), line.where)


def _read_log_format_sd(line: Line, proxy: ProxyDraft) -> None:
    _one_format(line)
    line.ignored("log-format-sd", because="lines in rfc5424 carry no structured data")


def _read_log_tag(line: Line, proxy: ProxyDraft) -> None:
    proxy.put("log_tag", line.text(0), line.where)


def _read_unique_id_format(line: Line, proxy: ProxyDraft) -> None:
    proxy.put("unique_id_format", _one_format(line), line.where)


def _read_unique_id_header(line: Line, proxy: ProxyDraft) -> None:
    if not is_field_name(line.text(0)):
        raise Refusal("unique-id-header expects an argument.", line.at(0), "the name of a field, for example X-Unique-ID")
    proxy.put("unique_id_header", line.text(0), line.where)


def _capture_length(line: Line, index: int, usage: str) -> int:
    if line.text(index) != "len" or index + 1 >= len(line.arguments):
        raise Refusal(f"'capture{usage}' <len>.", line.at(index))
    length = integer_or_none(line.text(index + 1))
    if length is None or length < 0:
        raise Refusal(f"'capture' expects a length (got '{line.text(index + 1)}').", line.at(index + 1), "for example: len 64")
    return length


def _read_capture_cookie(line: Line, proxy: ProxyDraft) -> None:
    length = _capture_length(line, 1, "' expects 'cookie' <cookie_name> 'len")
    if length > 63:
        line.warn(f"truncating capture length to 63 bytes for proxy '{proxy.name}'.", line.at(2), parsing=False)
        length = 63
    proxy.put("capture_cookie", (line.text(0), length), line.where)


def _read_capture_request(line: Line, proxy: ProxyDraft) -> None:
    proxy.capture_request_headers.append(_capture_header(line))
    proxy.set_at["capture"] = line.where


def _read_capture_response(line: Line, proxy: ProxyDraft) -> None:
    proxy.capture_response_headers.append(_capture_header(line))
    proxy.set_at["capture"] = line.where


def _capture_header(line: Line) -> tuple[str, int]:
    which = line.keyword.split()[1]
    length = _capture_length(line, 1, f" {which}' expects 'header' <header_name> 'len'")
    if len(line.arguments) > 3:
        raise Refusal(f"'capture {which}' cannot handle unexpected argument '{line.text(3)}'.", line.at(3))
    return line.text(0), length


_LOG_USAGE = "<address> [len <length>] [format <format>] <facility> [<max level> [<min level>]]"
_LOG_LOADS = (
    "log 127.0.0.1 local0", "log 127.0.0.1:1514 len 4096 format rfc5424 local0 info err", "log /dev/log local0 notice",
    "log stdout format raw local0", "log 127.0.0.1 local0 debug", "no log",
)
_LOG_FAILS = (
    "log", "log 127.0.0.1", "log 127.0.0.1 everywhere", "log 127.0.0.1 local0 loud", "log 127.0.0.1 local0 info loud",
    "log 127.0.0.1 len 20 local0", "log 127.0.0.1 format xml local0", "log 127.0.0.1 local0 info err x",
)

GLOBAL_ROWS: tuple[Keyword[GlobalDraft], ...] = (
    Keyword("log", GLOBAL, _LOG_USAGE, _read_global_log, "3.1", negatable=True, loads=_LOG_LOADS,
            fails=(*_LOG_FAILS, "log global")),
)

ROWS: tuple[Keyword[ProxyDraft], ...] = (
    Keyword("log", ANY_PROXY, f"global | {_LOG_USAGE}", _read_log, default="no log", least=0, negatable=True,
            loads=("log global", *_LOG_LOADS), fails=(*_LOG_FAILS, "log global local0")),
    Keyword("option httplog", ANY_PROXY, "[clf]", _read_httplog, most=1, loads=("option httplog", "option httplog clf"),
            fails=("option httplog json", "option httplog clf x", "no option httplog")),
    Keyword("option tcplog", ANY_PROXY, "", _read_tcplog, most=0, loads=("option tcplog",), fails=("option tcplog x",)),
    Keyword("option httpslog", ANY_PROXY, "", _read_httpslog, most=0, loads=("option httpslog",), fails=("option httpslog x",)),
    Keyword("log-format", ANY_PROXY, "<format>", _read_log_format, least=1, missing="log-format expects an argument.",
            loads=('log-format "%ci:%cp [%t] %ST %B"',), fails=("log-format", "log-format %ci %cp", "log-format %nothing")),
    Keyword("error-log-format", ANY_PROXY, "<format>", _read_error_log_format, least=1,
            missing="error-log-format expects an argument.", loads=('error-log-format "%ci:%cp [%t]"',),
            fails=("error-log-format", "error-log-format %ci %cp", "error-log-format %nothing")),
    Keyword("log-format-sd", ANY_PROXY, "<format>", _read_log_format_sd, least=1, acts=Acts.IGNORED,
            missing="log-format-sd expects an argument.", loads=('log-format-sd "[a b=c]"',),
            fails=("log-format-sd", "log-format-sd a b")),
    Keyword("log-tag", ANY_PROXY, "<string>", _read_log_tag, default="the global one", least=1, most=1,
            missing="'log-tag' expects a tag for use in syslog.", loads=("log-tag shop",), fails=("log-tag", "log-tag a b")),
    Keyword("unique-id-format", ANY_PROXY, "<format>", _read_unique_id_format, least=1,
            missing="unique-id-format expects an argument.", loads=("unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid",),
            fails=("unique-id-format", "unique-id-format %ci %cp", "unique-id-format %nothing")),
    Keyword("unique-id-header", ANY_PROXY, "<name>", _read_unique_id_header, least=1, most=1,
            missing="unique-id-header expects an argument.", loads=("unique-id-header X-Unique-ID",),
            fails=("unique-id-header", 'unique-id-header "a b"')),
    Keyword("capture cookie", FRONT, "<name> len <length>", _read_capture_cookie, least=3, most=3,
            missing="'capture' expects 'cookie' <cookie_name> 'len' <len>.", loads=("capture cookie SESSION len 32",),
            fails=("capture cookie", "capture cookie SESSION", "capture cookie SESSION len", "capture cookie SESSION len long")),
    *(Keyword(f"capture {which} header", FRONT, "<name> len <length>", read, least=3,
              missing=f"'capture {which}' expects 'header' <header_name> 'len' <len>.",
              loads=(f"capture {which} header Content-Type len 32",),
              fails=(f"capture {which} header", f"capture {which} header Host len", f"capture {which} header Host len long",
                     f"capture {which} header Host len 10 x"))
      for which, read in (("request", _read_capture_request), ("response", _read_capture_response))),
)

