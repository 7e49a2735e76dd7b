"""The texts that nft gets, as golden files: write them anew with PYPROXY_GOLDEN=1 and read the difference."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path

import pytest

from proxy.ha.conf.services import Forwarding, ForwardingMethod, Protocol, Scheduler
from proxy.ha.virtual.plan import Match, Server, Service, Timeouts
from proxy.ha.virtual.planes.nft.direct import Way, direct_rules, fresh_rules, marked_rules
from proxy.ha.virtual.planes.nft.nat import nat_rules
from proxy.ha.virtual.planes.nft.ruleset import Inventory, Ruleset, removal
from proxy.ha.virtual.planes.nft.words import Words, plain, service_name
from proxy.ha.virtual.schedule import HASHED, buckets, turns

GOLDEN = Path(__file__).parent / "golden"
WAYS = {"10.0.0.1": Way("eth0"), "10.0.0.2": Way("eth1.10"), "10.0.0.3": Way(here=True), "10.0.0.4": Way(),
        "fd00::1": Way("eth0")}
DR, NAT = ForwardingMethod(Forwarding.DR), ForwardingMethod(Forwarding.NAT)


def service(*servers: tuple[str, int, int], vip: str = "10.0.0.100", port: int = 80, method: ForwardingMethod = DR,
            matches: tuple[Match, ...] = (), name: str = "", **more: object) -> Service:
    address = ip_address(vip)
    protocol = more.pop("protocol", Protocol.TCP)
    assert isinstance(protocol, Protocol)
    placed = tuple(Server(ip_address(where), at, weight, method) for where, at, weight in servers)
    return Service(name or f"[{vip}]:{protocol.value.lower()}:{port}", address.version, protocol,
                   matches or (Match(address, address, port),), more.pop("scheduler", Scheduler.RR),  # type: ignore[arg-type]
                   placed, method=method, **more)  # type: ignore[arg-type]


def turns_of(*services: Service) -> dict[str, tuple[str, ...]]:
    return {each.name: buckets(each.scheduler, each.servers) if each.scheduler in HASHED
            else turns(each.scheduler, each.servers, {}) for each in services}


def build(name: str) -> Ruleset:
    pair = (("10.0.0.1", 80, 2), ("10.0.0.2", 80, 1))
    if name == "direct":
        web = service(*pair, ("10.0.0.3", 80, 0), ("10.0.0.4", 80, 1), scheduler=Scheduler.WRR)
        return direct_rules("t", [web], turns_of(web), WAYS, ["eth0", "eth1.10"], Timeouts())
    if name == "direct-persistent":
        web = service(*pair, persistence_timeout_s=50, persistence_prefix=24)
        return direct_rules("t", [web], turns_of(web), WAYS, ["eth0"], Timeouts(60, 5, 7))
    if name == "direct-hash":
        web = service(("10.0.0.1", 80, 1), scheduler=Scheduler.SH, flags=("sh-port",))
        return direct_rules("t", [web], turns_of(web), WAYS, ["eth0"], Timeouts())
    if name == "direct-udp":
        dns = service(*pair, port=53, protocol=Protocol.UDP)
        log = service(*pair, port=514, protocol=Protocol.UDP, ops=True)
        return direct_rules("t", [dns, log], turns_of(dns, log), WAYS, ["eth0"], Timeouts())
    if name == "direct-ipv6":
        web = service(("fd00::1", 80, 1), vip="fd00::100", persistence_timeout_s=9, persistence_prefix=64)
        return direct_rules("t", [web], turns_of(web), WAYS, ["eth0"], Timeouts())
    if name == "direct-nobody":
        web = service()
        return direct_rules("t", [web], turns_of(web), WAYS, ["eth0"], Timeouts())
    if name == "marked":
        web = service(*pair, matches=(Match(mark=7),), name="FWM 7")
        return marked_rules("t", "ip", [web], turns_of(web), WAYS, Timeouts())
    if name == "nat":
        web = service(("10.0.0.1", 8080, 1), ("10.0.0.2", 0, 2), method=NAT, scheduler=Scheduler.WRR)
        return nat_rules("t", "ip", [web], turns_of(web))
    if name == "nat-persistent":
        first = ip_address("10.0.0.100")
        web = service(("10.0.0.1", 80, 1), ("10.0.0.2", 80, 1), method=NAT, name="[web]:tcp:0", persistence_timeout_s=9,
                      matches=(Match(first, first + 3, 80), Match(mark=7)))
        return nat_rules("t", "ip", [web], turns_of(web))
    raise LookupError(name)


NAMES = ("direct", "direct-persistent", "direct-hash", "direct-udp", "direct-ipv6", "direct-nobody", "marked", "nat",
         "nat-persistent")


@pytest.mark.parametrize("name", NAMES)
def test_the_text_is_the_golden_one(name: str) -> None:
    text = build(name).transaction(Inventory())
    path = GOLDEN / f"{name}.nft"
    if os.environ.get("PYPROXY_GOLDEN") == "1":
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("name", NAMES)
def test_every_chain_that_is_gone_to_is_there(name: str) -> None:
    ruleset = build(name)
    for rules in ruleset.chains.values():
        for rule in rules:
            words = rule.split()
            for index, word in enumerate(words):
                if word == "goto":
                    assert words[index + 1].rstrip(",") in ruleset.chains
                if word.startswith("@") and not word.startswith(("@nh,", "@th,")):
                    assert word[1:] in ruleset.maps


def test_a_second_transaction_keeps_maps_and_counters_and_removes_what_is_gone() -> None:
    two, one = build("direct"), build("direct-hash")
    text = one.transaction(two.inventory())
    assert "add map" not in text                           # the flows are what they were
    assert "flush table netdev t\n" in text
    assert "delete map" not in text
    assert "delete counter netdev t tcp_10.0.0.100_80.10.0.0.2_80.new\n" in text
    assert "delete chain netdev t tcp_10.0.0.100_80.10.0.0.2_80\n" in text
    assert "add chain netdev t in_eth1.10\ndelete chain netdev t in_eth1.10\n" in text
    # Rules go before what they name, deletions come after the last rule that could name them.
    assert text.index("flush table") < text.index("add rule") < text.index("delete chain")


def test_a_part_is_replaced_alone() -> None:
    web = service(("10.0.0.1", 80, 1), ("10.0.0.2", 80, 1))
    text = Ruleset("netdev", "t").replacement({"x.fresh": fresh_rules(Words.of(web), ("10.0.0.2_80",), Timeouts())})
    assert text.splitlines() == ["flush chain netdev t x.fresh",
                                 "add rule netdev t x.fresh meta mark set 0xcce3acbd goto tcp_10.0.0.100_80.begin",
                                 "add rule netdev t x.fresh reject with tcp reset"]
    assert removal("netdev t") == "add table netdev t\ndelete table netdev t\n"


def test_names_are_nfts_and_different() -> None:
    assert service_name(service(name="[10.0.0.100]:tcp:80")) == "tcp_10.0.0.100_80"
    assert service_name(service(name="[fd00::100]:tcp:80", vip="fd00::100")) == "tcp_fd00--100_80"
    assert service_name(service(name="FWM 7", matches=(Match(mark=7),))) == "tcp_fwm_7"
    # Their maps are made differently, in one table: a group that a reload moves to the other family must not find the old ones.
    assert service_name(service(name="[web]:tcp:80")) != service_name(service(name="[web]:tcp:80", vip="fd00::100"))
    strange = [plain(each) for each in ("a b", "a;b", "a\nb", "ä", "x" * 200, "x" * 201)]
    assert len(set(strange)) == 6
    for each in strange:
        assert each.isascii()
        assert len(each) < 130
        assert not set(each) & set(" ;\n\"{}")
