"""Laws of hashing: what any key and any farm must keep to."""

from __future__ import annotations

from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from proxy.base.addresses import Address, Family
from proxy.core.balance.consistent import Ring
from proxy.core.balance.hashing import HASH_FUNCTIONS, address_number, avalanche
from proxy.core.balance.map_based import MapBased
from proxy.core.balance.roundrobin import RoundRobin
from proxy.core.balance.weighted_map import weighted_map
from proxy.runtime.backend import Backend
from proxy.runtime.server import WEIGHT_SCALE, Server

KEYS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50)
WEIGHTS = st.lists(st.integers(1, 40), min_size=2, max_size=8)


def servers_of(weights: list[int]) -> list[Server]:
    backend = Backend("app", 2)
    for index, weight in enumerate(weights):
        server = Server(backend, f"s{index}", index + 1, Address(Family.IPV4, "127.0.0.1", 1))
        server.configured_weight = server.user_weight = weight
        server.weight_now = weight * WEIGHT_SCALE
        backend.servers.append(server)
    return backend.servers


@given(st.binary(max_size=80))
def test_hashes_are_the_published_polynomials(octets: bytes) -> None:
    sdbm = sum(octet * 65599**power for power, octet in enumerate(reversed(octets))) % 2**32
    djb2 = (5381 * 33 ** len(octets) + sum(octet * 33**power for power, octet in enumerate(reversed(octets)))) % 2**32
    assert HASH_FUNCTIONS["sdbm"](octets) == sdbm
    assert HASH_FUNCTIONS["djb2"](octets) == djb2
    assert HASH_FUNCTIONS["crc32"](octets) == crc32(octets)


@given(st.sets(st.integers(0, 2**32 - 1), max_size=200))
def test_the_avalanche_loses_nothing(values: set[int]) -> None:
    mixed = {avalanche(value) for value in values}
    assert len(mixed) == len(values)
    assert all(0 <= value < 2**32 for value in mixed)


@given(st.binary(min_size=4, max_size=4), st.binary(min_size=12, max_size=12))
def test_an_ipv6_address_is_folded(last: bytes, first: bytes) -> None:
    folded = address_number(first[:4]) ^ address_number(first[4:8]) ^ address_number(first[8:]) ^ address_number(last)
    assert address_number(first + last) == folded


@given(WEIGHTS)
def test_the_map_holds_each_server_as_often_as_its_weight_says(weights: list[int]) -> None:
    servers = servers_of(weights)
    places = weighted_map(servers)
    for server, weight in zip(servers, weights, strict=True):
        assert places.count(server) * sum(weights) == weight * len(places)


@given(WEIGHTS, KEYS, st.integers(0, 7))
def test_a_leaving_server_moves_no_other_servers_keys(weights: list[int], keys: list[int], leaving: int) -> None:
    servers = servers_of(weights)
    gone = servers[leaving % len(servers)]
    ring = Ring()
    ring.rebuild(servers)
    before = [ring.at(key, None) for key in keys]
    ring.rebuild([server for server in servers if server is not gone])
    for key, server in zip(keys, before, strict=True):
        if server is not gone:
            assert ring.at(key, None) is server
        else:
            assert ring.at(key, None) is not gone


@given(WEIGHTS, KEYS)
def test_a_key_always_finds_its_server(weights: list[int], keys: list[int]) -> None:
    servers = servers_of(weights)
    for placement in (Ring(), MapBased()):
        placement.rebuild(servers)
        for key in keys:
            server = placement.at(key, None)
            assert server in servers
            assert placement.at(key, None) is server
            assert placement.at(key, server) is not server


@given(WEIGHTS, st.integers(0, 300))
def test_turns_are_never_far_from_the_fair_share(weights: list[int], count: int) -> None:
    servers = servers_of(weights)
    balancer = RoundRobin()
    balancer.rebuild(servers)
    picked = [balancer.pick(None, None) for _ in range(count)]
    for server, weight in zip(servers, weights, strict=True):
        assert abs(picked.count(server) - count * weight / sum(weights)) < 2.5
