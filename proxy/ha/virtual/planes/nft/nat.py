"""NAT: the first packet of a connection gets its destination, the kernel's connection tracking does the rest.

    prerouting, output ──service's match──> NAME: persistence, then a turn ──> NAME.SERVER: dnat
    forward, input     ──NATed for the service──> NAME.passing ──> NAME.SERVER.passing: count;  of no server any more: reset

The real servers' way back must lead through this machine, as with IPVS: nothing is masqueraded. A connection keeps its server
while the service has it. Where there is persistence, the mark of a connection's first packet is scratch, and 0 afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proxy.ha.virtual.plan import Match, Server, Service
from proxy.ha.virtual.planes.nft.direct import CLIENTS_SIZE
from proxy.ha.virtual.planes.nft.ruleset import Ruleset
from proxy.ha.virtual.planes.nft.words import SYN, Words
from proxy.ha.virtual.schedule import HASHED

DSTNAT_PRIORITY = -100


def nat_rules(table: str, family: str, services: Sequence[Service], turns: Mapping[str, tuple[str, ...]]) -> Ruleset:
    """The table for one family, ip or ip6."""
    ruleset = Ruleset(family, table)
    dispatch: list[str] = []
    passing: list[str] = []
    refused: list[str] = []
    for service in services:
        words = Words.of(service)
        # Only a connection's beginning: what conntrack picks up in its middle belongs to nobody here, unless a hash knows.
        begins = f" {SYN}" if words.l4 == "tcp" and service.scheduler not in HASHED else ""
        dispatch += [f"{words.match(match)}{begins} goto {words.name}" for match in service.matches]
        addressed = [match for match in service.matches if match.first is not None]
        passing += [f"ct status dnat {_original(words, match)} goto {words.name}.passing" for match in addressed]
        nobody = words.nobody
        refused += [f"ct status & dnat == 0 {words.match(match)} {nobody}" for match in addressed]
        ruleset.chain(words.name, fresh_rules(words, turns.get(service.name, ())))
        if service.persistence_timeout_s:
            ruleset.maps[f"{words.name}.clients"] = f"typeof {words.ip} saddr : meta mark; size {CLIENTS_SIZE}; " \
                                                    f"flags dynamic,timeout;"
            ruleset.chain(f"{words.name}.begin", [
                f"update @{words.name}.clients {{ {words.client} timeout {service.persistence_timeout_s}s : meta mark }}",
                *([f"meta mark vmap {{ {words.servers_vmap} }}"] if service.servers else [])])
        for server in service.servers:
            ruleset.counters += [words.counter(server, what) for what in ("new", "in", "out")]
            ruleset.chain(words.server_chain(server), [_server(words, server)])
            ruleset.chain(f"{words.server_chain(server)}.passing", [
                f'ct direction original counter name "{words.counter(server, "in")}" accept',
                f'counter name "{words.counter(server, "out")}" accept'])
        if addressed:
            ruleset.chain(f"{words.name}.passing", [*_passing(words), nobody])
    ruleset.chain("prerouting", dispatch, f"type nat hook prerouting priority {DSTNAT_PRIORITY}; policy accept;")
    ruleset.chain("output", dispatch, f"type nat hook output priority {DSTNAT_PRIORITY}; policy accept;")
    ruleset.chain("forward", passing, "type filter hook forward priority 0; policy accept;")
    ruleset.chain("input", [*passing, *refused], "type filter hook input priority 0; policy accept;")
    return ruleset


def fresh_rules(words: Words, turns: tuple[str, ...]) -> list[str]:
    """The chain that chooses a server for a new connection. With nobody to choose, the input chain refuses it."""
    if not turns:
        return []
    if not words.service.persistence_timeout_s:
        if len(set(turns)) == 1:
            server = next(each for each in words.service.servers if each.key == turns[0])
            return [f"goto {words.server_chain(server)}"]
        chains = {each.key: words.server_chain(each) for each in words.service.servers}
        inside = ", ".join(f"{index} : goto {chains[key]}" for index, key in enumerate(turns))
        return [f"{words.number(len(turns))} vmap {{ {inside} }}"]
    name = words.name
    return [f"meta mark set {words.client} map @{name}.clients meta mark {{ {words.available_marks()} }} goto {name}.begin",
            words.forget_client, f"{words.choice(turns)} goto {name}.begin"]


def _server(words: Words, server: Server) -> str:
    host = f"[{server.address}]" if words.ip == "ip6" else f"{server.address}"
    target = f"{host}:{server.port}" if server.port else f"{server.address}"
    reset = "meta mark set 0 " if words.service.persistence_timeout_s else ""
    return f'{reset}counter name "{words.counter(server, "new")}" meta l4proto {words.l4} dnat to {target}'


def _original(words: Words, match: Match) -> str:
    span = f"{match.first}" if match.last in (None, match.first) else f"{match.first}-{match.last}"
    port = f" ct original proto-dst {match.port}" if match.port else ""
    return f"meta l4proto {words.l4} ct original {words.ip} daddr {span}{port}"


def _passing(words: Words) -> list[str]:
    """To the server's chain: by where a packet goes, or by where an answer comes from, which is rewritten only later."""
    rules = []
    for direction, address, port in (("original", "daddr", "dport"), ("reply", "saddr", "sport")):
        whole = [f"{each.address} . {each.port} : goto {words.server_chain(each)}.passing"
                 for each in words.service.servers if each.port]
        if whole:
            rules.append(f"ct direction {direction} {words.ip} {address} . {words.l4} {port} vmap {{ {', '.join(whole)} }}")
        portless = [f"{each.address} : goto {words.server_chain(each)}.passing"
                    for each in words.service.servers if not each.port]
        if portless:
            rules.append(f"ct direction {direction} {words.ip} {address} vmap {{ {', '.join(portless)} }}")
    return rules
