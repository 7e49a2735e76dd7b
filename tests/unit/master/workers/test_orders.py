"""Orders: whatever the master does to a server, each worker's copy of it comes to stand the same, and so does every choice."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from proxy.master.workers.channel import LineBroken
from proxy.master.workers.orders import CLEAR, HARD_STOP, KILL, MEMORY, PAUSE, RESUME, SOFT_STOP, STATE
from proxy.runtime import transitions
from proxy.runtime.cells import QCUR, SCUR, STOT
from proxy.runtime.following import ServerState, state_of
from proxy.runtime.process import row_key
from proxy.runtime.states import Admin, Operational

SERVERS = "\n".join(f" server {name} 127.0.0.1:{port} weight {weight} {more}" for name, port, weight, more in (
    ("a", 11, 3, "check slowstart 10s"), ("b", 12, 2, ""), ("c", 13, 1, "track app/a"), ("d", 14, 1, "backup maxconn 5"),
)) + "\n"
SHOWN = set(ServerState._fields) - {"since"}


def same(crew: Any) -> None:
    """Master and workers agree on every server, and on who may be chosen."""
    for follower in crew.followers:
        backend, copy = crew.process.backends[0], follower.process.backends[0]
        for server, other in zip(backend.servers, copy.servers, strict=True):
            here, there = state_of(server)._asdict(), state_of(other)._asdict()
            assert {name: here[name] for name in SHOWN} == {name: there[name] for name in SHOWN}
            assert (server.is_up, server.is_usable, server.is_draining) == (other.is_up, other.is_usable, other.is_draining)
        assert (backend.active_count, backend.backup_count) == (copy.active_count, copy.backup_count)
    if crew.process.backends[0].active_count:
        orders = {"".join(backend.farm.pick(None, None).name for _ in range(12))
                  for process in (crew.process, *(each.process for each in crew.followers)) for backend in process.backends}
        assert len(orders) == 1


def act(crew: Any, rng: Random) -> None:
    """Something that may happen to a server."""
    now_ms, events = crew.clock.now_ms, crew.events
    server = rng.choice(crew.process.backends[0].servers)
    match rng.randrange(6):
        case 0:
            transitions.set_admin(server, rng.choice(["ready", "drain", "maint"]), now_ms, events)
        case 1:
            transitions.set_operational(server, rng.choice(list(Operational)), ", changed", now_ms, events)
        case 2:
            transitions.set_weight(server, rng.choice([0, 1, 3, 256, "50%"]), now_ms, events)
        case 3:
            crew.clock.now_ms += rng.randrange(4000)
            for each in crew.process.backends[0].servers:
                transitions.advance_slowstart(each, crew.clock.now_ms, events)
        case 4:
            transitions.add_admin(server, Admin.RMAINT, now_ms, events)
        case 5:
            server.sockaddr, server.socket_family = ("127.0.0.9", rng.randrange(1, 60000)), 2
            transitions.clear_admin(server, Admin.RMAINT, now_ms, events)


def test_each_change_is_followed(crew: Callable[..., Any], rng: Random) -> None:
    team = crew(SERVERS)
    same(team)
    for _ in range(300):
        act(team, rng)
        # an address is told with the change that makes it matter
        for server in team.process.backends[0].servers:
            team.orders.server_changed(server, server.is_up, team.clock.now_ms)
        same(team)


def test_every_change_is_an_order_and_is_counted_for_the_workers(crew: Callable[..., Any]) -> None:
    team = crew(SERVERS)
    given = team.process.board.orders[0]
    transitions.set_admin(team.server("a"), "maint", team.clock.now_ms, team.events)
    assert team.process.board.orders[0] == given + 2        # c tracks a
    assert [follower.orders.followed for follower in team.followers] == [given + 2] * 2
    assert [follower.orders.given[0] for follower in team.followers] == [given + 2] * 2


def test_what_is_told_of_queues_and_sessions_is_that_of_all_workers(crew: Callable[..., Any]) -> None:
    team = crew(" option redispatch\n server a 127.0.0.1:11 maxconn 3\n server b 127.0.0.1:12\n")
    for number, follower in enumerate(team.followers, 1):
        server = follower.process.server("app", "a")
        server.counters[SCUR], server.counters[QCUR] = number, 2
        follower.process.backends[0].counters[QCUR] = 5
    transitions.set_admin(team.server("a"), "maint", team.clock.now_ms, team.events)
    assert "3 sessions active, 4 requeued, 0 remaining in queue." in team.told[0]
    for follower in team.followers:
        follower.process.server("app", "a").counters[QCUR] = 0
        follower.process.server("app", "a").counters[SCUR] = 0
    assert team.orders.server_changed(team.server("a"), False, 0) == (0, 0)
    transitions.set_admin(team.server("a"), "ready", team.clock.now_ms, team.events)
    assert team.orders.server_changed(team.server("a"), False, 0) == (3, 0)     # three of the backend's ten
    assert team.orders.server_changed(team.server("b"), False, 0) == (10, 0)


def test_without_redispatch_who_waits_for_a_server_goes_on_waiting(crew: Callable[..., Any]) -> None:
    team = crew(" server a 127.0.0.1:11 maxconn 3\n server b 127.0.0.1:12\n")
    team.followers[0].process.server("app", "a").counters[QCUR] = 2
    transitions.set_admin(team.server("a"), "maint", team.clock.now_ms, team.events)
    assert "0 requeued, 2 remaining in queue." in team.told[0]


def test_other_orders(crew: Callable[..., Any]) -> None:
    team = crew(" server a 127.0.0.1:11\n")
    first, second = team.followers
    for process in (team.process, first.process, second.process):
        process.frontends[0].counters[STOT] = 7
    for order in (SOFT_STOP, HARD_STOP, MEMORY, PAUSE, RESUME):
        team.orders.give(order)
    team.orders.give(CLEAR, [STOT])
    team.orders.shut_sessions(team.server("a"))
    assert first.asked == second.asked == ["stop False", "stop True", "memory"]
    rows = team.process.board.rows(row_key(team.process.frontends[0]))
    assert [row[STOT] for row in rows] == [7, 0, 0]


@pytest.mark.parametrize(("order", "payload"), [
    (STATE, b"[]"), (STATE, b'["nowhere",0,2,0,1,16,16,0,2,null,0]'), (STATE, b'["app",9,2,0,1,16,16,0,2,null,0]'),
    (STATE, b'["app",-1,2,0,1,16,16,0,2,null,0]'), (KILL, b'["app"]'), (KILL, b"{"),
    (CLEAR, b'[["x"]]'), (CLEAR, b"[[100000]]"), (CLEAR, b"[1]"),
])
def test_what_makes_no_sense_is_not_followed(crew: Callable[..., Any], order: bytes, payload: bytes) -> None:
    team = crew(" server a 127.0.0.1:11\n")
    with pytest.raises(LineBroken):
        team.followers[0].orders.take(order, payload)
