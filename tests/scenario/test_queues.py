"""Waiting for a slot: limits, positions, who is served, servers that come and go. Compared with HAProxy 2.6."""

import pytest
from playbook import FakeLink, Lab, get, ok

from proxy.core import queue
from proxy.core.cookies import CookiePolicy
from proxy.runtime import transitions


class Farmhand:
    """What the worker does when a server's state changes."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.moved: list[tuple[int, int]] = []

    def server_event(self, server, level, text):
        return None

    def backend_event(self, backend, level, text):
        return None

    def server_changed(self, server, was_up, now_ms):
        moved = 0
        if was_up and not server.is_up:
            moved = queue.redistribute(server) if server.backend.redispatch_after else 0
        elif not was_up and server.is_up:
            moved = queue.serve(server)
        self.moved.append((moved, len(server.queue)))
        return self.moved[-1]

    def sets(self, number: int, state: str) -> tuple[int, int]:
        transitions.set_admin(self.lab.backend.servers[number], state, self.lab.now_ms, self)
        return self.moved[-1]


def busy(servers: int = 1, cookies: bool = False, **settings: str) -> Lab:
    lab = Lab(servers=servers, **settings)
    for server in lab.backend.servers:
        server.maxconn = 1
        server.cookie = server.name.encode()
    if cookies:
        lab.backend.cookie = CookiePolicy("C", mode="insert")
    return lab


def ask(lab: Lab, *fields: str) -> FakeLink:
    client = lab.client()
    client.sends(get("/", *fields))
    return client


def gives_up(lab: Lab, client: FakeLink) -> None:
    """The client goes, and is not served any more."""
    lab.backend.abortonclose = True
    client.breaks()


def test_positions_count_who_is_served_before():
    lab = busy()
    clients = [ask(lab) for _ in range(4)]
    for _ in clients:
        lab.attempt().accepted().sends(ok(b"", "connection: close"))
    records = lab.records()
    assert [(record.server_queue, record.backend_queue) for record in records] == [(0, 0), (0, 1), (0, 2), (0, 3)]
    assert lab.counted(lab.backend)["lbtot"] == 1, "who was queued was not balanced"
    for client in clients:
        client.ends()
    lab.assert_at_rest()


def test_who_is_bound_by_a_cookie_waits_for_that_server_and_is_logged_with_it():
    lab = busy(2, cookies=True)
    lab.backend.timeout_queue_ms = 200
    first, second = ask(lab, "cookie: C=s0"), ask(lab, "cookie: C=s0")
    lab.advance(220)
    assert second.received().startswith(b"HTTP/1.1 503 ")
    record = lab.records()[0]
    assert (record.termination, record.server_name, record.server_queue) == (b"sQVN", "s0", 1)
    assert lab.counted(lab.server)["econ"] == 1
    gives_up(lab, first)
    second.ends()
    lab.assert_at_rest()


def test_a_hash_waits_for_its_server_and_was_balanced():
    lab = busy(2, algorithm="source")
    lab.backend.timeout_queue_ms = 200
    first, second = ask(lab), ask(lab)
    assert len(lab.asked) == 1
    lab.advance(220)
    record = lab.records()[0]
    assert (record.termination, record.server is not None, record.server_queue) == (b"sQ--", True, 1)
    assert lab.counted(lab.backend)["lbtot"] == 2
    gives_up(lab, first)
    second.ends()
    lab.assert_at_rest()


@pytest.mark.parametrize("redispatch", [False, True])
def test_a_full_queue(redispatch):
    lab = busy(2, cookies=True)
    lab.backend.redispatch_after = -1 if redispatch else 0
    lab.server.maxqueue = 1
    clients = [ask(lab, "cookie: C=s0") for _ in range(3)]
    if redispatch:
        assert [attempt.server.name for attempt in lab.asked] == ["s0", "s1"]
        lab.attempts[1].accepted().sends(ok())
        record = lab.records()[0]
        assert (record.termination, record.redispatched, record.retries) == (b"--DI", True, 0)
        assert lab.counted(lab.server)["wredis"] == 1
    else:
        assert clients[2].received().startswith(b"HTTP/1.1 503 ")
        assert lab.logged() == (b"SQVN", 503)
    for client in clients:
        gives_up(lab, client)
    lab.advance(10_000)
    lab.assert_at_rest()


def test_a_server_that_goes_down_keeps_who_is_bound_to_it_unless_redispatch():
    lab = busy(2, cookies=True)
    farmhand = Farmhand(lab)
    first, second = ask(lab, "cookie: C=s0"), ask(lab, "cookie: C=s0")
    server = lab.attempt().accepted()
    assert farmhand.sets(0, "maint") == (0, 1)
    assert not lab.asked
    server.sends(ok())
    assert lab.asked[0].server.name == "s0", "it may be the only one that knows this client"
    first.ends()
    gives_up(lab, second)
    lab.assert_at_rest()


def test_a_server_that_goes_down_with_redispatch_gives_its_queue_away():
    lab = busy(2, cookies=True)
    lab.backend.redispatch_after = -1
    farmhand = Farmhand(lab)
    first, second = ask(lab, "cookie: C=s0"), ask(lab, "cookie: C=s0")
    lab.attempt().accepted()
    assert farmhand.sets(0, "maint") == (1, 0)
    attempt = lab.attempt()
    assert attempt.server.name == "s1"
    attempt.accepted().sends(ok())
    assert b"set-cookie: C=s1" in second.received()
    record = lab.records()[0]
    assert (record.termination, record.redispatched, record.server_queue) == (b"--DI", True, 1)
    gives_up(lab, first)
    second.ends()
    lab.advance(10_000)
    lab.assert_at_rest()


def test_a_server_that_comes_up_takes_from_the_line():
    lab = busy(2)
    farmhand = Farmhand(lab)
    farmhand.sets(1, "maint")
    clients = [ask(lab) for _ in range(3)]
    assert [attempt.server.name for attempt in lab.asked] == ["s0"]
    assert farmhand.sets(1, "ready") == (1, 0)
    assert [attempt.server.name for attempt in lab.asked] == ["s0", "s1"]
    for client in clients:
        gives_up(lab, client)
    lab.assert_at_rest()


def test_who_waits_when_the_last_server_goes_waits_for_one_to_come_back():
    lab = busy()
    lab.backend.timeout_queue_ms = 1_000
    farmhand = Farmhand(lab)
    first, second, third = ask(lab), ask(lab), ask(lab)
    farmhand.sets(0, "maint")
    assert ask(lab).received().startswith(b"HTTP/1.1 503 "), "who comes now has nobody to wait for"
    gives_up(lab, first)
    assert len(lab.backend.queue) == 2, "a server in maintenance takes nobody new"
    farmhand.sets(0, "ready")
    lab.attempts[-1].accepted().sends(ok())
    assert second.received().startswith(b"HTTP/1.1 200 ")
    for client in (second, third, *[link for link in lab.links if not link.closed]):
        gives_up(lab, client)
    lab.advance(10_000)
    lab.assert_at_rest()


def test_a_dynamic_limit_grows_with_the_load_of_the_backend():
    lab = Lab(servers=2)
    lab.backend.fullconn = 10
    for server in lab.backend.servers:
        server.minconn, server.maxconn = 1, 10
    clients = [ask(lab) for _ in range(2)]
    assert len(lab.asked) == 2
    clients.append(ask(lab))
    assert len(lab.asked) == 3 or len(lab.backend.queue) == 1
    clients += [ask(lab) for _ in range(20)]
    assert all(server.served <= server.dynamic_maxconn() for server in lab.backend.servers)
    for client in clients:
        gives_up(lab, client)
    lab.advance(10_000)
    lab.assert_at_rest()


@pytest.mark.parametrize(("queue_ms", "client_ms", "letters"), [(500, 300, b"cQ--"), (200, 300, b"sQ--"), (0, 300, b"cQ--")])
def test_a_tcp_client_waits_no_longer_than_it_may_be_silent(queue_ms, client_ms, letters):
    lab = Lab(mode="tcp")
    lab.server.maxconn = 1
    lab.backend.timeout_queue_ms, lab.backend.timeout_connect_ms = queue_ms, 0
    lab.backend.timeout_tunnel_ms, lab.frontend.timeout_client_ms = 60_000, client_ms
    first, second = lab.client(), lab.client()
    server = lab.attempt().accepted()
    lab.advance(150)
    second.sends(b"I am here")
    lab.advance(min(queue_ms or client_ms, client_ms) - 160)
    assert not second.closed
    lab.advance(client_ms)
    assert second.closed
    assert lab.logged() == (letters, 0)
    first.ends()
    server.ends()
    lab.assert_at_rest()


def test_a_tcp_client_that_is_silent_while_its_server_is_tried():
    lab = Lab(mode="tcp")
    lab.frontend.timeout_client_ms = 300
    lab.backend.timeout_connect_ms = 0
    client = lab.client()
    lab.attempt().refused()
    lab.advance(320)
    assert client.closed
    assert lab.logged() == (b"cC--", 0)
    lab.assert_at_rest()
