"""`server`, `server-template` and `default-server`: where traffic goes, and how each server is watched."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from proxy.base.addresses import Address, Family
from proxy.config.drafts import ProxyDraft, ServerDraft
from proxy.config.keywords.addresses import server_address
from proxy.config.keywords.proxy_basics import read_source
from proxy.config.keywords.proxy_header import PROXY_HEADER_WORDS
from proxy.config.keywords.row import ANY_BACK, BACK, Acts, Keyword, Line, Refusal
from proxy.config.keywords.values import bad_name_character, integer_or_none
from proxy.config.keywords.words import (
    LineWord,
    Values,
    WordLine,
    choice,
    flag,
    ignored,
    not_yet,
    number,
    place,
    read_words,
    table_of,
    take_tls_words,
    text,
    time,
    unsupported,
    with_tls_only,
)

OBSERVE = {"none": "", "layer4": "layer4", "layer7": "layer7"}
ON_ERROR = {name: name for name in ("fastinter", "fail-check", "sudden-death", "mark-down")}
INIT_ADDR = ("last", "libc", "none")
TLS_FLAGS = (
    "allow-0rtt", "force-sslv3", "force-tlsv10", "force-tlsv11", "force-tlsv12", "force-tlsv13", "no-ssl", "no-check-ssl",
    "no-ssl-reuse",
    "no-sslv3", "no-tls-tickets", "no-tlsv10", "no-tlsv11", "no-tlsv12", "no-tlsv13", "no-verifyhost", "ssl-reuse", "tls-tickets",
)
TLS_VALUES = (
    "alpn", "ca-file", "check-alpn", "check-sni", "ciphers", "ciphersuites", "crl-file", "crt", "npn", "sni", "ssl-max-ver",
    "ssl-min-ver", "verify", "verifyhost",
)
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", re.ASCII)
_NO_ADDRESS = " Hint: no address was expected for this server."
_TEMPLATE_MOST = 10_000


RESOLVE_OPTS = ("allow-dup-ip", "ignore-weight", "prevent-dup-ip")      # weights come with SRV records, which are not asked for


def _read_addr(line: Line, index: int, values: Values) -> None:
    address = server_address(line, index + 1, "'addr'")
    values["check_address"] = address._replace(port=0, port_offset=False)
    if address.port and not address.port_offset:
        values["check_port"] = address.port


def _read_port(line: Line, index: int, values: Values) -> None:
    got = line.text(index + 1)
    value = integer_or_none(got)
    if value is None or not 0 <= value <= 65535:
        raise Refusal(f"'port' expects a port number between 1 and 65535 (got '{got}').", line.at(index + 1))
    values["check_port"] = value or None


def _read_id(line: Line, index: int, values: Values) -> None:
    value = integer_or_none(line.text(index + 1))
    if value is None or value < 1:
        raise Refusal("'id' : custom id has to be > 0", line.at(index + 1))
    values["server_id"] = value


def _read_weight(line: Line, index: int, values: Values) -> None:
    got = line.text(index + 1)
    value = integer_or_none(got)
    if value is None:
        raise Refusal(f"'weight' expects an integer (got '{got}').", line.at(index + 1), "from 0 to 256; 1 when left out")
    if not 0 <= value <= 256:
        raise Refusal(f"weight of server {line.subject} is not within 0 and 256 ({value}).", line.at(index + 1))
    values["weight"] = value


def _read_source(line: Line, index: int, values: Values) -> None:
    values["source"] = read_source(line, index + 1, f"'source {line.text(index + 1)}'")


def _read_init_addr(line: Line, index: int, values: Values) -> None:
    methods = tuple(line.text(index + 1).split(","))
    for method in methods:
        if method not in INIT_ADDR and not _is_literal(method):
            raise Refusal(
                f"'init-addr' : unknown init-addr method '{method}', supported methods are 'libc', 'last', 'none'.",
                line.at(index + 1)
            )
    values["init_addr"] = methods


def _read_resolve_opts(line: Line, index: int, values: Values) -> None:
    options = tuple(option for option in line.text(index + 1).split(",") if option)
    unknown = next((option for option in options if option not in RESOLVE_OPTS), None)
    if unknown is not None or not options:
        raise Refusal(f"'resolve-opts' : unknown resolve-opts option '{unknown or ''}'.", line.at(index + 1),
                      "one or more of " + ", ".join(RESOLVE_OPTS))
    values["resolve_opts"] = options


def _is_literal(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True


def _clear(field: str, value: object) -> Any:
    return flag(field, value)


_MS_SERVER = "in '{0}' argument of server {{subject}}."


def _interval(name: str, field: str) -> LineWord:
    return LineWord(
        name, "<delay>", time(field, _MS_SERVER.format(name), "ms", 1,
                              f"invalid value {{got}} for argument '{name}' of server {{subject}}."),
        1,
        {"inter": "2s"}.get(name, "inter"), missing=f"'{name}' expects a delay as argument.", loads=(f"{name} 5s", f"{name} 500"),
        fails=(name, f"{name} 0", f"{name} soon", f"{name} -1"),
    )


def _count(name: str, default: str) -> LineWord:
    return LineWord(name, "<count>", number(name, 1, None, f"'{name}' has to be > 0."), 1, default,
                    missing=f"'{name}' expects an integer argument.", loads=(f"{name} 4",),
                    fails=(name, f"{name} 0", f"{name} times"))


def _amount(name: str, default: str = "0 (none)") -> LineWord:
    return LineWord(name, f"<{name}>", number(name), 1, default, missing=f"'{name}' expects an integer argument.",
                    loads=(f"{name} 100",), fails=(name, f"{name} many"))


WORDS: tuple[LineWord, ...] = (
    LineWord("addr", "<ipv4|ipv6>", _read_addr, 1, "the server's", missing="'addr' expects <ipv4|ipv6> as argument.",
             loads=("addr 192.0.2.9", "addr 192.0.2.9:81", "addr localhost"), fails=("addr", "addr 192.0.2.300")),
    LineWord("backup", "", flag("backup"), loads=("backup",), fails=("backups",)),
    LineWord("no-backup", "", _clear("backup", False), loads=("no-backup",), fails=("no-backups",)),
    LineWord("check", "", flag("check"), loads=("check",), fails=("checks",)),
    LineWord("no-check", "", _clear("check", False), loads=("no-check",), fails=("no-checks",)),
    LineWord("check-send-proxy", "", flag("check_send_proxy"), loads=("check-send-proxy",), fails=("check-send-proxies",)),
    LineWord("no-check-send-proxy", "", _clear("check_send_proxy", False), loads=("no-check-send-proxy",),
             fails=("no-check-proxy",)),
    LineWord("cookie", "<value>", text("cookie"), 1, missing="'cookie' expects <value> as argument.", loads=("cookie s1",),
             fails=("cookie",)),
    LineWord("disabled", "", flag("disabled"), loads=("disabled",), fails=("disable",)),
    LineWord("enabled", "", _clear("disabled", False), loads=("enabled",), fails=("enable",)),
    LineWord("error-limit", "<count>", number("error_limit", 1, None, "error-limit has to be > 0."), 1, "10",
             missing="'error-limit' expects an integer argument.", loads=("error-limit 5",),
             fails=("error-limit", "error-limit 0")),
    _count("fall", "3"),
    _count("rise", "2"),
    _interval("inter", "inter_ms"),
    _interval("fastinter", "fastinter_ms"),
    _interval("downinter", "downinter_ms"),
    LineWord("id", "<value>", _read_id, 1, "numbered from 1", missing="'id' : expects an integer argument", loads=("id 10",),
             fails=("id", "id 0", "id one")),
    LineWord("init-addr", "{ last | libc | none | <ip> }[,...]", _read_init_addr, 1, "last,libc",
             missing="'init-addr' expects a list of methods.", loads=("init-addr last,libc,none", "init-addr 192.0.2.1"),
             fails=("init-addr", "init-addr later")),
    LineWord("max-reuse", "<count>", number("max_reuse", None), 1, "-1 (no limit)",
             missing="'max-reuse' expects <value> as argument.",
             loads=("max-reuse 100", "max-reuse -1"), fails=("max-reuse", "max-reuse many")),
    _amount("maxconn"),
    _amount("maxqueue"),
    _amount("minconn"),
    LineWord("non-stick", "", ignored("it has a meaning with stick tables only"), acts=Acts.IGNORED, loads=("non-stick",),
             fails=("non-stick1",)),
    LineWord("stick", "", ignored("it has a meaning with stick tables only"), acts=Acts.IGNORED, loads=("stick",),
             fails=("sticky",)),
    LineWord("observe", "{ layer4 | layer7 }",
             choice("observe", OBSERVE, "'observe' expects one of 'none', 'layer4', 'layer7' but got '{got}'"), 1, "none",
             missing="'observe' expects <mode> as argument.", loads=("check observe layer4", "check observe layer7"),
             fails=("observe", "observe layer5")),
    LineWord("on-error", "{ fastinter | fail-check | sudden-death | mark-down }",
             choice("on_error", ON_ERROR,
                    "'on-error' expects one of 'fastinter', 'fail-check', 'sudden-death' or 'mark-down' but got '{got}'"),
             1, "fail-check", missing="'on-error' expects one of 'fastinter', 'fail-check', 'sudden-death' or 'mark-down' but "
                                      "got ''", loads=("on-error mark-down",),
             fails=("on-error", "on-error panic")),
    LineWord("on-marked-down", "shutdown-sessions",
             choice("on_marked_down", {"shutdown-sessions": "shutdown-sessions"},
                    "'on-marked-down' expects 'shutdown-sessions' but got '{got}'"), 1,
             missing="'on-marked-down' expects 'shutdown-sessions' but got ''", loads=("on-marked-down shutdown-sessions",),
             fails=("on-marked-down", "on-marked-down panic")),
    LineWord("on-marked-up", "shutdown-backup-sessions",
             choice("on_marked_up", {"shutdown-backup-sessions": "shutdown-backup-sessions"},
                    "'on-marked-up' expects 'shutdown-backup-sessions' but got '{got}'"), 1,
             missing="'on-marked-up' expects 'shutdown-backup-sessions' but got ''",
             loads=("on-marked-up shutdown-backup-sessions",),
             fails=("on-marked-up", "on-marked-up cheer")),
    LineWord("pool-low-conn", "<max>", number("pool_low_conn", None), 1, "0",
             missing="'pool-low-conn' expects <value> as argument.",
             loads=("pool-low-conn 2",), fails=("pool-low-conn", "pool-low-conn few")),
    LineWord("pool-max-conn", "<max>", number("pool_max_conn", -1, None, "'pool-max-conn' must be >= -1"), 1, "-1 (no limit)",
             missing="'pool-max-conn' expects <value> as argument.", loads=("pool-max-conn 10", "pool-max-conn -1"),
             fails=("pool-max-conn", "pool-max-conn -2")),
    LineWord("pool-purge-delay", "<delay>", time("pool_purge_delay_ms", "in argument to <pool-purge-delay>.", "s"), 1, "5s",
             missing="'pool-purge-delay' expects <value> as argument.", loads=("pool-purge-delay 10s",),
             fails=("pool-purge-delay", "pool-purge-delay long")),
    LineWord("port", "<port>", _read_port, 1, "the server's", missing="'port' expects a port number as argument.",
             loads=("port 8080",),
             fails=("port", "port http", "port 70000")),
    LineWord("proto", "<name>", ignored("HTTP/1 is spoken to servers"), 1, acts=Acts.IGNORED, loads=("proto h1",),
             fails=("proto",)),
    LineWord("redir", "<prefix>", unsupported("server … redir", "clients would be served where they are to be redirected"), 1,
             missing="'redir' expects <prefix> as argument.", acts=Acts.UNSUPPORTED, feature="server … redir",
             fails=("redir http://images.example",)),
    LineWord("resolve-net", "<network>[,...]", ignored("addresses are taken in the order of the answer"), 1, acts=Acts.IGNORED,
             loads=("resolve-net 10.0.0.0/8",), fails=("resolve-net",)),
    LineWord("resolve-opts", "<option>[,...]", _read_resolve_opts, 1, "prevent-dup-ip",
             loads=("resolve-opts allow-dup-ip", "resolve-opts prevent-dup-ip,ignore-weight"),
             fails=("resolve-opts", "resolve-opts twice")),
    LineWord("resolve-prefer", "{ ipv4 | ipv6 }",
             choice("resolve_prefer", {"ipv4": "ipv4", "ipv6": "ipv6"},
                    "'resolve-prefer' expects either ipv4 or ipv6 as argument."), 1,
             "ipv6", missing="'resolve-prefer' expects either ipv4 or ipv6 as argument.",
             loads=("resolve-prefer ipv4",),
             fails=("resolve-prefer", "resolve-prefer ipv5")),
    LineWord("resolvers", "<section>", text("resolvers"), 1, missing="'resolvers' expects a section name as argument.",
             loads=(), fails=("resolvers", "resolvers nowhere")),
    *PROXY_HEADER_WORDS,
    LineWord("slowstart", "<time>", time("slowstart_ms", _MS_SERVER.format("slowstart"), "ms"), 1, "0 (none)",
             missing="'slowstart' expects <time> as argument.", loads=("slowstart 30s",),
             fails=("slowstart", "slowstart slowly")),
    LineWord("source", "<address>", _read_source, 1,
             missing="'source' expects <addr>[:<port>[-<port>]], and optionally 'usesrc' <addr>, and 'interface' <name> as "
                     "argument.",
             loads=("source 192.0.2.1", "source localhost"), fails=("source", "source 192.0.2.300")),
    LineWord("tcp-ut", "<delay>", not_yet(time("tcp_ut_ms", "in 'tcp-ut'")), 1, acts=Acts.IGNORED,
             missing="'tcp-ut' : missing TCP User Timeout value",
             loads=("tcp-ut 30s",), fails=("tcp-ut", "tcp-ut long")),
    LineWord("tfo", "", ignored("it is a matter of speed only"), acts=Acts.IGNORED, loads=("tfo",), fails=("tfoo",)),
    LineWord("no-tfo", "", flag("_no_tfo"), loads=("no-tfo",), fails=("no-tfoo",)),
    LineWord("track", "[<backend>/]<server>", text("track"), 1, missing="'track' expects [<proxy>/]<server> as argument.",
             loads=("track spare",), fails=("track", "track nobody", "track nowhere/s", "check track spare")),
    LineWord("weight", "<weight>", _read_weight, 1, "1", missing="'weight' expects an integer argument.",
             loads=("weight 0", "weight 256"), fails=("weight", "weight 257", "weight -1", "weight heavy")),
    LineWord("ws", "{ auto | h1 | h2 }", ignored("HTTP/1 is spoken to servers"), 1, acts=Acts.IGNORED, loads=("ws h1",),
             fails=("ws",)),
    LineWord("log-proto", "<proto>", ignored("it has a meaning in ring sections only"), 1, acts=Acts.IGNORED,
             loads=("log-proto octet-count",), fails=("log-proto",)),
    LineWord("no-agent-check", "", flag("_no_agent"), loads=("no-agent-check",), fails=("no-agent-checks",)),
    LineWord("agent-check", "", unsupported("server … agent-check", "what the agent says would be ignored", "check"),
             acts=Acts.UNSUPPORTED, feature="server … agent-check", fails=("agent-check agent-port 8080",)),
    *(LineWord(name, "<value>", ignored("it has a meaning with 'agent-check' only"), 1, acts=Acts.IGNORED,
               loads=(f"{name} {value}",), fails=(name,))
      for name, value in (("agent-addr", "192.0.2.1"), ("agent-inter", "5s"), ("agent-port", "8080"), ("agent-send", "hello"))),
    LineWord("namespace", "<name>", unsupported("server … namespace", "it would connect in another network namespace"), 1,
             acts=Acts.UNSUPPORTED, feature="server … namespace", fails=("namespace blue",)),
    LineWord("socks4", "<address>:<port>", unsupported("server … socks4", "connections would not go through that proxy"), 1,
             acts=Acts.UNSUPPORTED, feature="server … socks4", fails=("socks4 192.0.2.1:1080",)),
    LineWord("check-via-socks4", "", ignored("it has a meaning with 'socks4' only"), acts=Acts.IGNORED,
             loads=("check-via-socks4",),
             fails=("check-via-socks",)),
    LineWord("check-proto", "<name>", ignored("HTTP/1 is spoken to servers"), 1, acts=Acts.IGNORED, loads=("check-proto h1",),
             fails=("check-proto",)),
    LineWord("usesrc", "<address>", unsupported("source … usesrc", "connections would come from another address", "leave it out"),
             1,
             acts=Acts.UNSUPPORTED, feature="source … usesrc", fails=("source 192.0.2.1 usesrc clientip",)),
    LineWord("interface", "<name>", unsupported("source … interface", "connections would leave elsewhere", "leave it out"), 1,
             acts=Acts.UNSUPPORTED, feature="source … interface", fails=("source 192.0.2.1 interface lo",)),
    LineWord("ssl", "", unsupported("server … ssl", "TLS is not spoken yet"), acts=Acts.UNSUPPORTED, feature="server … ssl",
             fails=("ssl verify none",)),
    LineWord("check-ssl", "", unsupported("server … check-ssl", "TLS is not spoken yet", "check"), acts=Acts.UNSUPPORTED,
             feature="server … check-ssl", fails=("check-ssl verify none",)),
    *(LineWord(name, "", with_tls_only, acts=Acts.IGNORED, loads=(name,), fails=(f"{name}x",)) for name in TLS_FLAGS),
    *(LineWord(name, "<value>", with_tls_only, 1, missing=f"'{name}' : missing value", acts=Acts.IGNORED, loads=(f"{name} none",),
               fails=(name,))
      for name in TLS_VALUES),
)
TABLE = table_of(WORDS)


def _words(line: Line, proxy: ProxyDraft, start: int, wording: WordLine) -> dict[str, Any]:
    """The words from `start` on, over what `default-server` says."""
    values: dict[str, Any] = dict(proxy.default_server)
    read_words(line, start, TABLE, values, wording)
    take_tls_words(line, values, any(word.text in ("ssl", "check-ssl") for word in line.arguments))
    values.pop("_no_tfo", None)
    values.pop("_no_agent", None)
    return values


def _check_name(line: Line) -> None:
    bad = bad_name_character(line.text(0))
    if bad:
        raise Refusal(
            f"{place(line.where)} : character '{bad}' is not permitted in server name '{line.text(0)}'.", line.at(0),
            "letters, digits, and . - _ :", parsing=False,
        )


def _refuse_srv(line: Line, index: int, address: Address) -> None:
    if address.family is Family.NAME and address.host.startswith("_"):
        raise line.unsupported(
            "SRV records", f"'{address.host}' is not supported by this version of pyproxy: SRV records are not asked for",
            "one 'server' line for each machine", line.at(index),
        )


def _read_server(line: Line, proxy: ProxyDraft) -> None:
    if len(line.arguments) < 2 or not line.text(0) or not line.text(1):
        _too_short(line)
    _check_name(line)
    name = line.subject = line.text(0)
    prefix = f"{place(line.where)} : 'server {proxy.name}/{name}'"
    address = server_address(line, 1, prefix, parsing=False)
    _refuse_srv(line, 1, address)
    settings = _words(line, proxy, 2, WordLine(prefix, parsing=False, tail="."))
    proxy.servers.append(ServerDraft(name, address, line.where, settings))


def _too_short(line: Line) -> None:
    if len(line.arguments) > 1 and not line.text(1):
        raise Refusal(
            f"{place(line.where)} : 'server {line.text(0)}' : '{line.statement.words[2].text}' resolves to an empty address "
            "(environment variable missing?)", line.at(1), parsing=False,
        )
    raise Refusal(
        f"{place(line.where)} : '{line.keyword}' expects <name> and <addr>[:<port>] as arguments.", line.at(0),
        "for example: server web1 192.0.2.1:80 check", parsing=False,
    )


def _read_template(line: Line, proxy: ProxyDraft) -> None:
    if len(line.arguments) < 3:
        raise Refusal(
            f"{place(line.where)} : 'server-template' expects <prefix> <nb | range> <addr>[:<port>] as arguments.", line.at(0),
            parsing=False
        )
    _check_name(line)
    match = _RANGE.fullmatch(line.text(1))
    low, high = (1, int(match.group(1))) if match and not match.group(2) else (int(match.group(1)),
                                                                               int(match.group(2))) if match else (0, 0)
    if not 0 < low <= high <= _TEMPLATE_MOST:
        raise Refusal(f"{place(line.where)} : Wrong server-template number or range arg '{line.text(1)}'.", line.at(1),
                      "for example: 3, or 1-3", parsing=False)
    prefix = f"{place(line.where)} : 'server {proxy.name}/{line.text(0)}'"
    address = server_address(line, 2, prefix, parsing=False)
    _refuse_srv(line, 2, address)
    settings = _words(line, proxy, 3, WordLine(prefix, parsing=False, tail="."))
    if "server_id" in settings and high > low:
        raise Refusal(f"{prefix} : 'id' cannot be given to several servers.", line.at(0), parsing=False)
    if high > low and address.family is Family.NAME and not settings.get("resolvers"):
        line.remark(
            "every server of a 'server-template' goes to the same address: the system resolves a name to one",
            hint="a 'resolvers' section gives each server an address of its own",
        )
    proxy.servers.extend(ServerDraft(f"{line.text(0)}{n}", address, line.where, dict(settings)) for n in range(low, high + 1))


def _read_default_server(line: Line, proxy: ProxyDraft) -> None:
    proxy.default_server = _words(
        line, proxy, 0, WordLine(place(line.where), parsing=False, tail=".", hint=_NO_ADDRESS),
    )


_ELSEWHERE = "'{keyword}' not allowed because {kind} '{name}' has no backend capability."

ROWS: tuple[Keyword[ProxyDraft], ...] = (
    Keyword("server", BACK, "<name> <address>[:<port>] [<word>]...", _read_server, "4.2, 5.2", elsewhere=_ELSEWHERE,
            loads=("server a 192.0.2.1:80", "server a 192.0.2.1", "server a :80", "server a [2001:db8::1]:80",
                   "server a /run/app.sock",
                   "server a localhost:80 check inter 2s rise 2 fall 5 cookie a weight 10 backup"),
            fails=("server", "server a", "server a/b 192.0.2.1:80", "server a 192.0.2.1:http", "server a 192.0.2.1:80-90",
                   "server a 192.0.2.1:80 loud", "server a 192.0.2.1:80\nserver a 192.0.2.2:80",
                   "server a 192.0.2.1:80 id 4\nserver b 192.0.2.2:80 id 4", "server a 192.0.2.1 check")),
    Keyword("server-template", BACK, "<prefix> <number | range> <address>[:<port>] [<word>]...", _read_template, "4.2",
            elsewhere=_ELSEWHERE, loads=("server-template a 3 192.0.2.1:80 check", "server-template a 2-4 192.0.2.1:80"),
            fails=("server-template", "server-template a 3", "server-template a 3-1 192.0.2.1:80",
                   "server-template a x 192.0.2.1:80")),
    Keyword("default-server", ANY_BACK, "[<word>]...", _read_default_server, "4.2, 5.2", elsewhere=_ELSEWHERE,
            loads=("default-server inter 3s fall 3 rise 2", "default-server"),
            fails=("default-server loud", "default-server 192.0.2.1:80")),
)
