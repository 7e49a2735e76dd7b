"""`bind` and `stats socket`: where clients come in."""

from __future__ import annotations

from typing import Any

from proxy.base.addresses import Address, Family
from proxy.base.errors import Where
from proxy.config.drafts import GlobalDraft, ProxyDraft
from proxy.config.keywords.addresses import bind_addresses
from proxy.config.keywords.row import FRONT, Acts, Keyword, Line, Refusal
from proxy.config.keywords.values import integer_or_none
from proxy.config.keywords.words import (
    LineWord,
    Values,
    WordLine,
    choice,
    flag,
    ignored,
    not_yet,
    number,
    read_words,
    table_of,
    take_tls_words,
    text,
    time,
    unsupported,
    with_tls_only,
)
from proxy.config.model import Bind, StatsSocket

LEVELS = {name: name for name in ("user", "operator", "admin")}
TLS_FLAGS = (
    "allow-0rtt", "force-sslv3", "force-tlsv10", "force-tlsv11", "force-tlsv12", "force-tlsv13", "generate-certificates",
    "no-ca-names",
    "no-sslv3", "no-tls-tickets", "no-tlsv10", "no-tlsv11", "no-tlsv12", "no-tlsv13", "prefer-client-ciphers",
    "quic-force-retry", "strict-sni",
)
TLS_VALUES = (
    "alpn", "ca-file", "ca-ignore-err", "ca-sign-file", "ca-sign-pass", "ca-verify-file", "ciphers", "ciphersuites", "crl-file",
    "crt", "crt-ignore-err", "crt-list", "curves", "ecdhe", "npn", "quic-cc-algo", "ssl-max-ver", "ssl-min-ver",
    "tls-ticket-keys", "verify",
)


def _read_mode(line: Line, index: int, values: Values) -> None:
    got = line.text(index + 1)
    if not got or len(got) > 4 or any(digit not in "01234567" for digit in got):
        raise Refusal(f"'mode' : missing or invalid mode '{got}' (octal integer expected)", line.at(index + 1),
                      "for example: mode 660")
    values["mode"] = int(got, 8)


def _read_name(line: Line, index: int, values: Values) -> None:
    values["name"] = line.text(index + 1)


def _read_id(line: Line, index: int, values: Values) -> None:
    value = integer_or_none(line.text(index + 1))
    if value is None:
        raise Refusal(f"'id' : expects an integer argument, found '{line.text(index + 1)}'", line.at(index + 1))
    if value < 1:
        raise Refusal("'id' : custom id has to be > 0", line.at(index + 1))
    values["listener_id"] = value


def _read_user(line: Line, index: int, values: Values) -> None:
    exists = line.options.user_exists
    name = line.text(index + 1)
    if exists is not None and not exists(name):
        raise Refusal(f"'user' : unknown user name '{name}'", line.at(index + 1))
    values["user"] = name


def _read_group(line: Line, index: int, values: Values) -> None:
    exists = line.options.group_exists
    name = line.text(index + 1)
    if exists is not None and not exists(name):
        raise Refusal(f"'group' : unknown group name '{name}'", line.at(index + 1))
    values["group"] = name


def _read_process(line: Line, index: int, values: Values) -> None:
    line.warn(
        f"'process {line.text(index + 1)}' on 'bind' lines is deprecated and will be removed in 2.7.", line.at(index), "remove it"
    )


def _read_expose_fd(line: Line, index: int, values: Values) -> None:
    if line.text(index + 1) != "listeners":
        raise Refusal(f"'expose-fd' only supports 'listeners' (got '{line.text(index + 1)}')", line.at(index + 1))
    values["expose_fd"] = True


def _read_proto(line: Line, index: int, values: Values) -> None:
    proto = line.text(index + 1)
    if proto == "h2":
        raise Refusal("'bind … proto h2' is not supported by this version of pyproxy: HTTP/2 is not spoken yet", line.at(index),
                      "",
                      "bind … proto h2")
    if proto not in ("h1", "none"):
        raise Refusal(f"'proto' :  unknown MUX protocol '{proto}'", line.at(index + 1))


WORDS: tuple[LineWord, ...] = (
    LineWord("accept-proxy", "", flag("accept_proxy"), loads=("accept-proxy",), fails=("accept-proxies",)),
    LineWord("backlog", "<backlog>", number("backlog", 0, None, "'backlog' : invalid value {got}, must be > 0"), 1,
             missing="'backlog' : missing value", loads=("backlog 1000",), fails=("backlog", "backlog -1", "backlog deep")),
    LineWord("defer-accept", "", flag("defer_accept"), loads=("defer-accept",), fails=("defer-accepts",)),
    LineWord("expose-fd", "listeners", _read_expose_fd, 1, missing="'expose-fd' : missing fd type",
             loads=("expose-fd listeners",),
             fails=("expose-fd", "expose-fd all")),
    LineWord("gid", "<gid>", number("gid", 0), 1, missing="'gid' : missing value", loads=("gid 0",), fails=("gid", "gid root")),
    LineWord("group", "<group>", _read_group, 1, missing="'group' : missing group name", loads=("group root",), fails=("group",)),
    LineWord("id", "<id>", _read_id, 1, missing="'id' : expects an integer argument", loads=("id 7",),
             fails=("id", "id 0", "id one")),
    LineWord("interface", "<interface>", text("interface"), 1, missing="'interface' : missing interface name",
             loads=("interface lo",),
             fails=("interface",)),
    LineWord("level", "{ user | operator | admin }",
             choice("level", LEVELS, "'level' only supports 'user', 'operator', and 'admin' (got '{got}')"), 1, "operator",
             missing="'level' : missing level", loads=("level admin",), fails=("level", "level root")),
    LineWord("maxconn", "<maxconn>", number("maxconn", 0, None, "'maxconn' : invalid value {got}, must be >= 0"), 1,
             missing="'maxconn' : missing value", loads=("maxconn 100",), fails=("maxconn", "maxconn -1", "maxconn many")),
    LineWord("mode", "<mode>", _read_mode, 1, missing="'mode' : missing or invalid mode '' (octal integer expected)",
             loads=("mode 660",), fails=("mode", "mode 999", "mode rw")),
    LineWord("mss", "<maxseg>",
             number("mss", -65535, 65535, "'mss' : expects an MSS with and absolute value between 1 and 65535"), 1,
             missing="'mss' : missing MSS value", loads=("mss 1400",), fails=("mss", "mss 99999")),
    LineWord("name", "<name>", _read_name, 1, missing="'name' : missing name", loads=("name public",), fails=("name",)),
    LineWord("nice", "<nice>",
             not_yet(number("nice", -1024, 1024, "'nice' : invalid value {got}, allowed range is -1024..1024")), 1,
             acts=Acts.IGNORED,
             missing="'nice' : missing value", loads=("nice 10",), fails=("nice", "nice 2000")),
    LineWord("process", "<all | odd | even | number[-number]>", _read_process, 1, missing="'process' : missing value",
             acts=Acts.OLD,
             loads=("process 1",), fails=("process",)),
    LineWord("proto", "{ h1 }", _read_proto, 1, missing="'proto' : missing value", loads=("proto h1",),
             fails=("proto", "proto h9", "proto h2")),
    LineWord("severity-output", "<format>", ignored(), 1, missing="'severity-output' : missing value", acts=Acts.IGNORED,
             loads=("severity-output number",), fails=("severity-output",)),
    LineWord("shards", "<number>", ignored("every worker listens on its own socket already"), 1,
             missing="'shards' : missing value",
             acts=Acts.IGNORED, loads=("shards 1",), fails=("shards",)),
    LineWord("tcp-ut", "<delay>", not_yet(time("tcp_ut_ms", "in 'tcp-ut'")), 1, acts=Acts.IGNORED,
             missing="'tcp-ut' : missing TCP User Timeout value",
             loads=("tcp-ut 30s",), fails=("tcp-ut", "tcp-ut long")),
    LineWord("tfo", "", flag("tfo"), loads=("tfo",), fails=("tfoo",)),
    LineWord("thread", "<all | odd | even | number[-number]>", ignored("every worker listens everywhere"), 1,
             missing="'thread' : missing value", acts=Acts.IGNORED, loads=("thread 1",), fails=("thread",)),
    LineWord("transparent", "", flag("transparent"), loads=("transparent",), fails=("transparently",)),
    LineWord("uid", "<uid>", number("uid", 0), 1, missing="'uid' : missing value", loads=("uid 0",), fails=("uid", "uid root")),
    LineWord("user", "<user>", _read_user, 1, missing="'user' : missing user name", loads=("user root",), fails=("user",)),
    LineWord("v4v6", "", flag("v4v6"), loads=("v4v6",), fails=("v4v7",)),
    LineWord("v6only", "", flag("v6only"), loads=("v6only",), fails=("v6onlyy",)),
    LineWord("namespace", "<name>", unsupported("bind … namespace", "it would listen in another network namespace"), 1,
             missing="'namespace' : missing namespace id", acts=Acts.UNSUPPORTED, feature="bind … namespace",
             fails=("namespace blue",)),
    LineWord("accept-netscaler-cip", "<magic number>",
             unsupported("bind … accept-netscaler-cip", "the addresses of clients would be wrong", "accept-proxy"), 1,
             missing="'accept-netscaler-cip' : missing magic number", acts=Acts.UNSUPPORTED,
             feature="bind … accept-netscaler-cip",
             fails=("accept-netscaler-cip 0",)),
    LineWord("ssl", "", unsupported("bind … ssl", "TLS is not spoken yet", "let another program end TLS and forward to this one"),
             acts=Acts.UNSUPPORTED, feature="bind … ssl", fails=("ssl crt /etc/ssl/site.pem",)),
    *(LineWord(name, "", with_tls_only, acts=Acts.IGNORED, loads=(name,), fails=(f"{name}x",)) for name in TLS_FLAGS),
    *(LineWord(name, "<value>", with_tls_only, 1, missing=f"'{name}' : missing value", acts=Acts.IGNORED, loads=(f"{name} none",),
               fails=(name,))
      for name in TLS_VALUES),
)
TABLE = table_of(WORDS)


def _read_bind(line: Line, proxy: ProxyDraft) -> None:
    addresses = bind_addresses(line, 0, "'bind'")
    values: dict[str, Any] = {}
    read_words(line, 1, TABLE, values, WordLine(f"'bind {line.text(0)}' in section '{proxy.kind}'", separator=": "))
    take_tls_words(line, values, any(word.text == "ssl" for word in line.arguments))
    values.pop("expose_fd", None)
    _check_id(line, proxy, values.get("listener_id"))
    for position, address in enumerate(addresses):
        if position == 1:
            values.pop("listener_id", None)
        proxy.binds.append(Bind(address, where=line.where, **values))


def _check_id(line: Line, proxy: ProxyDraft, listener_id: int | None) -> None:
    other = next((bind for bind in proxy.binds if listener_id is not None and bind.listener_id == listener_id), None)
    if other is not None:
        raise Refusal(
            f"'bind {line.text(0)}' in section '{proxy.kind}' : 'id' : custom id {listener_id} already used at {other.where} "
            f"('bind {other.address}')", line.at(0),
        )


def read_stats_socket(line: Line, draft: GlobalDraft) -> None:
    """`stats socket`: the same words as `bind`."""
    addresses = bind_addresses(line, 0, "'stats socket'")
    values: dict[str, Any] = {}
    read_words(line, 1, TABLE, values, WordLine("'stats socket'"))
    take_tls_words(line, values, any(word.text == "ssl" for word in line.arguments))
    for address in addresses:
        draft.stats_sockets.append(stats_socket(address, values, draft.unix_bind, line.where))


def stats_socket(address: Address, values: Values, unix_bind: Values, where: Where) -> StatsSocket:
    """The model of one socket; what `unix-bind` says holds where the line itself says nothing."""
    known = {name: values[name] for name in ("mode", "user", "group", "uid", "gid", "level", "expose_fd") if name in values}
    if address.family is Family.UNIX:
        known = {**{name: unix_bind[name] for name in ("mode", "user", "group", "uid", "gid") if name in unix_bind}, **known}
        if "prefix" in unix_bind:
            address = Address(Family.UNIX, unix_bind["prefix"] + address.host)
    return StatsSocket(address, where=where, **known)


ROWS: tuple[Keyword[ProxyDraft], ...] = (
    Keyword("bind", FRONT, "[<address>]:<port_range> [, ...] [<word>]...", _read_bind, "4.2, 5.1", least=1,
            missing="'bind' expects {<path>|[addr1]:port1[-end1]}{,[addr]:port[-end]}... as arguments.",
            loads=("bind :8080", "bind 127.0.0.1:8080,127.0.0.1:8081", "bind :8000-8003 name range", "bind [::]:80 v6only",
                   "bind /run/app.sock mode 660", "bind abns@app"),
            fails=("bind", "bind everywhere", "bind :99999", "bind :8003-8000", "bind :80 loud", "bind :80 id 5\nbind :81 id 5")),
)
