"""Keys and where they lead: the same servers as HAProxy's, request by request."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.core.balance import Balancer, make_balancer
from proxy.core.balance.consistent import Ring
from proxy.core.balance.hashing import HASH_FUNCTIONS, avalanche
from proxy.core.http1.head import RequestHead
from proxy.runtime.server import WEIGHT_SCALE, Server

ServersOf = Callable[..., list[Server]]
RECORDED = [
    [part.strip() for part in line.split("|")]
    for line in (Path(__file__).parent / "recorded_hashes.txt").read_text().splitlines()
    if not line.startswith("#")
]
TARGETS = [
    "/", "/a", "/abc", "/img/logo.png", "/%41~", "/a/b/c/d?x=1", "/q?x=1&user=bob", "/?user=alice", "/a//b", "/a/b/c?/d/e",
    *(f"/page/{i}/x{i * i}.html?id={i * 7}&user=u{i}" for i in range(30)),
]
SOURCES = [*(f"10.{i}.{i * 7 % 256}.{i * 31 % 256}" for i in range(30)), *(f"2001:db8:{i:x}::{i * 77:x}" for i in range(10))]
VALUES = [
    "h.example.com", "example.com", "www.example.co.uk", "localhost", "10.1.2.3", "a.b.c.d:8080", "EXAMPLE.Com", "host.", "a.b.",
    "..", "a..b", ".com", "one, two", *(f"n{i}.dom{i}.org" for i in range(27)),
]


def no_random(bound: int) -> int:
    raise AssertionError("hashing draws no random numbers")


def head_of(target: str, value: str | None = None) -> RequestHead:
    head = RequestHead()
    head.method, head.target = b"GET", target.encode()
    head.fields = [(b"host", b"h")]
    if value is not None:
        head.fields.append((b"x-k", value.encode()))
    return head


def balancer_of(balance: str, hash_type: str, factor: int = 0) -> Balancer:
    """What `config` makes of these two lines, in small."""
    words = balance.split()
    name, _, argument = words[0].partition("(")
    method, function, modifier = (*hash_type.split(), "", "")[:3]
    options = dict(zip(words[1::2], words[2::2], strict=False)) if "len" in words or "depth" in words else {}
    return make_balancer(
        name, argument=argument.rstrip(")") or (words[1] if name == "url_param" else ""), uri_len=int(options.get("len", 0)),
        uri_depth=int(options.get("depth", 0)), uri_whole="whole" in words, uri_path_only="path-only" in words,
        hdr_use_domain_only="use_domain_only" in words, hash_type=method, hash_function=function, hash_modifier=modifier,
        hash_balance_factor=factor, random=no_random,
    )


@pytest.mark.parametrize(("balance", "hash_type", "weights", "ids", "expected"), RECORDED)
def test_every_key_leads_where_haproxy_sends_it(
    servers_of: ServersOf, balance: str, hash_type: str, weights: str, ids: str, expected: str,
) -> None:
    balancer = balancer_of(balance, hash_type)
    assert balancer.needs_key
    balancer.rebuild(servers_of([int(text) for text in weights.split(",")], [int(text) for text in ids.split(",")]))
    picked = ""
    for target, source, value in zip(TARGETS, SOURCES, VALUES, strict=True):
        key = balancer.key(head_of(target, value), ipaddress.ip_address(source).packed)
        server = balancer.pick(key, None)
        assert server is not None
        picked += server.name
    assert picked == expected


@pytest.mark.parametrize(
    ("balance", "target", "subject"),
    [
        ("uri", "http://h.com/p/q?x=1", b"http://h.com/p/q"),
        ("uri", "*", b"*"),
        ("uri path-only", "http://h.com/p/q?x=1", b"/p/q"),
        ("uri path-only", "http://h.com", b""),
        ("uri path-only", "*", b""),
        ("uri path-only whole", "http://h.com/p?x=/", b"/p?x=/"),
        ("uri depth 1", "//a//b/c", b"/"),
        ("uri depth 2", "/a//b", b"/a/"),
        ("uri depth 1", "http://h.com/p", b"http:/"),
        ("url_param user", "/?user=", b""),
        ("url_param user", "/?user=1&user=2", b"1"),
        ("url_param user", "/?&&user=%61", b"%61"),
        ("url_param user", "/?user=b;c=1", b"b;c=1"),
        ("url_param user", "/?user", None),
        ("url_param user", "/?USER=3", None),
        ("url_param user", "/?a?user=b", None),
        ("url_param user", "/user=3", None),
    ],
)
def test_what_is_hashed_of_a_target(balance: str, target: str, subject: bytes | None) -> None:
    key = balancer_of(balance, "map-based").key(head_of(target), b"")
    assert key == (None if subject is None else HASH_FUNCTIONS["sdbm"](subject))


def test_a_request_without_the_header_is_served_in_turn(servers_of: ServersOf) -> None:
    balancer = balancer_of("hdr(X-K)", "map-based")
    balancer.rebuild(servers_of([1, 1, 1]))
    for value in (None, "", ", two"):
        assert balancer.key(head_of("/", value), b"") is None
    assert [server.name for server in (balancer.pick(None, None) for _ in range(5)) if server] == list("abcab")


def test_without_a_head_there_is_no_key_but_the_address_is_one() -> None:
    assert balancer_of("uri", "map-based").key(None, b"\x7f\0\0\1") is None
    source = balancer_of("source", "map-based")
    assert source.key(None, b"\x7f\0\0\1") == 0x7F000001
    assert source.key(None, b"") is None


def test_a_consistent_hash_moves_only_the_keys_of_the_server_that_left(servers_of: ServersOf) -> None:
    servers = servers_of([5, 5, 5, 5])
    ring = Ring()
    ring.rebuild(servers)
    keys = [avalanche(number) for number in range(2000)]
    before = [ring.at(key, None) for key in keys]
    ring.rebuild(servers[:3])
    for key, server in zip(keys, before, strict=True):
        if server is not servers[3]:
            assert ring.at(key, None) is server


def test_a_slow_start_takes_over_keys_little_by_little(servers_of: ServersOf) -> None:
    servers = servers_of([4, 4])
    ring = Ring()
    shares = []
    for weight_now in (1, 16, 32, 64):
        servers[1].weight_now = weight_now
        ring.rebuild(servers)
        shares.append(sum(ring.at(avalanche(number), None) is servers[1] for number in range(2000)))
    assert shares == sorted(shares)
    assert shares[0] < 200
    assert 800 < shares[-1] < 1200


@pytest.mark.parametrize(
    ("target", "weights", "factor", "expected"),
    [
        ("/", [1, 1, 1], 150, "babababababa"),
        ("/", [4, 2, 1], 150, "abaaaaabaaaaaa"),
        ("/", [4, 3, 2], 130, "babaababab" + "aababaababab" + "aa"),
        ("/zz", [1, 5, 2, 1], 101, "bbcbbcbadbbcbbcbadbbcbbc"),
        ("/q", [1, 1, 2, 10], 200, "d" * 24),
    ],
)
def test_a_bounded_load_spills_over_as_haproxys_does(
    servers_of: ServersOf, target: str, weights: list[int], factor: int, expected: str,
) -> None:
    """Nothing finishes: each request holds its server, as recorded on HAProxy."""
    balancer = balancer_of("uri", "consistent", factor)
    balancer.rebuild(servers_of(weights))
    picked = ""
    for _ in expected:
        server = balancer.pick(balancer.key(head_of(target), b""), None)
        assert server is not None
        server.served += 1
        picked += server.name
    assert picked == expected


def test_unkeyed_requests_walk_the_ring(servers_of: ServersOf) -> None:
    balancer = balancer_of("hdr(x)", "consistent")
    balancer.rebuild(servers_of([1, 1, 1]))
    assert "".join(server.name for server in (balancer.pick(None, None) for _ in range(12)) if server) == "ccbacaabcaaa"


def test_points_of_a_server_are_kept_for_the_next_change(servers_of: ServersOf) -> None:
    servers = servers_of([2])
    ring = Ring()
    for weight in (2, 1, 3):
        servers[0].weight_now = weight * WEIGHT_SCALE
        ring.rebuild(servers)
        assert ring.at(0, None) is servers[0]


def test_unknown_words_are_refused() -> None:
    for balance, hash_type in (("fastest", "map-based"), ("uri", "tree"), ("uri", "map-based wt6"), ("source", "consistent md5")):
        with pytest.raises(ValueError, match="unknown"):
            balancer_of(balance, hash_type)
