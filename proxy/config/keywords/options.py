"""`option …` that are plain switches, the connection modes, `redispatch`, and the two that name a field.

Log options are in `keywords.log`, health check options in `keywords.http_check`, gone ones in `keywords.legacy`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from proxy.config.drafts import ProxyDraft
from proxy.config.keywords.row import ANY_BACK, ANY_FRONT, ANY_PROXY, Acts, Keyword, Line, Refusal, Sections
from proxy.config.keywords.values import integer, is_field_name
from proxy.config.model import AddressField

Row = Keyword[ProxyDraft]

# name, where, what it is for when it is ignored
ACTED_ON: tuple[tuple[str, Sections], ...] = (
    ("abortonclose", ANY_BACK),
    ("allbackups", ANY_BACK),
    ("clitcpka", ANY_FRONT),
    ("dontlog-normal", ANY_FRONT),
    ("dontlognull", ANY_FRONT),
    ("http-buffer-request", ANY_PROXY),
    ("http-ignore-probes", ANY_FRONT),
    ("http-no-delay", ANY_PROXY),
    ("http-pretend-keepalive", ANY_BACK),
    ("log-health-checks", ANY_BACK),
    ("log-separate-errors", ANY_FRONT),
    ("logasap", ANY_FRONT),
    ("persist", ANY_BACK),
    ("prefer-last-server", ANY_BACK),
    ("socket-stats", ANY_FRONT),
    ("srvtcpka", ANY_BACK),
)
IGNORED: tuple[tuple[str, Sections, str], ...] = (
    ("nolinger", ANY_PROXY, "connections are closed in order"),
    ("accept-invalid-http-request", ANY_FRONT, "requests that break HTTP stay refused"),
    ("accept-invalid-http-response", ANY_BACK, "responses that break HTTP stay refused"),
    ("contstats", ANY_FRONT, "counters of long transfers are updated when they end"),
    ("disable-h2-upgrade", ANY_FRONT, "connections are never upgraded to HTTP/2 anyway"),
    ("h1-case-adjust-bogus-client", ANY_FRONT, "names of fields leave in lower case"),
    ("h1-case-adjust-bogus-server", ANY_BACK, "names of fields leave in lower case"),
    ("idle-close-on-response", ANY_FRONT, "idle connections are closed at once on a soft stop"),
    ("independent-streams", ANY_PROXY, "a direction that moves keeps both alive"),
    ("splice-auto", ANY_PROXY, "large octets are spliced anyway"),
    ("splice-request", ANY_PROXY, "large octets are spliced anyway"),
    ("splice-response", ANY_PROXY, "large octets are spliced anyway"),
    ("tcp-smart-accept", ANY_FRONT, "it is a matter of speed only"),
    ("tcp-smart-connect", ANY_BACK, "it is a matter of speed only"),
)
UNSUPPORTED: tuple[tuple[str, Sections, str], ...] = (
    ("checkcache", ANY_BACK, "responses that must not be cached would pass"),
    ("transparent", ANY_BACK, "connections would not go to the address the client asked for"),
)
CONNECTION_MODES = {"httpclose": "close", "http-server-close": "server-close", "http-keep-alive": "keep-alive"}


def _read_switch(line: Line, proxy: ProxyDraft) -> None:
    name = line.keyword.removeprefix("option ")
    if line.negated or line.reset:
        proxy.options.discard(name)
    else:
        proxy.options.add(name)
    proxy.set_at[line.keyword] = line.where


def _read_ignored(because: str) -> Callable[[Line, ProxyDraft], None]:
    def read(line: Line, proxy: ProxyDraft) -> None:
        if not (line.negated or line.reset):
            line.ignored(line.keyword, because=because)

    return read


def _read_unsupported(because: str) -> Callable[[Line, ProxyDraft], None]:
    def read(line: Line, proxy: ProxyDraft) -> None:
        if not (line.negated or line.reset):
            raise line.unsupported(line.keyword, f"'{line.keyword}' is not supported by this version of pyproxy: {because}")

    return read


def _read_connection_mode(line: Line, proxy: ProxyDraft) -> None:
    mode = CONNECTION_MODES[line.keyword.removeprefix("option ")]
    if not (line.negated or line.reset):
        proxy.put("connection_mode", mode, line.where)
    elif proxy.settings.get("connection_mode") == mode:
        proxy.put("connection_mode", "keep-alive", line.where)


def _read_redispatch(line: Line, proxy: ProxyDraft) -> None:
    if line.negated or line.reset:
        proxy.put("redispatch_after", None, line.where)
    else:
        proxy.put("redispatch_after", (integer(line, 0) or None) if line.arguments else -1, line.where)


def _read_tcpka(line: Line, proxy: ProxyDraft) -> None:
    proxy.options |= {"clitcpka"} if proxy.is_frontend or proxy.kind == "defaults" else set()
    proxy.options |= {"srvtcpka"} if proxy.is_backend or proxy.kind == "defaults" else set()


def _network(line: Line, index: int) -> str:
    try:
        return str(ipaddress.ip_network(line.text(index), strict=False))
    except ValueError:
        raise Refusal(
            f"'{line.keyword} except' expects <address>[/mask] as argument.", line.at(index), "for example: except 127.0.0.0/8"
        ) from None


def _address_field(line: Line, default_name: str, words: tuple[str, ...], complaint: str) -> AddressField:
    header, if_none, index = default_name, False, 0
    networks: tuple[str, ...] = ()
    while index < len(line.arguments):
        word = line.text(index)
        if word == "except":
            networks, index = (_network(line, index + 1),), index + 2
        elif word == "header":
            header, index = line.text(index + 1), index + 2
            if not is_field_name(header):
                raise Refusal(f"'{line.keyword} header' expects <header_name> as argument.", line.at(index - 1))
        elif word in words:
            if_none, index = True, index + 1
        else:
            raise Refusal(f"'{line.keyword}' only supports optional values: {complaint}.", line.at(index))
    return AddressField(header, networks, if_none)


def _read_forwardfor(line: Line, proxy: ProxyDraft) -> None:
    proxy.forwardfor = _address_field(line, "X-Forwarded-For", ("if-none",), "'except', 'header' and 'if-none'")
    proxy.set_at[line.keyword] = line.where


def _read_originalto(line: Line, proxy: ProxyDraft) -> None:
    proxy.originalto = _address_field(line, "X-Original-To", (), "'except' and 'header'")
    proxy.set_at[line.keyword] = line.where


def _read_restrict_names(line: Line, proxy: ProxyDraft) -> None:
    policy = line.text(0)
    if policy not in ("preserve", "reject", "delete"):
        raise Refusal(
            f"invalid parameter '{policy}'. option 'http-restrict-req-hdr-names' expects 'preserve', 'reject' or 'delete' "
            "option.",
            line.at(0),
        )
    if policy != "preserve":
        raise line.unsupported(
            f"option http-restrict-req-hdr-names {policy}",
            f"'option http-restrict-req-hdr-names {policy}' is not supported by this version of pyproxy: such requests would "
            "pass",
            at=line.at(0),
        )


def _switch(name: str, sections: Sections) -> Row:
    return Row(f"option {name}", sections, "", _read_switch, default="off", most=0, negatable=True,
               loads=(f"option {name}", f"no option {name}"), fails=(f"option {name} x", f"option {name}x"))


ROWS: tuple[Row, ...] = (
    *(_switch(name, sections) for name, sections in ACTED_ON),
    *(Row(f"option {name}", sections, "", _read_ignored(because), most=0, negatable=True, acts=Acts.IGNORED,
          loads=(f"option {name}", f"no option {name}"), fails=(f"option {name} x",))
      for name, sections, because in IGNORED),
    *(Row(f"option {name}", sections, "", _read_unsupported(because), most=0, negatable=True, acts=Acts.UNSUPPORTED,
          feature=f"option {name}", loads=(f"no option {name}",), fails=(f"option {name}",))
      for name, sections, because in UNSUPPORTED),
    *(Row(f"option {name}", ANY_PROXY, "", _read_connection_mode, default="on" if mode == "keep-alive" else "off", most=0,
          negatable=True, loads=(f"option {name}", f"no option {name}"), fails=(f"option {name} x",))
      for name, mode in CONNECTION_MODES.items()),
    Row("option redispatch", ANY_BACK, "[<interval>]", _read_redispatch, default="off; -1 without an interval", most=1,
        negatable=True, loads=("option redispatch", "option redispatch -1", "option redispatch 3", "no option redispatch"),
        fails=("option redispatch often", "option redispatch 1 2")),
    Row("option tcpka", ANY_PROXY, "", _read_tcpka, default="off", most=0, loads=("option tcpka",),
        fails=("option tcpka x", "no option tcpka")),
    Row("option forwardfor", ANY_PROXY, "[except <network>] [header <name>] [if-none]", _read_forwardfor, default="off",
        loads=("option forwardfor", "option forwardfor except 127.0.0.0/8 header X-Client if-none",
               "option forwardfor except ::1"),
        fails=("option forwardfor always", "option forwardfor except", "option forwardfor except everyone",
               "option forwardfor header", "no option forwardfor")),
    Row("option originalto", ANY_PROXY, "[except <network>] [header <name>]", _read_originalto, default="off",
        loads=("option originalto", "option originalto except 127.0.0.1 header X-To"),
        fails=("option originalto if-none", "option originalto except")),
    Row("option http-restrict-req-hdr-names", ANY_PROXY, "{ preserve | delete | reject }", _read_restrict_names,
        default="preserve", least=1, most=1,
        missing="missing parameter. option 'http-restrict-req-hdr-names' expects 'preserve', 'reject' or 'delete' option.",
        loads=("option http-restrict-req-hdr-names preserve",),
        fails=("option http-restrict-req-hdr-names", "option http-restrict-req-hdr-names maybe",
               "option http-restrict-req-hdr-names reject")),
)
