"""What holds for every algorithm, whatever it does otherwise."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from proxy.base.addresses import Address, Family
from proxy.core.balance import ALGORITHMS, Balancer, Farm, make_balancer
from proxy.core.balance.hashing import avalanche
from proxy.runtime.backend import Backend
from proxy.runtime.server import WEIGHT_SCALE, Server

HASHING = ("source", "uri", "url_param", "hdr")
CASES = [(name, "map-based") for name in ALGORITHMS] + [(name, "consistent") for name in HASHING]
WEIGHTED = [case for case in CASES if case[0] != "first"]
IN_TURN = [case for case in CASES if case[0] in ("roundrobin", "static-rr", "leastconn")]
REWEIGHED = [case for case in WEIGHTED if case[0] not in ("static-rr", "leastconn")]


def backend_of(weights: Sequence[int], backups: Sequence[int] = (), maxconn: int = 0) -> Backend:
    backend = Backend("app", 2)
    for index, weight in enumerate((*weights, *backups)):
        server = Server(backend, f"s{index}", index + 1, Address(Family.IPV4, "127.0.0.1", 1))
        server.index = index
        server.configured_weight = server.user_weight = weight
        server.weight_now = weight * WEIGHT_SCALE
        server.is_backup = index >= len(weights)
        server.maxconn = maxconn
        backend.servers.append(server)
    return backend


def balancer_of(case: tuple[str, str], seed: int = 1) -> Balancer:
    draw = random.Random(seed)
    return make_balancer(case[0], argument="" if case[0] == "random" else "x", hash_type=case[1], random=draw.randrange)


def farm_of(case: tuple[str, str], backend: Backend) -> Farm:
    backend.balancer = balancer_of(case)
    return Farm(backend)


def keys(balancer: Balancer, count: int) -> list[int | None]:
    return [avalanche(number) if balancer.needs_key else None for number in range(count)]


def stop(farm: Farm, *servers: Server) -> None:
    for server in servers:
        server.weight_now = 0
    farm.changed()


def use(backend: Backend, server: Server, streams: int = 1) -> None:
    server.served += streams
    backend.served += streams
    if streams > 0:
        backend.balancer.opened(server)
    else:
        backend.balancer.closed(server)


def pick_all(farm: Farm, backend: Backend, count: int, hold: bool = False) -> Counter[str]:
    """Pick so often; streams end at once, or hold their servers."""
    picked: Counter[str] = Counter()
    for key in keys(backend.balancer, count):
        server = farm.pick(key, None)
        assert server is not None
        picked[server.name] += 1
        use(backend, server)
        if not hold:
            use(backend, server, -1)
    return picked


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_the_same_again_is_the_same_again(case: tuple[str, str]) -> None:
    runs = []
    for _ in range(2):
        backend = backend_of([3, 1, 2])
        farm = farm_of(case, backend)
        picks = [farm.pick(key, None) for key in keys(backend.balancer, 50)]
        runs.append([server.name for server in picks if server])
    assert runs[0] == runs[1]
    assert len(runs[0]) == 50


@pytest.mark.parametrize("case", IN_TURN, ids="-".join)
@pytest.mark.parametrize("count", [2, 3, 10, 1000])
def test_equal_weights_are_strictly_in_turn(case: tuple[str, str], count: int) -> None:
    backend = backend_of([1] * count)
    farm = farm_of(case, backend)
    for _ in range(3):
        assert pick_all(farm, backend, count) == Counter({server.name: 1 for server in backend.servers})


@pytest.mark.parametrize("case", WEIGHTED, ids="-".join)
def test_shares_follow_weights(case: tuple[str, str]) -> None:
    weights = [10, 20, 30, 40]
    backend = backend_of(weights)
    hold = case[0] == "leastconn"
    picked = pick_all(farm_of(case, backend), backend, 4000, hold=hold)
    tolerance = 0.25 if case[0] == "random" or case[1] == "consistent" else 0.12
    for server, weight in zip(backend.servers, weights, strict=True):
        assert picked[server.name] == pytest.approx(40 * weight, rel=tolerance)


@pytest.mark.parametrize("case", WEIGHTED, ids="-".join)
def test_no_server_is_skipped(case: tuple[str, str]) -> None:
    backend = backend_of([1] * 20)
    picked = pick_all(farm_of(case, backend), backend, 4000)
    assert len(picked) == 20


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_a_thousand_servers(case: tuple[str, str]) -> None:
    backend = backend_of([1] * 1000)
    farm = farm_of(case, backend)
    picked = pick_all(farm, backend, 3000)
    assert len(picked) > (0 if case[0] == "first" else 800)
    assert backend.active_count == 1000


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_a_stopped_server_gets_nothing_more_and_a_started_one_its_share_again(case: tuple[str, str]) -> None:
    backend = backend_of([1, 1, 1])
    farm = farm_of(case, backend)
    pick_all(farm, backend, 7)
    first = backend.servers[0]
    stop(farm, first)
    assert backend.active_count == 2
    assert "s0" not in pick_all(farm, backend, 300)
    first.weight_now = WEIGHT_SCALE
    farm.changed()
    assert pick_all(farm, backend, 300)["s0"] >= 60


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_added_and_removed_servers_count_at_once(case: tuple[str, str]) -> None:
    backend = backend_of([1, 1])
    farm = farm_of(case, backend)
    pick_all(farm, backend, 5)
    newcomer = Server(backend, "new", 0, Address(Family.IPV4, "127.0.0.1", 2))
    backend.servers.append(newcomer)
    farm.changed()
    assert pick_all(farm, backend, 300)["new"] >= 60
    backend.servers.remove(newcomer)
    farm.changed()
    assert "new" not in pick_all(farm, backend, 300)


@pytest.mark.parametrize("case", REWEIGHED, ids="-".join)
def test_a_changed_weight_counts_at_once_unless_the_map_is_static(case: tuple[str, str]) -> None:
    backend = backend_of([10, 10])
    farm = farm_of(case, backend)
    pick_all(farm, backend, 3)
    backend.servers[0].weight_now = 90 * WEIGHT_SCALE
    farm.changed()
    share = pick_all(farm, backend, 1000)["s0"]
    if case[0] in HASHING and case[1] == "map-based":
        assert 400 < share < 600
    else:
        assert 850 < share < 950


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_nobody_up_gives_nobody(case: tuple[str, str]) -> None:
    backend = backend_of([1, 1])
    farm = farm_of(case, backend)
    stop(farm, *backend.servers)
    assert (backend.active_count, backend.backup_count) == (0, 0)
    assert farm.pick(5, None) is None
    assert farm.pick(None, backend.servers[0]) is None


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_a_backup_serves_only_when_no_active_server_is_left_and_then_alone(case: tuple[str, str]) -> None:
    backend = backend_of([1, 1], backups=[1, 1])
    farm = farm_of(case, backend)
    assert set(pick_all(farm, backend, 100)) <= {"s0", "s1"}
    stop(farm, *backend.servers[:2])
    assert (backend.active_count, backend.backup_count) == (0, 2)
    assert set(pick_all(farm, backend, 100)) == {"s2"}
    backend.servers[2].maxconn, backend.servers[2].served = 1, 1
    assert farm.pick(None, None) is backend.servers[2]
    stop(farm, backend.servers[2])
    assert set(pick_all(farm, backend, 10)) == {"s3"}
    backend.servers[1].weight_now = WEIGHT_SCALE
    farm.changed()
    assert set(pick_all(farm, backend, 10)) == {"s1"}


@pytest.mark.parametrize("case", WEIGHTED, ids="-".join)
def test_all_backups_share_when_told_so(case: tuple[str, str]) -> None:
    backend = backend_of([1], backups=[1, 1])
    backend.backup_all = True
    farm = farm_of(case, backend)
    stop(farm, backend.servers[0])
    assert set(pick_all(farm, backend, 200)) == {"s1", "s2"}


@pytest.mark.parametrize("case", CASES, ids="-".join)
@pytest.mark.parametrize("with_key", [True, False], ids=["key", "no-key"])
def test_the_server_to_avoid_is_avoided_unless_it_is_the_only_one(case: tuple[str, str], with_key: bool) -> None:
    backend = backend_of([5, 1, 1])
    farm = farm_of(case, backend)
    avoid = backend.servers[0]
    for number in range(60):
        server = farm.pick(avalanche(number) if with_key else None, avoid)
        assert server in backend.servers[1:]
    stop(farm, *backend.servers[1:])
    assert farm.pick(7 if with_key else None, avoid) is avoid


@pytest.mark.parametrize("case", CASES, ids="-".join)
@pytest.mark.parametrize("weights", [[1, 1, 1], [8, 2, 5]], ids=str)
def test_full_servers_are_passed_by_and_when_all_are_full_the_stream_must_wait(case: tuple[str, str], weights: list[int]) -> None:
    backend = backend_of(weights, maxconn=2)
    farm = farm_of(case, backend)
    held = Counter[str]()
    for _ in range(6):
        server = farm.pick(None, None)
        assert server is not None
        assert not server.is_full()
        use(backend, server)
        held[server.name] += 1
    assert set(held.values()) == {2}
    assert farm.pick(None, None) is None
    assert farm.pick(None, backend.servers[1]) is None
    use(backend, backend.servers[1], -1)
    assert farm.pick(None, None) is backend.servers[1]
    assert farm.pick(None, backend.servers[1]) is backend.servers[1]


@pytest.mark.parametrize("case", [case for case in CASES if case[0] in HASHING], ids="-".join)
def test_a_key_goes_to_its_server_even_when_that_is_full(case: tuple[str, str]) -> None:
    backend = backend_of([1, 1, 1], maxconn=1)
    farm = farm_of(case, backend)
    server = farm.pick(12345, None)
    assert server is not None
    use(backend, server)
    assert server.is_full()
    assert farm.pick(12345, None) is server


def test_the_cookie_policy_learns_of_new_servers() -> None:
    class Policy:
        told = 0

        def servers_changed(self) -> None:
            self.told += 1

    backend = backend_of([1, 1])
    backend.cookie = Policy()
    farm = farm_of(("roundrobin", "map-based"), backend)
    farm.changed()
    assert backend.cookie.told == 2


def test_an_unknown_algorithm_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown balance algorithm 'fastest'"):
        make_balancer("fastest", random=lambda bound: 0)
