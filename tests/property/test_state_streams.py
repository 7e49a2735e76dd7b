"""Sessions, streams, slots and lines in any order of events, over the virtual clock (tests/scenario/playbook.py).

After each event: no slot is held twice or lost, nobody waits for what is free, gauges say what is there. When all have gone: each
connection has left its lines, one for each request or TCP session, with one termination state each; and counters add up to them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from proxy.core import queue
from proxy.core.balance import Balancer, Farm
from proxy.core.cookies import CookiePolicy
from proxy.core.proxy_protocol import encode_v1
from proxy.core.stream import failure
from proxy.core.stream.failure import Failure
from proxy.runtime import transitions
from proxy.runtime.backend import Backend
from proxy.runtime.cells import CELL_NAMES, QCUR, SCUR
from proxy.runtime.frontend import Frontend
from proxy.runtime.log import LogRecord
from proxy.runtime.server import Server
from tests.corpus.http1 import strict
from tests.scenario.playbook import FakeLink, Journal, Lab

STEPS = 60
ALGORITHMS = ["roundrobin", "leastconn", "source", "first"]
CLOCK_STEP_MS = 16
MOST_CLIENTS = 6
CLIENT, HERE = "10.1.1.1", ("10.0.0.1", 80)
REQUESTS = (
    b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /%d HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
    b"HEAD /%d HTTP/1.1\r\nhost: a\r\n\r\n",
    b"POST /%d HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello",
    b"POST /%d HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"PUT /%d HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\nhello",
    b"GET /%d HTTP/1.1\r\nhost: a\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    b"CONNECT a:80 HTTP/1.1\r\nhost: a\r\nx-n: %d\r\n\r\n",
    b"GET /%d HTTP/1.1\r\nhost: a\r\ncookie: C=s0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nhost: a\r\nmax-forwards: 0\r\nx-n: %d\r\n\r\n",
    b"POST /%d HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nrubbish\r\n",
    b"rubbish %d\r\n\r\n",
)
BOUND = REQUESTS[8]
RESPONSES = (
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 204 No\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 101 Now\r\nupgrade: x\r\nconnection: upgrade\r\n\r\ntunnelled",
    b"HTTP/1.0 200 OK\r\n\r\nold",
    b"rubbish\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
)
RETRIED = frozenset({"conn-failure", "empty-response", "junk-response", "response-timeout", "503"})
STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9]) ")
STATUS_CELLS = ("hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other")
TERMINATIONS = {row.termination for row in vars(failure).values() if isinstance(row, Failure)} | {
    row.termination for later in failure._LATER.values() for row in later} | {b"--", b"LR", b"D-", b"K-", b"U-"}
FRONT = st.fixed_dictionaries({
    "timeout_client_ms": st.sampled_from([3_000, 3_000, 200]), "timeout_client_fin_ms": st.sampled_from([0, 150]),
    "timeout_http_request_ms": st.sampled_from([0, 500]), "timeout_http_keep_alive_ms": st.sampled_from([0, 400]),
    "connection_mode": st.sampled_from(["keep-alive", "keep-alive", "close", "server-close"]), "logasap": st.booleans(),
})
BACK = st.fixed_dictionaries({
    "timeout_server_ms": st.sampled_from([3_000, 3_000, 200]), "timeout_server_fin_ms": st.sampled_from([0, 150]),
    "timeout_queue_ms": st.sampled_from([0, 300]), "timeout_connect_ms": st.sampled_from([100, 2_000]),
    "timeout_tunnel_ms": st.sampled_from([0, 700]), "abortonclose": st.booleans(), "retries": st.integers(0, 3),
    "redispatch_after": st.sampled_from([0, -1, 1, 2]), "http_reuse": st.sampled_from(["safe", "always", "never", "aggressive"]),
    "retry_on": st.sampled_from([frozenset({"conn-failure"}), RETRIED]),
})
SERVER = st.fixed_dictionaries({
    "maxconn": st.sampled_from([1, 1, 1, 2, 0]), "maxqueue": st.sampled_from([0, 0, 1]),
    "max_reuse": st.sampled_from([-1, -1, -1, 2, 0]),
    "is_backup": st.sampled_from([False, False, False, True]), "on_marked_down": st.sampled_from(["", "shutdown-sessions"]),
})
ONE_OF_MANY = st.integers(0, 1 << 10)


class Lines(Journal):
    """A log that keeps those apart who never were a session."""

    def __init__(self) -> None:
        Journal.__init__(self)
        self.refused: list[LogRecord] = []

    def refusal(self, record: LogRecord, cause: str) -> None:
        self.refused.append(record)


def cells(place: Frontend | Backend | Server) -> dict[str, int]:
    row = place.counters
    return {name: row[number] for number, name in enumerate(CELL_NAMES)}


class Holding(Balancer):
    """A balancer that notes what it is told of slots."""

    def __init__(self, inner: Balancer) -> None:
        Balancer.__init__(self, inner.algorithm)
        self.needs_key = inner.needs_key
        self.inner = inner
        self.held: Counter[Server] = Counter()

    def rebuild(self, servers: Sequence[Server]) -> None:
        self.inner.rebuild(servers)

    def pick(self, key: int | None, avoid: Server | None) -> Server | None:
        return self.inner.pick(key, avoid)

    def key(self, head: Any, client_address: bytes) -> int | None:
        return self.inner.key(head, client_address)

    def opened(self, server: Server) -> None:
        self.held[server] += 1
        self.inner.opened(server)

    def closed(self, server: Server) -> None:
        self.held[server] -= 1
        self.inner.closed(server)


class Streams(RuleBasedStateMachine):
    """A frontend and its backend; clients, servers and an administrator that do what they like."""

    @initialize(is_http=st.sampled_from([True, True, False]), has_cookies=st.booleans(),
                takes_proxy=st.sampled_from([False, False, False, False, True]), algorithm=st.sampled_from(ALGORITHMS),
                front=FRONT, back=BACK, servers=st.lists(SERVER, min_size=1, max_size=2))
    def configure(self, is_http: bool, takes_proxy: bool, has_cookies: bool, algorithm: str, front: dict[str, Any],
                  back: dict[str, Any], servers: list[dict[str, Any]]) -> None:
        self.lab = lab = Lab(len(servers), "http" if is_http else "tcp", algorithm)
        for place, values in ((lab.frontend, front), (lab.backend, back), *zip(lab.backend.servers, servers, strict=True)):
            for name, value in values.items():
                setattr(place, name, value)
        lab.backend.retries_l7 = len(lab.backend.retry_on) > 1
        lab.listener.accept_proxy = takes_proxy
        self.balancer = lab.backend.balancer = Holding(lab.backend.balancer)
        lab.backend.farm = Farm(lab.backend)
        if has_cookies:
            lab.backend.cookie = CookiePolicy("C", mode="insert")
            for server in lab.backend.servers:
                server.cookie = server.name.encode()
            lab.backend.farm.changed()
        self.lines = lab.log = lab.frontend.log = Lines()
        self.is_http = is_http
        self.clients: list[FakeLink] = []
        self.ports: dict[FakeLink, int] = {}
        self.told: dict[int, bytearray] = {}            # by the client's port: all that it has received
        self.servers: list[FakeLink] = []
        self.server_of: dict[FakeLink, Server] = {}
        self.to_say: dict[FakeLink, bytes] = {}         # what a client has still to send
        self.number = 0

    # what clients do

    @rule(header=st.sampled_from([b"", b"", b"rubbish\r\n", b"PROXY"]),
          request=st.sampled_from([b"", *REQUESTS[:5], BOUND, BOUND]))
    def client_comes(self, header: bytes, request: bytes) -> None:
        if len(self.of(self.clients)) < MOST_CLIENTS:
            port = 1_000 + len(self.ports)
            client = self.lab.client((CLIENT, port))
            self.clients.append(client)
            self.ports[client], self.told[port] = port, bytearray()
            self.to_say[client] = b""
            if self.lab.listener.accept_proxy:
                self.say(client, header or encode_v1((CLIENT, port), HERE), 1 << 10)
            if request and not client.closed:
                self.number += 1
                self.say(client, request % self.number, 1 << 10)

    @rule(which=ONE_OF_MANY, request=st.sampled_from(REQUESTS), size=st.sampled_from([1, 7, 1 << 10, 1 << 10]))
    def client_asks(self, which: int, request: bytes, size: int) -> None:
        client = self.some_client(which)
        if client is not None:
            self.number += 1
            self.say(client, request % self.number, size)

    @rule(which=ONE_OF_MANY, request=st.sampled_from(REQUESTS[:4]), response=st.sampled_from(RESPONSES[:3]))
    def client_is_answered(self, which: int, request: bytes, response: bytes) -> None:
        """A request and its answer, without anything in between."""
        if not self.lab.backend.active_count:
            self.server_state_is_set(which, "ready")
        client = self.some_client(which)
        if client is None or self.to_say[client]:
            return
        self.number += 1
        self.say(client, request % self.number, 1 << 10)
        self.server_accepts(which)
        for server in self.of(self.servers):
            if server.out and not server.peer_ended:
                server.received()
                server.sends(response)
                return

    def some_client(self, which: int) -> FakeLink | None:
        """One that is there, or else a new one."""
        if not self.of(self.clients):
            self.client_comes(b"", b"")
        return self.one(self.clients, which)

    @rule(which=ONE_OF_MANY)
    def client_says_the_rest(self, which: int) -> None:
        client = self.one(self.clients, which)
        if client is not None:
            self.say(client, b"", 1 << 10)

    def say(self, client: FakeLink, octets: bytes, size: int) -> None:
        octets = self.to_say[client] + octets
        self.to_say[client] = octets[size:]
        if octets and not client.peer_ended:
            client.sends(octets[:size])

    # what servers do

    @rule(which=ONE_OF_MANY, response=st.sampled_from(RESPONSES[:3]))
    def server_accepts_and_answers(self, which: int, response: bytes) -> None:
        before = len(self.servers)
        self.server_accepts(which)
        if len(self.servers) > before and not self.servers[-1].closed:
            self.servers[-1].sends(response)

    @rule(which=ONE_OF_MANY)
    def server_accepts(self, which: int) -> None:
        asked = self.lab.asked
        if asked:
            attempt = asked[which % len(asked)]
            self.servers.append(attempt.accepted())
            self.server_of[self.servers[-1]] = attempt.server

    @rule(which=ONE_OF_MANY, refuses=st.sampled_from([True, True, False]))
    def server_does_not_accept(self, which: int, refuses: bool) -> None:
        asked = self.lab.asked
        if asked:
            attempt = asked[which % len(asked)]
            attempt.refused() if refuses else attempt.starved()

    @rule(which=ONE_OF_MANY, is_noticed=st.sampled_from([False, False, True]))
    def server_crashes(self, which: int, is_noticed: bool) -> None:
        """It refuses, its connections break, and then a check may find out."""
        number = which % len(self.lab.backend.servers)
        server = self.lab.backend.servers[number]
        for attempt in [attempt for attempt in self.lab.asked if attempt.server is server]:
            if not attempt.is_over:
                attempt.refused()
        for link in self.of(self.servers):
            if self.server_of[link] is server and not link.closed:
                link.breaks()
        if is_noticed:
            self.server_state_is_set(number, "maint")

    @rule(which=ONE_OF_MANY, response=st.sampled_from(RESPONSES), cut=st.sampled_from([0, 0, 0, 1, 20]), rest=st.booleans())
    def server_answers(self, which: int, response: bytes, cut: int, rest: bool) -> None:
        if not any(server.out for server in self.of(self.servers)):
            self.server_accepts(which)
        asked = [server for server in self.of(self.servers) if server.out] or self.servers
        server = self.one(asked, which)
        if server is None or server.peer_ended:
            return
        server.received()
        server.sends(response[:cut or len(response)])
        if cut and rest and not server.closed:
            server.sends(response[cut:])

    # what both do

    @rule(which=ONE_OF_MANY, is_client=st.booleans(), gently=st.booleans())
    def peer_leaves(self, which: int, is_client: bool, gently: bool) -> None:
        link = self.one(self.clients if is_client else self.servers, which)
        if link is not None and not gently:
            link.breaks()
        elif link is not None and not link.peer_ended:
            link.ends()

    @rule(which=ONE_OF_MANY, is_client=st.booleans(), room=st.sampled_from([0, 1, 40, 1 << 30]))
    def peer_reads_so_much(self, which: int, is_client: bool, room: int) -> None:
        link = self.one(self.clients if is_client else self.servers, which)
        if link is not None:
            link.takes(room)

    @rule(milliseconds=st.sampled_from([1, 1, 10, 10, 90, 300, 1_100, 4_000]))
    def time_passes(self, milliseconds: int) -> None:
        self.lab.advance(milliseconds)

    # what an administrator does

    @rule(which=ONE_OF_MANY, state=st.sampled_from(["maint", "drain", "ready", "ready", "ready"]))
    def server_state_is_set(self, which: int, state: str) -> None:
        servers = self.lab.backend.servers
        transitions.set_admin(servers[which % len(servers)], state, self.lab.now_ms, self)
        self.lab.settle()

    @rule(which=ONE_OF_MANY)
    def sessions_of_a_server_are_shut(self, which: int) -> None:
        servers = self.lab.backend.servers
        self.shut_sessions(servers[which % len(servers)], failure.KILLED)
        self.lab.settle()

    # the worker's part of it: what follows from a change of a server (engine.worker)

    def server_event(self, server: Server, level: str, text: str) -> None:
        """Nobody reads it."""

    def backend_event(self, backend: Backend, level: str, text: str) -> None:
        """Nobody reads it."""

    def server_changed(self, server: Server, was_up: bool, now_ms: int) -> tuple[int, int]:
        backend, moved = server.backend, 0
        if was_up and not server.is_up:
            server.idle.clear()
            if server.on_marked_down:
                self.lab.soon(partial(self.shut_sessions, server, failure.SERVER_WENT_DOWN))
            moved = queue.redistribute(server) if backend.redispatch_after else 0
            assert not (backend.redispatch_after and server.queue)
        elif not was_up and server.is_up:
            moved = queue.serve(server)
        for each in backend.servers:
            if backend.queue and each.is_usable:
                queue.serve(each)
        return moved, len(server.queue)

    def shut_sessions(self, server: Server, why: Failure) -> None:
        for session in [session for session in self.lab.sessions if session.is_on(server)]:
            if not session.closed:
                session.shut(why)

    # laws

    def of(self, links: list[FakeLink]) -> list[FakeLink]:
        """Those that are open."""
        links[:] = [link for link in links if not link.closed]
        return links

    def one(self, links: list[FakeLink], which: int) -> FakeLink | None:
        alive = self.of(links)
        return alive[which % len(alive)] if alive else None

    @invariant()
    def nothing_is_broken(self) -> None:
        if self.lab.broken_ones:
            raise self.lab.broken_ones[0]
        for link, port in self.ports.items():
            self.told[port] += link.received()

    @invariant()
    def slots_are_held_once(self) -> None:
        lab, backend = self.lab, self.lab.backend
        assert backend.served == sum(server.served for server in backend.servers) <= backend.sessions
        assert lab.frontend.served == lab.listener.served == lab.process.served == len(lab.sessions) == len(self.of(self.clients))
        waiting = len(backend.queue) + sum(len(server.queue) for server in backend.servers)
        assert backend.served + waiting == backend.sessions
        for server in backend.servers:
            held = [session for session in lab.sessions if session.is_on(server)]
            assert server.served == len(held) == self.balancer.held[server]
            assert not server.maxconn or server.served <= server.maxconn
            assert not server.maxqueue or len(server.queue) <= server.maxqueue

    @invariant()
    def nobody_waits_for_what_is_free(self) -> None:
        backend = self.lab.backend
        for server in backend.servers:
            is_free = not server.maxconn or server.served < server.maxconn
            assert not (is_free and server.queue)
            assert not (is_free and server.is_usable and self.may_be_given(server) and backend.queue)

    @invariant()
    def nobody_waits_for_ever(self) -> None:
        backend = self.lab.backend
        patience_ms = backend.timeout_queue_ms or backend.timeout_connect_ms
        for place in (backend, *backend.servers):
            since_ms = cells(place)["queue_head_ms"]
            assert bool(since_ms) == bool(place.queue)
            assert not since_ms or self.lab.now_ms - since_ms <= patience_ms + CLOCK_STEP_MS

    def may_be_given(self, server: Server) -> bool:
        return not server.is_backup or not self.lab.backend.active_count

    @invariant()
    def gauges_say_what_is_there(self) -> None:
        lab, backend = self.lab, self.lab.backend
        assert (lab.frontend.counters[SCUR], lab.listener.counters[SCUR]) == (lab.frontend.served, lab.listener.served)
        assert (backend.counters[SCUR], backend.counters[QCUR]) == (backend.sessions, len(backend.queue))
        kept = 0
        for server in backend.servers:
            row = cells(server)
            assert (row["scur"], row["qcur"]) == (server.served, len(server.queue))
            mine = sum(link in self.server_of and self.server_of[link] is server for link in self.of(self.servers))
            mine += sum(attempt.server is server for attempt in lab.asked)
            known = row["used_cur"] + row["idle_cur"] + row["safe_cur"]
            assert row["idle_cur"] + row["safe_cur"] == len(server.idle.connections)
            assert mine >= known if backend.http_reuse == "never" else mine == known
            kept += mine
        if self.is_http:
            assert cells(backend)["h1_open_connections"] == kept

    # the end

    def teardown(self) -> None:
        if not hasattr(self, "lab"):
            return
        for link in self.of(self.clients):
            link.breaks()
        for _ in range(30):
            while self.lab.asked:
                self.lab.asked[0].refused()
            self.lab.advance(1_100)
        self.nothing_is_broken()
        self.lab.assert_at_rest()
        records = self.lab.records()
        self.lines_are_complete(records)
        self.counters_add_up(records)

    def lines_are_complete(self, records: list[LogRecord]) -> None:
        """Each connection left one line for each of its requests, and told the client no other status."""
        refused = self.lines.refused
        by_port = {port: [record for record in records + refused if record.client_port == port] for port in self.told}
        assert sum(map(len, by_port.values())) == len(records) + len(refused)
        numbers = [record.request_counter for record in records]
        assert len(set(numbers)) == len(numbers), "two lines for one request"
        for record in records:
            assert record.termination[:2] in TERMINATIONS, record.termination
            assert len(record.termination) == 4
        for port, mine in by_port.items():
            assert mine, "a connection without a line"
            if not self.is_http or mine[0] in refused:
                assert len(mine) == 1
                continue
            self.answers_are_logged(bytes(self.told[port]), mine)

    def answers_are_logged(self, told: bytes, records: list[LogRecord]) -> None:
        """What a client got is one response after the other, those of the lines, in their order; the last may be cut."""
        rest, at = iter(records), 0
        while status_line := STATUS.match(told, at):
            status = int(status_line[1])
            is_interim = 100 <= status < 200 and status != 101
            method = b"GET"
            if not is_interim:
                record = next((record for record in rest if record.status == status), None)
                assert record is not None, "an answer that no line tells of, or in another order"
                method = record.method
            if status == 101 or (method == b"CONNECT" and status < 300):
                return
            try:
                _, at = strict.response(told, at, method, True)
            except strict.Incomplete:
                return
        assert b"HTTP/1.1 200".startswith(told[at:at + 12]) or not told[at:], told[at:]

    def counters_add_up(self, records: list[LogRecord]) -> None:
        lab = self.lab
        front, back, listener = cells(lab.frontend), cells(lab.backend), cells(lab.listener)
        servers = list(map(cells, lab.backend.servers))
        assert front["conn_tot"] == listener["stot"] == len(self.told)
        assert front["stot"] == len(self.told) - len(self.lines.refused)
        for name in ("lbtot", "wretr", "wredis", "connect", "reuse", "bin", "bout"):
            if name not in ("bin", "bout", "wretr"):
                assert back[name] == sum(row[name] for row in servers), name
            else:
                assert back[name] >= sum(row[name] for row in servers), name
        for name in ("econ", "eresp", "cli_abrt", "srv_abrt"):
            assert back[name] >= sum(row[name] for row in servers), name
        for server, row in zip(lab.backend.servers, servers, strict=True):
            assert row["connect"] == sum(attempt.server is server for attempt in lab.all_attempts)
            assert row["stot"] == row["connect"] + row["reuse"]
        assert (front["bin"], front["bout"]) == (listener["bin"], listener["bout"])
        assert front["bout"] >= sum(map(len, self.told.values()))
        if self.is_http:
            self.statuses_add_up(records, front, back)
        else:
            assert back["stot"] == len(records)
            if not lab.frontend.logasap:
                assert front["bout"] == sum(record.octets_out for record in records)
                assert front["bin"] == sum(record.octets_in for record in records)

    def statuses_add_up(self, records: list[LogRecord], front: dict[str, int], back: dict[str, int]) -> None:
        kinds = Counter(STATUS_CELLS[record.status // 100 - 1 if 100 <= record.status < 600 else 5] for record in records)
        if not self.lab.frontend.logasap:
            assert {name: front[name] for name in STATUS_CELLS if front[name]} == kinds
        else:
            assert sum(front[name] for name in STATUS_CELLS) == len(records)
        passed_on = [record for record in records if record.backend is not None]
        assert sum(back[name] for name in STATUS_CELLS) == back["req_tot"] == len(passed_on)
        assert 0 <= front["req_tot"] - len(records) <= back["reuse"], "a request without a line"     # but see HttpEnd.abandon
        assert front["req_tot"] - len(records) == back["stot"] - len(passed_on)


def test_streams() -> None:
    run_state_machine_as_test(Streams, settings=settings(stateful_step_count=STEPS))
