"""What stands in a `resolvers` section."""

from __future__ import annotations

from proxy.base.address_text import AddressError, parse_server_address
from proxy.base.addresses import Address, Family
from proxy.config.drafts import ResolversDraft
from proxy.config.keywords.row import Keyword, Line, Refusal, Sections
from proxy.config.keywords.values import integer, time_ms
from proxy.config.model import Nameserver

Row = Keyword[ResolversDraft]
EXAMPLE = "for example: 127.0.0.1:53"
PAYLOAD_LEAST, PAYLOAD_MOST = 512, 8192
TRIES_MOST = 1000
HOLDS = {"valid": "10s", "nx": "30s", "other": "30s", "refused": "30s", "timeout": "30s", "obsolete": "0s"}
TIMEOUTS = {"resolve": "1s", "retry": "1s"}
_MANUAL = "5.3.2"


def unknown_hold(got: str) -> str:
    """HAProxy's words for a `hold` of something else."""
    return (f"'hold' unknown <event>: '{got}', expects either 'nx', 'timeout', 'valid', 'obsolete' or 'other'."
            if got else "'hold' expects an <event> and a <time> as arguments.")


def unknown_timeout(got: str) -> str:
    """HAProxy's words for a timeout that is none of a resolvers section."""
    return "'timeout' expects 'retry' or 'resolve' and <time> as arguments" + (f" got '{got}'." if got else ".")


def _read_nameserver(line: Line, draft: ResolversDraft) -> None:
    name = line.text(0)
    if any(each.name == name for each in draft.nameservers):
        raise Refusal(f"Parsing [{line.where}]: name server '{name}' was already defined.", line.at(0), "another name",
                      parsing=False)
    draft.nameservers.append(Nameserver(name, _address(line), line.where))


def _address(line: Line) -> Address:
    """The address of a name server, which is asked over UDP."""
    text = line.text(1)
    if text.startswith(("tcp@", "tcp4@", "tcp6@")):
        raise line.unsupported("nameserver tcp@", "'nameserver' : name servers are asked over UDP by this version of pyproxy",
                               "write the address without 'tcp@'", line.at(1))
    for prefix in ("udp@", "udp4@", "udp6@"):
        text = text.removeprefix(prefix)
    try:
        address = parse_server_address(text)
    except AddressError as error:
        raise Refusal(f"'nameserver {line.text(0)}' : {error.message}", line.at(1), error.hint or EXAMPLE) from None
    if address.family not in (Family.IPV4, Family.IPV6, Family.NAME):
        raise Refusal(f"'nameserver {line.text(0)}' : '{line.text(1)}' is no address of a name server.", line.at(1), EXAMPLE)
    if not address.port or address.port_offset:
        raise Refusal(f"'nameserver {line.text(0)}' : missing port specification in '{line.text(1)}'", line.at(1), EXAMPLE)
    return address


def _read_hold(line: Line, draft: ResolversDraft) -> None:
    draft.settings[f"hold_{line.keyword.split()[1]}_ms"] = time_ms(line, 0, "in argument to <hold>.")


def _read_timeout(line: Line, draft: ResolversDraft) -> None:
    draft.settings[f"timeout_{line.keyword.split()[1]}_ms"] = max(1, time_ms(line, 0, f"in argument to <{line.keyword}>."))


def _read_tries(line: Line, draft: ResolversDraft) -> None:
    draft.settings["resolve_retries"] = integer(line, 0, 1, TRIES_MOST)


def _read_payload(line: Line, draft: ResolversDraft) -> None:
    draft.settings["accepted_payload_size"] = integer(
        line, 0, PAYLOAD_LEAST, PAYLOAD_MOST, f"'accepted_payload_size' must be between {PAYLOAD_LEAST} and {PAYLOAD_MOST}.")


def _read_resolv_conf(line: Line, draft: ResolversDraft) -> None:
    draft.settings["parse_resolv_conf"] = True


HERE = Sections.RESOLVERS

ROWS: tuple[Row, ...] = (
    Row("nameserver", HERE, "<name> <address>[:<port>]", _read_nameserver, _MANUAL, least=2, most=2,
        missing="'nameserver' expects <name> and <addr>[:<port>] as arguments.",
        loads=("nameserver ns1 192.0.2.53:53", "nameserver ns1 udp@[2001:db8::53]:53"),
        fails=("nameserver", "nameserver ns1", "nameserver ns1 192.0.2.53", "nameserver ns1 192.0.2.53:dns",
               "nameserver a 192.0.2.1:53\nnameserver a 192.0.2.2:53", "nameserver ns1 tcp@192.0.2.53:53")),
    Row("parse-resolv-conf", HERE, "", _read_resolv_conf, _MANUAL, most=0, loads=("parse-resolv-conf",),
        fails=("parse-resolv-conf now",)),
    Row("resolve_retries", HERE, "<number>", _read_tries, _MANUAL, "3", 1, 1, "'resolve_retries' expects <nb> as argument.",
        loads=("resolve_retries 2",), fails=("resolve_retries", "resolve_retries many", "resolve_retries 0")),
    Row("accepted_payload_size", HERE, "<octets>", _read_payload, _MANUAL, "512", 1, 1,
        "'accepted_payload_size' expects <nb> as argument.",
        loads=("accepted_payload_size 8192",), fails=("accepted_payload_size", "accepted_payload_size 100")),
    *(Row(f"hold {event}", HERE, "<time>", _read_hold, _MANUAL, default, 1, 1,
          "'hold' expects an <event> and a <time> as arguments.", loads=(f"hold {event} 5s",),
          fails=(f"hold {event}", f"hold {event} long")) for event, default in HOLDS.items()),
    *(Row(f"timeout {name}", HERE, "<time>", _read_timeout, _MANUAL, default, 1, 1,
          f"'timeout {name}' expects <time> as argument.", loads=(f"timeout {name} 2s",),
          fails=(f"timeout {name}", f"timeout {name} soon")) for name, default in TIMEOUTS.items()),
)
