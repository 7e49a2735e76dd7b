"""Rules. Acted on are `http-request use-service prometheus-exporter [if { path /x }]` and those of `field_rules`; the rest is
named and refused.

The names of all actions are kept, so that "not supported" and "no such thing" are told apart.
"""

from __future__ import annotations

from collections.abc import Callable

from proxy.config.drafts import ProxyDraft
from proxy.config.keywords.conditions import CONSTANTS
from proxy.config.keywords.field_rules import ACTIONS as FIELD_ACTIONS
from proxy.config.keywords.field_rules import read_field_rule
from proxy.config.keywords.row import BACK, DEFAULTS, FRONT, PROXIES, Acts, Keyword, Line, Refusal, Sections
from proxy.config.model import UseService
from proxy.config.suggest import did_you_mean

Row = Keyword[ProxyDraft]

_COMMON = (
    "add-acl(", "add-header", "allow", "capture", "del-acl(", "del-header", "del-map(", "deny", "redirect", "replace-header",
    "replace-value", "return", "sc-inc-gpc(", "sc-inc-gpc0(", "sc-inc-gpc1(", "sc-set-gpt(", "sc-set-gpt0(", "send-spoe-group",
    "set-header", "set-log-level", "set-map(", "set-mark", "set-nice", "set-tos", "set-var(", "set-var-fmt(", "silent-drop",
    "strict-mode", "track-sc", "unset-var(", "wait-for-body", "ot-group", "lua.",
)
REQUEST_ACTIONS = (
    *_COMMON, "auth", "cache-use", "disable-l7-retry", "do-resolve(", "early-hint", "normalize-uri", "reject", "replace-path",
    "replace-pathq", "replace-uri", "set-dst", "set-dst-port", "set-method", "set-path", "set-pathq", "set-priority-class",
    "set-priority-offset", "set-query", "set-src", "set-src-port", "set-timeout", "set-uri", "tarpit", "use-service",
    "wait-for-handshake",
)
RESPONSE_ACTIONS = (*_COMMON, "cache-store", "set-status")
AFTER_ACTIONS = (
    "add-header", "allow", "capture", "del-header", "replace-header", "replace-value", "set-header", "set-status", "set-var(",
    "set-var-fmt(",
    "strict-mode", "unset-var(", "ot-group", "lua.",
)
TCP_ACTIONS = (
    "accept", "reject", "expect-proxy", "expect-netscaler-cip", "capture", "do-resolve(", "sc-inc-gpc(", "sc-inc-gpc0(",
    "sc-inc-gpc1(",
    "sc-set-gpt(", "sc-set-gpt0(", "send-spoe-group", "set-dst", "set-dst-port", "set-log-level", "set-mark", "set-nice",
    "set-priority-class", "set-priority-offset", "set-src", "set-src-port", "set-tos", "set-var(", "set-var-fmt(", "silent-drop",
    "switch-mode", "track-sc", "unset-var(", "use-service", "close", "ot-group", "lua.",
)
HINTS = {
    "return": "monitor-uri answers 200 for one path; errorfile replaces an error page",
    "auth": "only the statistics page can ask for a password: stats auth <user>:<password>",
    "deny": "let a firewall refuse, or serve it from another frontend",
    "redirect": "let the application redirect",
}
UNTIL_RULES = "rules and ACLs are not evaluated yet"


def is_action(text: str, actions: tuple[str, ...]) -> bool:
    """True when `text` is one of the actions; one that ends in "(", "track-sc" or "lua." is a beginning."""
    return any(text.startswith(action) if action.endswith(("(", "-sc", ".")) else text == action for action in actions)


def _refuse_rule(actions: tuple[str, ...]) -> Callable[[Line, ProxyDraft], None]:
    def read(line: Line, proxy: ProxyDraft) -> None:
        action = line.text(0)
        if not is_action(action, actions):
            names = [name.rstrip("(") for name in actions]
            raise Refusal(
                f"'{line.keyword}' expects {', '.join(repr(name) for name in names)}, but got '{action}'"
                + ("." if action else " (missing argument)."), line.at(0), did_you_mean(action, names),
            )
        named = action.partition("(")[0]
        raise line.unsupported(
            f"{line.keyword} {named}", f"'{line.keyword} {named}' is not supported by this version of pyproxy: {UNTIL_RULES}",
            HINTS.get(named, ""), line.at(0),
        )

    return read


def _service_path(line: Line) -> str | None:
    """The path of `if { path /x }`; "" for always, None for a condition that never holds."""
    test = line.texts(2)
    if not test:
        return ""
    if test[0] not in ("if", "unless"):
        raise Refusal(
            f"error detected while parsing an 'http-request use-service' rule : expects 'if', 'unless' or end of line but got "
            f"'{test[0]}'",
            line.at(2),
        )
    condition = test[1:]
    if len(condition) == 1 and condition[0] in CONSTANTS:
        return "" if CONSTANTS[condition[0]] == (test[0] == "if") else None
    bare = [word for word in condition if word not in ("{", "}")]
    if test[0] == "if" and condition[:1] == ["{"] and condition[-1:] == ["}"] and len(bare) == 2 and bare[0] == "path":
        return bare[1]
    raise line.unsupported(
        "http-request use-service with an ACL",
        f"'http-request use-service … {test[0]} …' is not supported by this version of pyproxy: only 'if {{ path <path> }}' is "
        "understood",
        "http-request use-service prometheus-exporter if { path /metrics }", line.at(2),
    )


def _read_use_service(line: Line, proxy: ProxyDraft) -> None:
    service = line.text(1)
    if service != "prometheus-exporter":
        feature = f"http-request use-service {service}" if service.startswith("lua.") else ""
        raise Refusal(
            f"error detected in proxy '{proxy.name}' while parsing 'http-request use-service' rule : '{service}' unknown "
            "service name.",
            line.at(1), "prometheus-exporter is the only service", feature,
        )
    path = _service_path(line)
    if path is not None:
        proxy.use_services.append(UseService(service, path, line.where))
        proxy.set_at["http-request"] = line.where


def _read_http_request(line: Line, proxy: ProxyDraft) -> None:
    if line.text(0) == "use-service":
        _read_use_service(line, proxy)
    elif line.text(0) in FIELD_ACTIONS:
        read_field_rule(line, proxy)
    else:
        _refuse_rule(REQUEST_ACTIONS)(line, proxy)


def _read_http_response(line: Line, proxy: ProxyDraft) -> None:
    if line.text(0) in FIELD_ACTIONS:
        read_field_rule(line, proxy)
    else:
        _refuse_rule(RESPONSE_ACTIONS)(line, proxy)


def _refuse(because: str, hint: str = "") -> Callable[[Line, ProxyDraft], None]:
    def read(line: Line, proxy: ProxyDraft) -> None:
        raise line.unsupported(line.keyword, f"'{line.keyword}' is not supported by this version of pyproxy: {because}", hint)

    return read


def _read_monitor_fail(line: Line, proxy: ProxyDraft) -> None:
    if line.text(0) not in ("if", "unless") or not line.text(1):
        raise Refusal("'monitor fail' requires either 'if' or 'unless' followed by a condition.", line.at(0))
    raise line.unsupported("monitor fail", f"'monitor fail' is not supported by this version of pyproxy: {UNTIL_RULES}",
                           "monitor-uri <uri> alone")


def _unsupported(
    words: str, sections: Sections, usage: str, because: str, fails: tuple[str, ...], hint: str = "", least: int = 0,
    missing: str = "",
) -> Row:
    return Row(words, sections, usage, _refuse(because, hint), acts=Acts.UNSUPPORTED, feature=words, fails=fails, least=least,
               missing=missing)


_TABLES = "stick tables are not kept yet"

ROWS: tuple[Row, ...] = (
    Row("http-request", PROXIES, "<action> [<options>]... [{ if | unless } <condition>]", _read_http_request,
        loads=("http-request use-service prometheus-exporter",
               "http-request use-service prometheus-exporter if { path /metrics }", "http-request add-header X-A b",
               "http-request set-header Host \"a b\" if TRUE", "http-request del-header X-A"),
        fails=("http-request", "http-request dance", "http-request deny", "http-request set-header X-A %[src]",
               "http-request add-header X-A", "http-request add-header X-A 5%", "http-request add-header X-A b c",
               "http-request add-header X-A b if is_tls", "http-request del-header X-A -m beg", "http-request set-header TE a",
               "http-request use-service nothing", "http-request use-service prometheus-exporter if { path_beg /m }",
               "http-request use-service prometheus-exporter when")),
    Row("http-response", PROXIES, "<action> [<options>]... [{ if | unless } <condition>]", _read_http_response,
        loads=("http-response set-header X-A b", "http-response del-header Server"),
        fails=("http-response", "http-response dance", "http-response deny", "http-response set-header X-A",
               "http-response add-header Connection close")),
    Row("http-after-response", PROXIES, "<action> [<options>]... [{ if | unless } <condition>]", _refuse_rule(AFTER_ACTIONS),
        acts=Acts.UNSUPPORTED, feature="http-after-response", fails=("http-after-response",
                                                                     "http-after-response set-header X-A b")),
    *(Row(f"tcp-request {layer}", sections, "<action> [{ if | unless } <condition>]", _refuse_rule(TCP_ACTIONS),
          acts=Acts.UNSUPPORTED,
          feature=f"tcp-request {layer}",
          elsewhere=f"tcp-request {layer} is not allowed because {{kind}} {{name}} is not a frontend",
          fails=(f"tcp-request {layer}", f"tcp-request {layer} dance", f"tcp-request {layer} reject"))
      for layer, sections in (("connection", FRONT), ("session", FRONT), ("content", PROXIES))),
    Row("tcp-response content", BACK, "<action> [{ if | unless } <condition>]", _refuse_rule(TCP_ACTIONS), acts=Acts.UNSUPPORTED,
        feature="tcp-response content", fails=("tcp-response content", "tcp-response content reject")),
    _unsupported("tcp-request inspect-delay", PROXIES, "<time>", UNTIL_RULES, ("tcp-request inspect-delay 5s",)),
    _unsupported("tcp-response inspect-delay", BACK, "<time>", UNTIL_RULES, ("tcp-response inspect-delay 5s",)),
    _unsupported("acl", PROXIES, "<name> <criterion> [<flags>]... <value>...", UNTIL_RULES, ("acl", "acl local src 127.0.0.1"),
                 least=2,
                 missing="'acl' expects a name and a criterion."),
    _unsupported("redirect", PROXIES, "{ location | prefix | scheme } <to> [code <code>] [if <condition>]", UNTIL_RULES,
                 ("redirect prefix /new",),
                 "let the application redirect"),
    _unsupported("use-server", BACK, "<server> { if | unless } <condition>", UNTIL_RULES, ("use-server s if TRUE",)),
    _unsupported("force-persist", BACK, "{ if | unless } <condition>", UNTIL_RULES, ("force-persist if TRUE",)),
    _unsupported("ignore-persist", BACK, "{ if | unless } <condition>", UNTIL_RULES, ("ignore-persist if TRUE",)),
    Row("monitor fail", FRONT, "{ if | unless } <condition>", _read_monitor_fail, acts=Acts.UNSUPPORTED, feature="monitor fail",
        fails=("monitor fail", "monitor fail if TRUE")),
    _unsupported("stick-table", PROXIES, "type <type> size <size> ...", _TABLES, ("stick-table type ip size 1k",)),
    *(_unsupported(f"stick {word}", BACK, "<pattern> [table <table>]", _TABLES, (f"stick {word} src",),
                   "balance source, or a cookie")
      for word in ("on", "match", "store-request", "store-response")),
    _unsupported("filter", PROXIES, "<name> [<parameters>]...", "filters are not run", ("filter trace",)),
    _unsupported("declare capture", FRONT, "{ request | response } len <length>", UNTIL_RULES, ("declare capture request len 5",),
                 "capture request header <name> len <length>"),
    _unsupported("persist rdp-cookie", BACK | DEFAULTS, "", "the RDP protocol is not read", ("persist rdp-cookie",),
                 "balance source"),
    _unsupported("use-fcgi-app", BACK, "<name>", "FastCGI is not spoken", ("use-fcgi-app php",),
                 "an HTTP server before the application"),
    _unsupported("http-send-name-header", BACK | DEFAULTS, "<header>", "the server would not learn its name",
                 ("http-send-name-header X-Server",)),
    _unsupported("dispatch", BACK, "<address>:<port>", "a server without a name is not connected to", ("dispatch 192.0.2.1:80",),
                 "server <name> <address>:<port>"),
    _unsupported("transparent", BACK | DEFAULTS, "", "connections would not go to the address the client asked for",
                 ("transparent",)),
)
