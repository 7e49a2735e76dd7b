"""A virtual server's servers: quorum, sorry server, weights, what a reload keeps."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from proxy.ha.conf.services import (
    CheckBasics,
    FirewallMark,
    RealServer,
    ServiceRange,
    SorryServer,
    TcpCheck,
    VirtualServer,
    VirtualServerGroup,
)
from proxy.ha.virtual.pool import Kind, Pool

VIP = IPv4Address("10.0.0.100")
SORRY = SorryServer(IPv4Address("10.0.0.9"), 80)


def configured(*weights: int, **more: object) -> VirtualServer:
    inhibit = bool(more.pop("inhibit", False))
    alpha = bool(more.get("alpha"))
    check = TcpCheck(CheckBasics(alpha=alpha))
    servers = tuple(RealServer(IPv4Address("10.0.0.1") + index, 80, weight, inhibit_on_failure=inhibit, checks=(check,))
                    for index, weight in enumerate(weights))
    return VirtualServer(VIP, 80, real_servers=servers, **more)  # type: ignore[arg-type]


def key(number: int) -> str:
    return f"10.0.0.{number}_80"


def weights(pool: Pool) -> dict[str, int]:
    return {f"{each.address}": each.weight for each in pool.service().servers}


def test_a_dead_server_goes_and_the_quorum_with_the_last() -> None:
    pool = Pool(configured(1, 2))
    assert [event.kind for event in pool.verdict(key(1), 0, False, "x")] == [Kind.SERVER_DOWN]
    assert weights(pool) == {"10.0.0.2": 2}
    events = pool.verdict(key(2), 0, False, "x")
    assert [event.kind for event in events] == [Kind.SERVER_DOWN, Kind.QUORUM_DOWN]
    assert events[0].text == "Removing service [10.0.0.2]:tcp:80 from VS [10.0.0.100]:tcp:80"
    assert events[1].text == "Lost quorum 1-0=1 > 0 for VS [10.0.0.100]:tcp:80"
    assert weights(pool) == {}
    assert [event.text for event in pool.verdict(key(2), 0, True, "x")] == [
        "Adding service [10.0.0.2]:tcp:80 to VS [10.0.0.100]:tcp:80",
        "Gained quorum 1+0=1 <= 2 for VS [10.0.0.100]:tcp:80"]


def test_hysteresis_dampens_both_ways() -> None:
    pool = Pool(configured(2, 2, 2, quorum=3, hysteresis=1))
    assert pool.verdict(key(1), 0, False, "")[1:] == []
    # 2 is not below 3-1.
    assert pool.verdict(key(2), 0, False, "")[1:] == []
    assert [each.kind for each in pool.verdict(key(3), 0, False, "")[1:]] == [Kind.QUORUM_DOWN]
    # 2 is not yet 3+1.
    assert pool.verdict(key(1), 0, True, "")[1:] == []
    assert [each.kind for each in pool.verdict(key(2), 0, True, "")[1:]] == [Kind.QUORUM_UP]


def test_the_sorry_server_replaces_everybody_until_the_quorum_is_back() -> None:
    pool = Pool(configured(1, 1, quorum=2, sorry_server=SORRY))
    assert weights(pool) == {"10.0.0.1": 1, "10.0.0.2": 1}
    pool.verdict(key(1), 0, False, "")
    assert weights(pool) == {"10.0.0.9": 1}
    pool.verdict(key(1), 0, True, "")
    assert weights(pool) == {"10.0.0.1": 1, "10.0.0.2": 1}


def test_inhibited_servers_stay_at_weight_nothing() -> None:
    pool = Pool(configured(3, 1, inhibit=True, sorry_server=replace(SORRY, inhibit=True), quorum=2))
    assert weights(pool) == {"10.0.0.1": 3, "10.0.0.2": 1, "10.0.0.9": 0}
    assert pool.verdict(key(1), 0, False, "")[0].text.startswith("Disabling service [10.0.0.1]:tcp:80 of VS")
    assert weights(pool) == {"10.0.0.1": 0, "10.0.0.2": 0, "10.0.0.9": 1}


def test_alpha_begins_with_nobody() -> None:
    pool = Pool(configured(1, 1, alpha=True))
    assert weights(pool) == {}
    assert not pool.quorum_up
    assert [each.kind for each in pool.verdict(key(1), 0, True, "")] == [Kind.SERVER_UP, Kind.QUORUM_UP]


def test_weights_move_with_checkers_and_count_for_the_quorum() -> None:
    pool = Pool(configured(10, quorum=5))
    assert [each.kind for each in pool.offset(key(1), 0, -7)] == [Kind.QUORUM_DOWN]
    assert weights(pool) == {"10.0.0.1": 3}
    pool.offset(key(1), 0, -70)
    assert weights(pool) == {"10.0.0.1": 0}
    pool.offset(key(1), 0, 100_000)
    assert weights(pool) == {"10.0.0.1": 65535}


def test_a_reload_keeps_what_is_known() -> None:
    old = Pool(configured(1, 1, 1))
    old.verdict(key(1), 0, False, "")
    old.offset(key(2), 0, 4)
    new = Pool(configured(7, 1))
    assert new.adopt(old) == []
    assert weights(new) == {"10.0.0.2": 5}
    bigger = Pool(configured(7, 1, quorum=9))
    assert [each.kind for each in bigger.adopt(new)] == [Kind.QUORUM_DOWN]
    # Another check of the same server: the old verdict until it has spoken.
    other = configured(1, 1)
    checks = (TcpCheck(CheckBasics(retry=9)),)
    other = replace(other, real_servers=tuple(replace(each, checks=checks) for each in other.real_servers))
    third = Pool(other)
    third.adopt(old)
    assert weights(third) == {"10.0.0.2": 1}


def test_groups_have_ranges_and_marks() -> None:
    group = VirtualServerGroup("web", (ServiceRange(VIP, VIP + 2, 80),), (FirewallMark(7),))
    pool = Pool(replace(configured(1), address=None, group="web"), [group])
    assert [str(each) for each in pool.matches] == ["10.0.0.100-10.0.0.102:80", "FWM 7"]
    assert Pool(replace(configured(1), address=None, group="mail"), [group]).matches == ()


@given(steps=st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=40), quorum=st.integers(1, 6),
       hysteresis=st.integers(0, 2))
def test_the_service_is_what_lives(steps: list[tuple[int, bool]], quorum: int, hysteresis: int) -> None:
    pool = Pool(configured(1, 2, 3, quorum=quorum, hysteresis=hysteresis, sorry_server=SORRY))
    for number, up in steps:
        pool.verdict(key(number), 0, up, "")
        living = {f"{real.server.address}" for real in pool.reals.values() if real.alive}
        assert weights(pool).keys() == (living if pool.quorum_up else {"10.0.0.9"})
        weight = sum(real.weight for real in pool.reals.values() if real.alive)
        assert pool.quorum_up or weight < quorum + hysteresis
        assert not pool.quorum_up or weight >= quorum - hysteresis
