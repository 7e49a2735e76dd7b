"""Old spellings.

What maps is translated with a warning that gives the modern line; what does not is refused with what replaces it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from proxy.config.drafts import GlobalDraft, ProxyDraft
from proxy.config.keywords.field_rules import check_field
from proxy.config.keywords.row import ANY_BACK, ANY_FRONT, ANY_PROXY, GLOBAL, Acts, Keyword, Line, Refusal
from proxy.config.keywords.values import integer, is_field_name, time_ms

Row = Keyword[ProxyDraft]

TIMEOUTS = {"contimeout": ("connect", ANY_BACK), "clitimeout": ("client", ANY_FRONT), "srvtimeout": ("server", ANY_BACK)}
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)", re.DOTALL)
_ANCHORED_NAME = re.compile(r"\^([A-Za-z0-9_-]+):?(?:\.\*|\[ \]\*\.\*|\\ \.\*)?\$?")
_ONLY = "is not supported anymore since HAProxy 2.1"


def _read_timeout(line: Line, proxy: ProxyDraft) -> None:
    name = TIMEOUTS[line.keyword][0]
    proxy.timeouts[name] = time_ms(line, 0)
    proxy.set_at[f"timeout {name}"] = line.where
    line.warn(
        f"the '{line.keyword}' directive {_ONLY}. Use 'timeout {name}'.", hint=f"write: timeout {name} {line.text(0)}",
    )


def _read_redispatch(line: Line, proxy: ProxyDraft) -> None:
    proxy.put("redispatch_after", -1, line.where)
    line.warn(f"keyword '{line.keyword}' directive {_ONLY}. Use 'option redispatch'.", hint="write: option redispatch")


def _read_forceclose(line: Line, proxy: ProxyDraft) -> None:
    if line.negated or line.reset:
        return
    proxy.put("connection_mode", "close", line.where)
    line.warn(
        "option 'forceclose' is not supported any more since HAProxy 2.0, please just remove it, or use 'option httpclose' if "
        "absolutely "
        "needed.", hint="write: option httpclose",
    )


def _read_gone_option(line: Line, proxy: ProxyDraft) -> None:
    name = line.keyword.removeprefix("option ")
    if not (line.negated or line.reset):
        line.warn(f"option '{name}' is not supported any more, please just remove it, it shouldn't be needed.",
                  hint="remove the line")


def _read_http_proxy(line: Line, proxy: ProxyDraft) -> None:
    if not (line.negated or line.reset):
        raise Refusal(
            "option 'http_proxy' is not supported any more since HAProxy 2.5. This option stopped working in HAProxy 1.9.",
            line.statement,
            "remove the line; pyproxy is no forward proxy", "option http_proxy",
        )


def _read_use_proxy_header(line: Line, proxy: ProxyDraft) -> None:
    if not (line.negated or line.reset):
        line.remark("'option http-use-proxy-header' is not acted on by pyproxy; ignored",
                    hint="remove the line: Connection is read, not Proxy-Connection")


def _read_unsafe_request(line: Line, proxy: ProxyDraft) -> None:
    if not (line.negated or line.reset):
        line.ignored(line.keyword, because="requests that break HTTP stay refused")


def _reqadd(line: Line, proxy: ProxyDraft) -> None:
    _field_added(line, proxy.request_fields, "http-request", "reqadd")


def _rspadd(line: Line, proxy: ProxyDraft) -> None:
    _field_added(line, proxy.response_fields, "http-response", "rspadd")


def _field_added(line: Line, fields: list[tuple[str, str, str]], rule: str, name: str) -> None:
    match = _FIELD.fullmatch(line.text(0))
    if len(line.arguments) > 1:
        raise Refusal(
            f"The '{name}' directive {_ONLY}. Use '{rule} add-header' instead.", line.at(1),
            "a condition needs ACLs, which are not evaluated yet" if line.text(1) in ("if",
                                                                                      "unless") else "escape the spaces of the "
                                                                                                     "value",
            f"{name} with a condition" if line.text(1) in ("if", "unless") else "",
        )
    if not match or re.search(r"[\r\n\0]", match.group(2)):
        raise Refusal(f"The '{name}' directive {_ONLY}. Use '{rule} add-header' instead.", line.at(0),
                      f"{name} <name>:\\ <value>")
    check_field(line, 0, match.group(1), "add", name)
    fields.append(("add", match.group(1), match.group(2)))
    line.warn(
        f"The '{name}' directive {_ONLY}. Use '{rule} add-header' instead.",
        hint=f'write: {rule} add-header {match.group(1)} "{_as_value(match.group(2))}"',
    )


def _as_value(text: str) -> str:
    """The text as it stands between double quotes in the value of a rule."""
    return re.sub(r'(["\\$])', r"\\\1", text).replace("%", "%%")


def _deleting(of_request: bool, rule: str) -> Callable[[Line, ProxyDraft], None]:
    def read(line: Line, proxy: ProxyDraft) -> None:
        message = f"The '{line.keyword}' directive {_ONLY}. Use '{rule} del-header' instead."
        match = _ANCHORED_NAME.fullmatch(line.text(0))
        if len(line.arguments) > 1 or not match or not is_field_name(match.group(1)):
            raise Refusal(
                message, line.at(0), "only an expression that names one field, such as ^X-Name:, can be understood here",
                f"{line.keyword} with an expression"
            )
        check_field(line, 0, match.group(1), "del", line.keyword)
        (proxy.request_fields if of_request else proxy.response_fields).append(("del", match.group(1), ""))
        line.warn(message, hint=f"write: {rule} del-header {match.group(1)}")

    return read


def _removed(message: str, hint: str = "", feature: str = "") -> Callable[[Line, ProxyDraft], None]:
    def read(line: Line, proxy: ProxyDraft) -> None:
        raise Refusal(message, line.statement, hint, feature)

    return read


def _read_monitor_net(line: Line, proxy: ProxyDraft) -> None:
    raise Refusal(
        f"'monitor-net' doesn't exist anymore. Please use 'http-request return status 200 if {{ src {line.text(0)} }}' instead.",
        line.at(0),
        "monitor-uri <uri> answers health checks of another load balancer", "monitor-net",
    )


def _read_bind_process(line: Line, proxy: ProxyDraft) -> None:
    line.warn("'bind-process' has no effect, is deprecated, and will be removed in version 2.7.", hint="remove the line")


def _read_nbproc(line: Line, draft: GlobalDraft) -> None:
    integer(line, 0, 1, 64)
    line.warn(
        "nbproc is not supported any more since HAProxy 2.5. Threads will automatically be used on multi-processor machines if "
        "available.",
        hint="remove the line, or write: nbthread " + line.text(0),
    )


def _read_debug(line: Line, draft: GlobalDraft) -> None:
    line.warn("'debug' is no keyword of 'global' any more; ignored", hint="remove the line, and start with -d")


_REPLACED: tuple[tuple[str, str], ...] = (
    ("reqrep", "'http-request replace-path', 'http-request replace-uri' or 'http-request replace-header'"),
    ("reqirep", "'http-request replace-header'"), ("rsprep", "'http-response replace-header'"),
    ("rspirep", "'http-response replace-header'"),
    ("reqallow", "'http-request allow'"), ("reqiallow", "'http-request allow'"), ("reqdeny", "'http-request deny'"),
    ("reqideny", "'http-request deny'"), ("reqtarpit", "'http-request tarpit'"), ("reqitarpit", "'http-request tarpit'"),
    ("reqpass", ""), ("reqipass", ""), ("reqsetbe", "'use_backend'"), ("reqisetbe", "'use_backend'"),
    ("rspdeny", "'http-response deny'"), ("rspideny", "'http-response deny'"),
)


_PASS = "remove the line: http-request rules after it decide by their own conditions"


def _replaced(name: str, by: str) -> Row:
    message = f"The '{name}' directive {_ONLY}." + (f" Use {by} instead." if by else "")
    return Row(name, ANY_PROXY, "<search> [<string>]", _removed(message, "rules are not evaluated yet" if by else _PASS, name),
               acts=Acts.REMOVED, feature=name, fails=(f"{name} a b",))


GLOBAL_ROWS: tuple[Keyword[GlobalDraft], ...] = (
    Keyword("nbproc", GLOBAL, "<number>", _read_nbproc, "3.1", least=1, most=1, missing="'nbproc' expects an integer argument.",
            acts=Acts.OLD,
            loads=("nbproc 1",), fails=("nbproc", "nbproc many")),
    Keyword("debug", GLOBAL, "", _read_debug, "3.3", most=0, acts=Acts.OLD, loads=("debug",), fails=("debug x",)),
)

ROWS: tuple[Row, ...] = (
    *(Row(name, sections, "<time>", _read_timeout, least=1, most=1,
          missing=f"the '{name}' directive {_ONLY}. Use 'timeout {modern}'.",
          acts=Acts.OLD, loads=(f"{name} 5000",), fails=(name, f"{name} soon"))
      for name, (modern, sections) in TIMEOUTS.items()),
    *(Row(name, ANY_BACK, "", _read_redispatch, most=0, acts=Acts.OLD, loads=(name,),
          fails=(f"{name} x",)) for name in ("redispatch", "redisp")),
    Row("option forceclose", ANY_PROXY, "", _read_forceclose, most=0, negatable=True, acts=Acts.OLD, loads=("option forceclose",),
        fails=("option forceclose x",)),
    *(Row(f"option {name}", ANY_FRONT, "", _read_gone_option, most=0, negatable=True, acts=Acts.OLD, loads=(f"option {name}",),
          fails=(f"option {name} x",))
      for name in ("http-tunnel", "http-use-htx")),
    Row("option http_proxy", ANY_PROXY, "", _read_http_proxy, most=0, negatable=True, acts=Acts.REMOVED,
        feature="option http_proxy",
        loads=("no option http_proxy",), fails=("option http_proxy",)),
    Row("option http-use-proxy-header", ANY_FRONT, "", _read_use_proxy_header, most=0, negatable=True, acts=Acts.OLD,
        loads=("option http-use-proxy-header",), fails=("option http-use-proxy-header x",)),
    Row("option accept-unsafe-violations-in-http-request", ANY_FRONT, "", _read_unsafe_request, most=0, negatable=True,
        default="off", acts=Acts.IGNORED, loads=("option accept-unsafe-violations-in-http-request",),
        fails=("option accept-unsafe-violations-in-http-request x",)),
    Row("reqadd", ANY_PROXY, "<name>:\\ <value>", _reqadd, least=1,
        missing=f"The 'reqadd' directive {_ONLY}. Use 'http-request add-header' instead.",
        acts=Acts.OLD, loads=("reqadd X-Proto:\\ http",), fails=("reqadd", "reqadd X-Proto",
                                                                 "reqadd X-Proto:\\ https if is_tls")),
    Row("rspadd", ANY_PROXY, "<name>:\\ <value>", _rspadd, least=1,
        missing=f"The 'rspadd' directive {_ONLY}. Use 'http-response add-header' instead.",
        acts=Acts.OLD, loads=("rspadd X-Frame-Options:\\ DENY",), fails=("rspadd", "rspadd X-Frame-Options")),
    *(Row(name, ANY_PROXY, "<search>", _deleting(name.startswith("req"), rule), least=1,
          missing=f"The '{name}' directive {_ONLY}. Use '{rule} del-header' instead.", acts=Acts.OLD,
          loads=(f"{name} ^X-Powered-By:",),
          fails=(name, f"{name} .*cookie.*"))
      for name, rule in (("reqdel", "http-request"), ("reqidel", "http-request"), ("rspdel", "http-response"),
                         ("rspidel", "http-response"))),
    *(_replaced(name, by) for name, by in _REPLACED),
    Row("appsession", ANY_BACK, "<cookie> len <length> timeout <holdtime>",
        _removed("'appsession' is not supported anymore since HAProxy 1.6.",
                 "cookie <name> prefix, or cookie <name> insert indirect nocache", "appsession"),
        acts=Acts.REMOVED, feature="appsession", fails=("appsession JSESSIONID len 52 timeout 3h",)),
    Row("block", ANY_PROXY, "{ if | unless } <condition>",
        _removed("The 'block' directive is not supported anymore since HAProxy 2.1. Use 'http-request deny' which uses the "
                 "exact same syntax.",
                 "rules and ACLs are not evaluated yet", "block"),
        acts=Acts.REMOVED, feature="block", fails=("block if TRUE",)),
    Row("monitor-net", ANY_FRONT, "<network>", _read_monitor_net, acts=Acts.REMOVED, feature="monitor-net",
        fails=("monitor-net 192.0.2.0/24",)),
    Row("grace", ANY_PROXY, "<time>", _removed("the 'grace' keyword is not supported any more since HAProxy version 2.5.",
                                               "hard-stop-after in 'global'"),
        acts=Acts.REMOVED, fails=("grace 5s",)),
    Row("bind-process", ANY_PROXY, "[ all | odd | even | <process> ]...", _read_bind_process, least=1, acts=Acts.OLD,
        missing="'bind-process' expects a process number.", loads=("bind-process 1",), fails=("bind-process",)),
)
