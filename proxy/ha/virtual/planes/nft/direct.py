"""Direct routing: packets leave for the real server as they came, which answers the client itself.

    ingress ──service's match──> NAME ── flow known ──> NAME.known ── server there ──> NAME.SERVER: forward
                                  │                          └─ its server is gone ─┐
                                  ├─ SYN (UDP: any) ──────────> NAME.fresh <────────┤ SYN
                                  ├─ flow closing ──> NAME.SERVER                   │
                                  └─ else ──> NAME.stale: hash schedulers choose, others reset

A flow is in `NAME.flows` until a FIN or RST of the client moves it to `NAME.closing`, from where a new SYN takes it.
`NAME.clients` remembers where a client was sent (persistence), as long as that server gets connections at all. Only the
client's packets are seen. A flow whose server is gone is reset. ICMP errors about answers (a path is too narrow) go to the server
that gave them, by `NAME.icmp`. Two hooks: `fwd` at the device (services of addresses), `dup` in prerouting (firewall marks, which
the user's own rules have set before that; ICMP errors stay here).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proxy.ha.virtual.plan import Server, Service, Timeouts
from proxy.ha.virtual.planes.nft.ruleset import Ruleset
from proxy.ha.virtual.planes.nft.words import SYN, Words, plain
from proxy.ha.virtual.schedule import HASHED

FLOWS_SIZE = 1 << 20
CLIENTS_SIZE = 1 << 18
SYN_RECV_S = 60
INGRESS_PRIORITY = -150
# After mangle (-150), where firewall marks are set, and before destination NAT (-100).
PREROUTING_PRIORITY = -110


@dataclass(frozen=True, slots=True)
class Way:
    """How a server is reached: over a device; or it is this machine itself; or there is no way."""

    device: str = ""
    here: bool = False


def direct_rules(table: str, services: Sequence[Service], turns: Mapping[str, tuple[str, ...]], ways: Mapping[str, Way],
                 devices: Sequence[str], timeouts: Timeouts) -> Ruleset:
    """The table at the devices, for services of addresses. `ways` are by the servers' addresses."""
    ruleset = Ruleset("netdev", table)
    dispatch = _services(ruleset, services, turns, ways, timeouts, at_device=True)
    for device in devices:
        hook = f'type filter hook ingress device "{device}" priority {INGRESS_PRIORITY}; policy accept;'
        ruleset.chain(f"in_{plain(device)}", dispatch, hook)
    return ruleset


def marked_rules(table: str, family: str, services: Sequence[Service], turns: Mapping[str, tuple[str, ...]],
                 ways: Mapping[str, Way], timeouts: Timeouts) -> Ruleset:
    """The table in prerouting, for services of firewall marks; `family` is ip or ip6."""
    ruleset = Ruleset(family, table)
    dispatch = _services(ruleset, services, turns, ways, timeouts, at_device=False)
    ruleset.chain("prerouting", dispatch, f"type filter hook prerouting priority {PREROUTING_PRIORITY}; policy accept;")
    return ruleset


def _services(ruleset: Ruleset, services: Sequence[Service], turns: Mapping[str, tuple[str, ...]], ways: Mapping[str, Way],
              timeouts: Timeouts, at_device: bool) -> list[str]:
    """Every service's chains, and the rules that lead to them."""
    dispatch: list[str] = []
    for service in services:
        words = Words.of(service)
        host = "meta pkttype host " if at_device else ""
        dispatch += [f"{host}{words.match(match)} goto {words.name}" for match in service.matches
                     if (match.first is None) is not at_device]
        _service(ruleset, words, timeouts)
        if f"{words.name}.flows" in ruleset.maps and service.servers:
            dispatch += [f"{host}{words.match_in_icmp(match)} goto {words.name}.icmp" for match in service.matches
                         if match.first is not None and at_device]
            parts = ("flows", "closing") if words.l4 == "tcp" else ("flows",)
            ruleset.chain(f"{words.name}.icmp", [f"meta mark set {words.flow_in_icmp} map @{words.name}.{part} meta mark vmap "
                                                 f"{{ {words.servers_vmap} }}" for part in parts])
        ruleset.chain(f"{words.name}.fresh", fresh_rules(words, turns.get(service.name, ()), timeouts))
        for server in service.servers:
            ruleset.counters += [words.counter(server, what) for what in ("new", "end", "in")]
            ruleset.chain(words.server_chain(server), _server(words, server, ways.get(str(server.address), Way()), at_device))
    return dispatch


def _service(ruleset: Ruleset, words: Words, timeouts: Timeouts) -> None:
    name, service = words.name, words.service
    if service.ops and words.l4 == "udp":
        ruleset.chain(name, [f"goto {name}.fresh"])
        ruleset.chain(f"{name}.begin", [f"meta mark vmap {{ {words.servers_vmap} }}"] if service.servers else [])
        _clients(ruleset, words)
        return
    spec = f"typeof {words.flow_type} : meta mark; size {FLOWS_SIZE}; flags dynamic,timeout;"
    ruleset.maps[f"{name}.flows"] = spec
    _clients(ruleset, words)
    alive = f"meta mark vmap {{ {words.servers_vmap} }}" if service.servers else ""
    forget = f"delete @{name}.flows {{ {words.flow} : meta mark }}"
    known = f"meta mark set {words.flow} map @{name}.flows goto {name}.known"
    idle_s = timeouts.tcp_s if words.l4 == "tcp" else timeouts.udp_s
    begin = [f"update @{name}.flows {{ {words.flow} timeout {SYN_RECV_S if words.l4 == 'tcp' else idle_s}s : meta mark }}"]
    if service.persistence_timeout_s:
        begin.insert(0, f"update @{name}.clients {{ {words.client} timeout {service.persistence_timeout_s}s : meta mark }}")
    if service.servers:
        begin += [words.counters_map("new"), alive]
    if words.l4 == "tcp":
        # What an earlier connection of the same port has left would keep its server when this one ends.
        begin.insert(0, f"delete @{name}.closing {{ {words.flow} : meta mark }}")
    ruleset.chain(f"{name}.begin", begin)
    if words.l4 == "udp":
        ruleset.chain(name, [known, f"goto {name}.fresh"])
        ruleset.chain(f"{name}.known", _without_empty([
            f"update @{name}.flows {{ {words.flow} timeout {idle_s}s : meta mark }}", alive, forget, f"goto {name}.fresh"]))
        return
    closing = f"{{ {words.flow} timeout {timeouts.tcpfin_s}s : meta mark }}"
    ruleset.maps[f"{name}.closing"] = spec
    ruleset.chain(name, _without_empty([
        known, f"{SYN} goto {name}.fresh",
        f"meta mark set {words.flow} map @{name}.closing meta mark vmap {{ {words.servers_vmap} }}" if alive else "",
        f"goto {name}.stale"]))
    ruleset.chain(f"{name}.known", _without_empty([
        f"tcp flags & (fin | rst) != 0 goto {name}.ends",
        # A SYN again is the client's patience, not the server's answer.
        f"tcp flags & syn == 0 update @{name}.flows {{ {words.flow} timeout {idle_s}s : meta mark }}",
        alive, forget, f"goto {name}.stale"]))
    ruleset.chain(f"{name}.ends", _without_empty([
        forget, f"update @{name}.closing {closing}", words.counters_map("end") if alive else "", alive, f"goto {name}.stale"]))
    # Without a flow, a hash still knows the server: flows outlive the other director.
    stale = [f"{SYN} goto {name}.fresh"]
    if service.scheduler in HASHED and service.available() and not service.persistence_timeout_s:
        stale.append(f"tcp flags & rst == 0 goto {name}.fresh")
    ruleset.chain(f"{name}.stale", [*stale, "reject with tcp reset"])


def _clients(ruleset: Ruleset, words: Words) -> None:
    if words.service.persistence_timeout_s:
        spec = f"typeof {words.ip} saddr : meta mark; size {CLIENTS_SIZE}; flags dynamic,timeout;"
        ruleset.maps[f"{words.name}.clients"] = spec


def fresh_rules(words: Words, turns: tuple[str, ...], timeouts: Timeouts) -> list[str]:
    """The chain that chooses a server; the only one that changes with the connections there are."""
    name, service = words.name, words.service
    nobody = words.nobody
    if not turns:
        return [nobody]
    rules = []
    if service.persistence_timeout_s:
        rules.append(f"meta mark set {words.client} map @{name}.clients meta mark {{ {words.available_marks()} }} "
                     f"goto {name}.begin")
        rules.append(words.forget_client)
    return [*rules, f"{words.choice(turns)} goto {name}.begin", nobody]


def _server(words: Words, server: Server, way: Way, at_device: bool) -> list[str]:
    count = f'counter name "{words.counter(server, "in")}"'
    if way.here:
        return [f"{count} meta mark set 0 accept"]
    if not way.device:
        return [f"{count} drop"]
    if at_device:
        return [f'{count} fwd {words.ip} to {server.address} device "{way.device}"']
    return [f'{count} dup to {server.address} device "{way.device}" drop']


def _without_empty(rules: list[str]) -> list[str]:
    return [rule for rule in rules if rule]
