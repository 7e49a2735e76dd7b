"""`virtual_server`, `real_server`, `virtual_server_group` and `SSL`."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

from proxy.config.statements import Word
from proxy.ha.conf.blocks import Entry
from proxy.ha.conf.keywords.checks import CHECK_ROWS, basics_rows
from proxy.ha.conf.keywords.row import Acts, Draft, Keyword, Line, Read, Refusal, Table, nothing, read_entries
from proxy.ha.conf.keywords.values import address_of, boolean, choice, command, integer, integer_of, port_of, sets, text, true
from proxy.ha.conf.routing import IpAddress
from proxy.ha.conf.services import FirewallMark, Forwarding, ForwardingMethod, Protocol, Scheduler, ServiceRange

_NETMASK = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", re.ASCII)
_RANGE = re.compile(r"([0-9A-Fa-f:.]+)-([0-9A-Fa-f:.]+)", re.ASCII)
_FLAGS = ("sh-port", "sh-fallback", "mh-port", "mh-fallback", "flag-1", "flag-2", "flag-3")


def _method(name: str) -> Read:
    """`NAT|DR|TUN [type ipip|gue port N|gre] [nocsum|csum|remcsum]`."""

    def read(line: Line, draft: Draft) -> None:
        kind = Forwarding(choice("NAT", "DR", "TUN", folded=True)(line, 0))
        tunnel, port, checksum = "ipip", 0, ""
        index = 1
        while kind is Forwarding.TUN and index < len(line.arguments):
            word = line.text(index)
            if word == "type" and line.text(index + 1) in ("ipip", "gue", "gre"):
                tunnel = line.text(index + 1)
                index += 2
            elif word == "port" and index + 1 < len(line.arguments):
                port = port_of(line.arguments[index + 1])
                index += 2
            elif word in ("nocsum", "csum", "remcsum"):
                checksum = word
                index += 1
            else:
                raise Refusal(f"Invalid tunnel option '{word}'", line.at(index), f"write: {line.keyword} TUN type ipip")
        if tunnel == "gue" and not port:
            raise Refusal("a tunnel of type gue needs its port", line.at(0), f"write: {line.keyword} TUN type gue port 6080")
        line.surplus(index)
        draft.values[name] = ForwardingMethod(kind, tunnel, port, checksum)

    return read


def _scheduler(line: Line, draft: Draft) -> None:
    draft.values["scheduler"] = Scheduler(choice(*(each.value for each in Scheduler))(line, 0))


def _flag(line: Line, draft: Draft) -> None:
    draft.add("scheduler_flags", line.keyword)


def _protocol(line: Line, draft: Draft) -> None:
    draft.values["protocol"] = Protocol(choice("TCP", "UDP", "SCTP", folded=True)(line, 0))


def _persistence(line: Line, draft: Draft) -> None:
    draft.values["persistence_timeout_s"] = integer_of(line.arguments[0], 1, 2**31 - 1) if line.arguments else 360


def _granularity(line: Line, draft: Draft) -> None:
    word = line.arguments[0]
    if _NETMASK.fullmatch(word.text):
        try:
            draft.values["persistence_granularity"] = ip_network(f"0.0.0.0/{word.text}").prefixlen
        except ValueError:
            raise Refusal(f"Invalid IPv4 persistence granularity '{word.text}'", word,
                          "write a netmask such as 255.255.255.0") from None
    else:
        draft.values["persistence_granularity"] = integer_of(word, 1, 128)


def _address_and_port(line: Line) -> tuple[IpAddress, int]:
    address = address_of(line.arguments[0])
    return address, port_of(line.arguments[1], 0) if len(line.arguments) > 1 else 0


def _sorry(line: Line, draft: Draft) -> None:
    draft.values["sorry_server"] = (*_address_and_port(line), line.where)


def _family(line: Line, draft: Draft) -> None:
    draft.values["family"] = 6 if choice("inet", "inet6")(line, 0) == "inet6" else 4


def _real_server(line: Line, draft: Draft) -> None:
    address, port = _address_and_port(line)
    server = Draft(line.where)
    server.values.update(address=address, port=port)
    read_entries(line.entries, REAL, server, line.diagnostics)
    draft.add("real_servers", server)


_METHOD = "NAT|DR|TUN [type ipip|gue port <n>|gre] [nocsum|csum|remcsum]"
_METHOD_LOADS = ("DR", "nat", "TUN type gue port 6080 csum", "TUN type gre")
_METHOD_FAILS = ("", "DSR", "DR //x", "TUN type vxlan", "TUN type gue", "TUN //x")


def _method_row(word: str, name: str, default: str) -> Keyword:
    return Keyword(word, _METHOD, _method(name), default, 1, loads=tuple(f"{word} {words}" for words in _METHOD_LOADS),
                   fails=tuple(f"{word} {words}".rstrip() for words in _METHOD_FAILS))


def _script_row(word: str) -> Keyword:
    return Keyword(word, '"<program> [<argument>...]" [<user> [<group>]]', sets(word, command), least=1,
                   loads=(f'{word} "/bin/true a"', f"{word} /bin/true nobody nogroup"),
                   fails=(word, f'{word} ""', f"{word} /bin/true a b c"))


_SHARED_ROWS = (
    Keyword("virtualhost", "<name>", sets("virtualhost", text), least=1, most=1, loads=("virtualhost www.example.com",),
            fails=("virtualhost", "virtualhost a b")),
    Keyword("snmp_name", "<name>", nothing, least=1, acts=Acts.IGNORED, instead="there is no SNMP agent here",
            loads=("snmp_name x",)),
    Keyword("inhibit_on_failure", "[<BOOL>]", sets("inhibit_on_failure", boolean), "off", most=1,
            loads=("inhibit_on_failure", "inhibit_on_failure off"),
            fails=("inhibit_on_failure 2",)),
    Keyword("smtp_alert", "[<BOOL>]", sets("smtp_alert", boolean), "smtp_alert_checker", most=1, loads=("smtp_alert",),
            fails=("smtp_alert 2",)),
    *basics_rows(),
)

REAL_ROWS = (
    Keyword("weight", "<n>", sets("weight", integer(0, 65535)), "1", 1, 1, loads=("weight 0", "weight 5"),
            fails=("weight", "weight -1", "weight 1 2", "weight x")),
    *(_method_row(word, "method", "the virtual server's") for word in ("lvs_method", "lb_kind")),
    _script_row("notify_up"), _script_row("notify_down"),
    Keyword("uthreshold", "<n>", sets("uthreshold", integer(0, 2**31 - 1)), "none", 1, 1, loads=("uthreshold 100",),
            fails=("uthreshold", "uthreshold x")),
    Keyword("lthreshold", "<n>", sets("lthreshold", integer(0, 2**31 - 1)), "none", 1, 1, loads=("lthreshold 50",),
            fails=("lthreshold", "lthreshold x")),
    *_SHARED_ROWS,
    *CHECK_ROWS,
)
REAL = Table("real_server", REAL_ROWS,
             "track_file f {{\nfile /run/f\n}}\nvirtual_server 192.0.2.1 80 {{\nprotocol TCP\nlb_algo rr\nlb_kind NAT\n"
             "real_server 192.0.2.2 80 {{\n{}\n}}\n}}")

ROWS = (
    *(Keyword(word, "|".join(each.value for each in Scheduler), _scheduler, "wlc", 1, 1, loads=(f"{word} rr", f"{word} mh"),
              fails=(word, f"{word} roundrobin", f"{word} rr 5")) for word in ("lb_algo", "lvs_sched")),
    *(_method_row(word, "method", "NAT") for word in ("lb_kind", "lvs_method")),
    *(Keyword(word, "", _flag, "off", most=0, loads=(f"lb_algo {word[:2]}\n{word}" if word[2] == "-" else word,),
              fails=(f"{word} 1",)) for word in _FLAGS),
    Keyword("ops", "", sets("ops", true), "off", most=0, loads=("ops\nprotocol UDP",), fails=("ops 1", "ops")),
    Keyword("protocol", "TCP|UDP|SCTP", _protocol, "UDP", 1, 1, loads=("protocol TCP", "protocol udp"),
            fails=("protocol", "protocol ICMP", "protocol TCP //x")),
    Keyword("persistence_timeout", "[<seconds>]", _persistence, "360", most=1,
            loads=("persistence_timeout 50", "persistence_timeout"),
            fails=("persistence_timeout 0", "persistence_timeout x")),
    Keyword("persistence_granularity", "<netmask or prefix length>", _granularity, "one address", 1, 1,
            loads=("persistence_granularity 255.255.255.0", "persistence_granularity 64"),
            fails=("persistence_granularity", "persistence_granularity 255.0.255.0")),
    Keyword("persistence_engine", "sip", sets("persistence_engine", choice("sip")), "none", 1, 1,
            loads=("persistence_engine sip",), fails=("persistence_engine x",)),
    *(Keyword(word, "", sets(word, true), "off", most=0, loads=(word,), fails=(f"{word} 1",))
      for word in ("ha_suspend", "omega")),
    Keyword("quorum", "<n>", sets("quorum", integer(1, 2**31 - 1)), "1", 1, 1, loads=("quorum 1",), fails=("quorum", "quorum 0")),
    Keyword("hysteresis", "<n>", sets("hysteresis", integer(0, 2**31 - 1)), "0", 1, 1, loads=("hysteresis 0",),
            fails=("hysteresis", "hysteresis x")),
    _script_row("quorum_up"), _script_row("quorum_down"),
    Keyword("ip_family", "inet|inet6", _family, "the real servers'", 1, 1, loads=("ip_family inet6",),
            fails=("ip_family", "ip_family ipv6")),
    Keyword("sorry_server", "<address> [<port>]", _sorry, least=1, most=2,
            loads=("sorry_server 192.0.2.9 80", "sorry_server 192.0.2.9"),
            fails=("sorry_server", "sorry_server host 80", "sorry_server 192.0.2.9 80 //x")),
    Keyword("sorry_server_inhibit", "", sets("sorry_server_inhibit", true), "off", most=0, loads=("sorry_server_inhibit",),
            fails=("sorry_server_inhibit 1",)),
    _method_row("sorry_server_lvs_method", "sorry_server_method", "the virtual server's"),
    *_SHARED_ROWS,
    Keyword("real_server", "<address> [<port>] { … }", _real_server, least=1, most=2, block=True,
            loads=("real_server 192.0.2.4 80 {\nweight 1\n}", "real_server 192.0.2.3 {\n}"),
            fails=("real_server {\n}", "real_server host 80 {\n}", "real_server 192.0.2.2 80",
                   "real_server 192.0.2.2 70000 {\n}")),
)
TABLE = Table("virtual_server", ROWS,
              "virtual_server 192.0.2.1 80 {{\nprotocol TCP\nlb_algo rr\nlb_kind NAT\n{}\nreal_server 192.0.2.2 80 {{\n}}\n}}")

TLS_ROWS = tuple(
    Keyword(word, "<value>", sets(word, text), least=1, most=1, loads=(f"{word} /etc/x",), fails=(word, f"{word} a b"))
    for word in ("password", "ca", "certificate", "key")
)
TLS = Table("SSL", TLS_ROWS, "SSL {{\n{}\n}}")


def read_header(line: Line, draft: Draft) -> None:
    """What a virtual server serves: `<address> [<port>]`, `fwmark <n>` or `group <name>`.

    Raises: Refusal.
    """
    first = line.text(0)
    if first in ("fwmark", "group"):
        if len(line.arguments) < 2:
            raise Refusal(f"'virtual_server {first}' needs a value", line.at(0),
                          f"write: virtual_server {first} {'1' if first == 'fwmark' else 'NAME'} {{ … }}")
        draft.values[first] = integer_of(line.arguments[1], 1, 2**32 - 1) if first == "fwmark" else line.text(1)
        line.surplus(2)
        return
    draft.values["address"], draft.values["port"] = _address_and_port(line)
    line.surplus(2)


def read_group(line: Line, draft: Draft) -> None:
    """The lines of a `virtual_server_group`."""
    for entry in line.entries:
        try:
            if entry.keyword == "fwmark":
                draft.add("marks", _mark(entry))
            else:
                draft.add("ranges", _service_range(entry))
        except Refusal as refusal:
            line.warn(refusal.message, refusal.at, refusal.hint)


def _mark(entry: Entry) -> FirewallMark:
    if len(entry.words) < 2:
        raise Refusal("'fwmark' needs a number", entry.words[0], "write: fwmark 1")
    family = {"inet": 4, "inet6": 6}.get(entry.words[2].text if len(entry.words) > 2 else "", 0)
    return FirewallMark(integer_of(entry.words[1], 1, 2**32 - 1), family, entry.where)


def _service_range(entry: Entry) -> ServiceRange:
    word = entry.words[0]
    first, last = _ends(word)
    port = port_of(entry.words[1], 0) if len(entry.words) > 1 else 0
    return ServiceRange(first, last, port, entry.where)


def _ends(word: Word) -> tuple[IpAddress, IpAddress]:
    """The ends of `a`, `a-b`, `a-LAST` (the last part of the address only) or `a/n`."""
    try:
        if match := _RANGE.fullmatch(word.text):
            first = ip_address(match[1])
            if "." in match[2] or (first.version == 6 and ":" in match[2]):
                last = ip_address(match[2])
            elif first.version == 4:
                last = ip_address(f"{match[1].rpartition('.')[0]}.{match[2]}")
            else:
                last = ip_address(f"{match[1].rpartition(':')[0]}:{match[2]}")
        elif "/" in word.text:
            network = ip_network(word.text, strict=False)
            first, last = network[0], network[-1]
        else:
            first = last = ip_address(word.text)
    except ValueError:
        raise Refusal(f"malformed address range '{word.text}'", word,
                      "write 192.0.2.1, 192.0.2.1-10, 192.0.2.1-192.0.2.20 or 192.0.2.8/29") from None
    if first.version != last.version or int(first) > int(last):
        raise Refusal(f"the range '{word.text}' ends before it begins", word, "write the lower address first")
    return first, last


GROUP_LOADS = ("virtual_server_group G {\n192.0.2.1 80\n192.0.2.1-10 80\n192.0.2.250-192.0.3.10\n192.0.2.8/29 443\n"
               "2001:db8::1-f 80\nfwmark 5 inet6\n}",)
GROUP_FAILS = ("virtual_server_group G {\n192.0.2.300\n}", "virtual_server_group G {\n192.0.2.10-5 80\n}",
               "virtual_server_group G {\nfwmark\n}",
               "virtual_server_group {\n192.0.2.1\n}", "virtual_server_group G {\n192.0.2.1 x\n}")
