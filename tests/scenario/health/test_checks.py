"""Checks from their first to their last, with a virtual clock and scripted servers."""

from __future__ import annotations

import errno
import socket
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from proxy.health import scheduler
from proxy.health.checks import TICK_CHECKS_MAX
from proxy.health.probe_io import LINGER_NONE
from proxy.health.readiness import PEER_CLOSED, READ, WRITE, LoopReadiness
from proxy.runtime import transitions
from proxy.runtime.cells import CHKDOWN, CHKFAIL, INDEX
from proxy.runtime.check_plan import CheckPlan, ConnectStep, ExpectStep, SendStep
from proxy.runtime.states import Admin, Operational
from proxy.runtime.status_text import check_state_bits, status

SEND = SendStep(b"OPTIONS / HTTP/1.0\r\n\r\n", b"OPTIONS")
HTTP = CheckPlan(inter_ms=2000, steps=(SEND,))
H1_COLUMNS = ("h1_open_connections", "h1_open_streams", "h1_total_connections", "h1_total_streams", "h1_bytes_in", "h1_bytes_out")
WANT_X = CheckPlan(steps=(SEND, ExpectStep(content=b"x", error_status="L7RSP", timeout_status="L6TOUT")))
SHORT = CheckPlan(inter_ms=500, connect_timeout_ms=3000, timeout_ms=200)
NO_PORT_LEFT = "Out of local source ports on the system (Cannot assign requested address)"
LEFT = "0 sessions active, 0 requeued, 0 remaining in queue."
UP_WORDS = "0 sessions requeued, 0 total in queue."


def answer(code: int, reason: str = "X") -> bytes:
    return f"HTTP/1.0 {code} {reason}\r\n\r\n".encode()


def test_down_after_fall_and_up_after_rise(world: Any) -> None:
    server = world.server("s1", CheckPlan(), rise=2, fall=3)
    world.server("s2")
    world.start()
    world.answer(server)
    assert world.run(2000) == []
    assert (server.check_result.status, server.health, status(server).word) == ("L4OK", 4, "UP")
    world.answer(server, "refuse")
    seen = []
    for _ in range(2):
        assert world.run(2000) == []
        seen.append(status(server).word)
    assert seen == ["UP 2/3", "UP 1/3"]
    assert world.run(2000) == [
        'alert: Server app/s1 is DOWN, reason: Layer4 connection problem, info: "Connection refused", check duration: 0ms. '
        f"1 active and 0 backup servers left. {LEFT}"
    ]
    assert (server.counters[CHKFAIL], server.counters[CHKDOWN], status(server).word) == (3, 1, "DOWN")
    world.run(6000)
    assert server.counters[CHKFAIL] == 3
    world.answer(server)
    assert world.run(2000) == []
    assert status(server).word == "DOWN 1/2"
    assert world.run(2000) == [
        "notice: Server app/s1 is UP, reason: Layer4 check passed, check duration: 0ms. "
        f"2 active and 0 backup servers online. {UP_WORDS}"
    ]
    assert status(server).word == "UP"


def test_one_failure_at_the_start_is_enough(world: Any) -> None:
    server = world.server("s1", CheckPlan(), rise=2, fall=3)
    world.start()
    lines = world.run(2000)
    assert server.operational is Operational.STOPPED
    assert lines[1] == "emerg: backend app has no server available!"


def test_first_checks_are_spread_over_the_interval(world: Any) -> None:
    for number in range(4):
        world.answer(world.server(f"s{number}", CheckPlan(inter_ms=2000)))
    began = world.now_ms
    world.start()
    world.run(1999)
    starts = [at - began for at, _ in world.attempts]
    assert len(starts) == 4
    for wanted, real in zip((0, 500, 1000, 1500), starts, strict=True):
        assert wanted <= real <= wanted + 16


def test_first_checks_respect_max_spread_and_short_intervals(world: Any) -> None:
    for number in range(4):
        world.answer(world.server(f"s{number}", CheckPlan(inter_ms=60_000)))
    began = world.now_ms
    world.start(max_spread_ms=400)
    world.run(500)
    assert len(world.attempts) == 4
    assert world.attempts[-1][0] - began >= 300


def test_intervals_follow_the_state(world: Any) -> None:
    server = world.server("s1", CheckPlan(inter_ms=10_000, fastinter_ms=1000, downinter_ms=5000), rise=2, fall=3)
    world.answer(server)
    world.start()
    world.run(100)
    del world.attempts[:]
    world.answer(server, "refuse")
    began = world.now_ms
    world.run(10_000)
    world.run(22_000)
    gaps = [round((at - began) / 1000) for at, _ in world.attempts]
    assert gaps == [10, 11, 12, 17, 22, 27, 32]
    world.answer(server)
    began = world.now_ms
    world.run(18_000)
    gaps = [round((at - began) / 1000) for at, _ in world.attempts[len(gaps):]]
    assert gaps == [5, 6, 16]


def test_spread_checks_moves_the_interval_by_chance(world: Any) -> None:
    server = world.server("s1", CheckPlan(inter_ms=1000))
    world.answer(server)
    world.random = lambda: 0.999999
    world.start(spread_percent=50)
    world.run(4600)
    assert len(world.attempts) == 4         # at 0, 1.5, 3 and 4.5 s


def test_servers_in_maintenance_are_not_checked_and_return(world: Any) -> None:
    server = world.server("s1", CheckPlan(inter_ms=1000), rise=2, fall=3)
    world.answer(server)
    checks = world.start()
    world.run(500)
    transitions.set_admin(server, "maint", world.now_ms, world)
    del world.attempts[:]
    world.run(5000)
    assert world.attempts == []
    assert check_state_bits(server) == 14
    transitions.set_admin(server, "ready", world.now_ms, world)
    assert status(server).word == "UP 1/3"
    checks.wake(server)
    world.run(20)
    assert len(world.attempts) == 1
    assert status(server).word == "UP"


def test_a_change_brings_no_check_forward_that_was_not_left_out(world: Any) -> None:
    server = world.server("s1", CheckPlan(inter_ms=10_000))
    world.answer(server)
    checks = world.start()
    world.run(100)
    del world.attempts[:]
    checks.wake(server)
    world.run(5000)
    assert world.attempts == []
    transitions.set_admin(server, "maint", world.now_ms, world)
    world.run(10_000)
    checks.wake(server)
    world.run(100)
    assert world.attempts == []


def test_a_verdict_that_comes_during_maintenance_changes_nothing(world: Any) -> None:
    server = world.server("s1", HTTP)
    world.answer(server, "hang")
    world.start()
    world.run(100)
    assert server.check_result.shown_status == "* INI"
    assert check_state_bits(server) == 7
    transitions.set_admin(server, "maint", world.now_ms, world)
    told = len(world.lines)
    world.run(3000)
    assert len(world.lines) == told
    assert (server.operational, server.admin) == (Operational.STOPPED, Admin.FMAINT)


def test_disabled_checks_leave_the_state_alone(world: Any) -> None:
    server = world.server("s1", CheckPlan(inter_ms=1000))
    world.answer(server)
    world.start()
    world.run(500)
    transitions.set_check_enabled(server, False)
    world.answer(server, "refuse")
    assert world.run(10_000) == []
    assert status(server).word == "no check"
    transitions.set_check_enabled(server, True)
    assert len(world.run(10_000)) == 2


def test_tracked_servers_follow(world: Any) -> None:
    server = world.server("s1", CheckPlan(inter_ms=1000), fall=2)
    follower = world.server("t1", CheckPlan(), backend="tr", track=server)
    world.answer(server)
    world.start()
    world.run(100)
    world.answer(server, "refuse")
    lines = world.run(2100)
    assert [line.split(".")[0] for line in lines] == [
        'alert: Server app/s1 is DOWN, reason: Layer4 connection problem, info: "Connection refused", check duration: 0ms',
        "emerg: backend app has no server available!",
        "alert: Server tr/t1 is DOWN via app/s1",
        "emerg: backend tr has no server available!",
    ]
    assert {sockaddr for _, sockaddr in world.attempts} == {("10.0.0.1", 80)}
    assert follower.operational is Operational.STOPPED


def test_log_health_checks_tells_every_change_once(world: Any) -> None:
    server = world.server("s1", CheckPlan(inter_ms=1000, steps=(SEND,), log_health_checks=True), rise=2, fall=2)
    world.answer(server, answer(200, "OK"))
    world.start()
    assert world.run(3000) == [
        "notice: Health check for server app/s1 succeeded, reason: Layer7 check passed, code: 200, check duration: 0ms, "
        "status: 2/2 UP."
    ]
    world.answer(server, answer(503, 'A "b" c'))
    why = 'reason: Layer7 wrong status, code: 503, info: "A <22>b<22> c", check duration: 0ms'
    assert world.run(4000) == [
        f"notice: Health check for server app/s1 failed, {why}, status: 1/2 UP.",
        f"notice: Health check for server app/s1 failed, {why}, status: 0/2 DOWN.",
        f"alert: Server app/s1 is DOWN. 0 active and 0 backup servers left. {LEFT}",
        "emerg: backend app has no server available!",
    ]
    world.answer(server, answer(500))
    assert world.run(2000) == []
    server.user_weight = 0
    world.answer(server, answer(200, "OK"))
    passed = "reason: Layer7 check passed, code: 200, check duration: 0ms"
    assert world.run(3000)[:3] == [
        f"notice: Health check for server app/s1 succeeded, {passed}, status: 1/2 DOWN.",
        f"notice: Health check for server app/s1 succeeded, {passed}, status: 2/2 DRAIN.",
        f"notice: Server app/s1 is UP. 0 active and 0 backup servers online. {UP_WORDS}",
    ]


def test_backup_servers_are_named_so(world: Any) -> None:
    server = world.server("b1", CheckPlan(inter_ms=1000, log_health_checks=True), is_backup=True)
    world.answer(server)
    world.start()
    assert world.run(500)[0].startswith("notice: Health check for backup server app/b1 succeeded, reason: Layer4 check passed")


def test_404_stops_a_server_that_was_up_and_no_other(world: Any) -> None:
    plan = CheckPlan(inter_ms=1000, steps=(SEND,), disable_on_404=True)
    server = world.server("s1", plan, rise=2, fall=2)
    world.answer(server, answer(200))
    world.start()
    world.run(500)
    world.answer(server, answer(404, "Not Found"))
    assert world.run(2000) == [
        "notice: Server app/s1 is stopping, reason: Layer7 check conditionally passed, code: 404, check duration: 0ms. "
        f"0 active and 0 backup servers online. {UP_WORDS}",
        "emerg: backend app has no server available!",
    ]
    assert (status(server).word, server.weight_now, server.is_up) == ("NOLB", 0, True)
    world.answer(server, answer(503))
    world.run(1000)
    assert status(server).word == "NOLB 1/2"
    world.run(1000)
    assert status(server).word == "DOWN"
    world.answer(server, answer(404))
    world.run(5000)
    assert status(server).word == "DOWN"
    world.answer(server, answer(200))
    world.run(2000)
    assert status(server).word == "UP"


def test_slow_start_after_recovery(world: Any) -> None:
    server = world.server("s1", CheckPlan(inter_ms=1000), slowstart_ms=8000, configured_weight=10, rise=1, fall=1)
    world.start()
    world.run(1000)
    world.answer(server)
    lines = world.run(1000)
    assert lines[0].startswith("notice: Server app/s1 is UP, reason: Layer4 check passed")
    assert (server.operational, server.weight_now) == (Operational.STARTING, 10)
    weights = []
    for _ in range(4):
        world.run(2000)
        weights.append(server.weight_now)
    assert weights == sorted(weights)
    assert weights[0] in (30, 40, 50)
    assert world.run(1500) == [] or weights[-1] == 160
    assert (server.operational, server.weight_now) == (Operational.RUNNING, 160)
    assert world.lines[-1] == f"notice: Server app/s1 is UP. 1 active and 0 backup servers online. {UP_WORDS}"


def failing(world: Any, plan: CheckPlan, *pieces: Any) -> str:
    """The reason told when a server with this plan does that."""
    server = world.server("s1", plan, rise=1, fall=1)
    world.answer(server, *pieces)
    world.start()
    line = str(world.run(10_000)[0])
    return line.partition(" is DOWN, ")[2].partition(". 0 active")[0]


@pytest.mark.parametrize(("plan", "pieces", "why"), [
    (HTTP, ("refuse",), 'reason: Layer4 connection problem, info: "Connection refused", check duration: 0ms'),
    (HTTP, ("hang",), "reason: Layer4 timeout, check duration: 2005ms"),
    (CheckPlan(inter_ms=2000, connect_timeout_ms=300, timeout_ms=200, steps=(SEND,)), ("hang",),
     "reason: Layer4 timeout, check duration: 301ms"),
    (SHORT, ("hang",), "reason: Layer4 timeout, check duration: 503ms"),
    (HTTP, (), "reason: Layer7 timeout, check duration: 2005ms"),
    (CheckPlan(inter_ms=2000, connect_timeout_ms=300, timeout_ms=200, steps=(SEND,)), (),
     "reason: Layer7 timeout, check duration: 207ms"),
    (WANT_X, (b"HTTP/1.0 200 OK\r\n\r\nhel",),
     "reason: Layer6 timeout, check duration: 2005ms"),
    (HTTP, (b"",), "reason: Layer7 invalid response, check duration: 0ms"),
    (HTTP, (answer(503, "Service Unavailable"),),
     'reason: Layer7 wrong status, code: 503, info: "Service Unavailable", check duration: 0ms'),
    (HTTP, (OSError(errno.ECONNRESET, "x"),), 'reason: Socket error, info: "Connection reset by peer", check duration: 0ms'),
    (WANT_X, (b"HTTP/1.0 200 OK\r\n\r\nhel", b"lo", b""),
     'reason: Layer7 invalid response, info: "HTTP content check did not match", check duration: 0ms'),
    (HTTP, (errno.ECONNREFUSED,), 'reason: Layer4 connection problem, info: "Connection refused", check duration: 0ms'),
    (HTTP, (errno.ENETUNREACH,),
     'reason: Layer4 connection problem, info: "General socket error (Network is unreachable)", check duration: 0ms'),
    (HTTP, (errno.ENOENT,),
     'reason: Socket error, info: "General socket error (No such file or directory)", check duration: 0ms'),
    (HTTP, (errno.EADDRNOTAVAIL,),
     f'reason: Socket error, info: "{NO_PORT_LEFT}", check duration: 0ms'),
])
def test_reasons(world: Any, plan: CheckPlan, pieces: tuple[Any, ...], why: str) -> None:
    told = failing(world, plan, *pieces)
    before, _, duration = why.rpartition("duration: ")
    assert told.startswith(before)
    told_ms, wanted_ms = (int(text.rpartition("duration: ")[2].removesuffix("ms")) for text in (told, why))
    assert 0 <= told_ms - (wanted_ms // 100 * 100) <= 16, (told, duration)


def test_descriptor_exhaustion(world: Any) -> None:
    world.socket_error = OSError(errno.EMFILE, "x")
    assert failing(world, HTTP) == (
        'reason: Socket error, info: "Too many sockets on the process (Too many open files)", check duration: 0ms'
    )


def test_source_address_that_cannot_be_had(world: Any) -> None:
    server = world.server("s1", HTTP, source="bad")
    world.start()
    assert "Can't bind to source address" in world.run(2000)[0]
    server.source = ("10.0.0.9", 0)
    world.answer(server, answer(200))
    world.run(10_000)
    assert status(server).word == "UP"


def test_a_server_that_has_closed_is_left_without_a_reset(world: Any) -> None:
    """A reset is for those that would wait for us; who reads on until we close gets the end that he waits for."""
    server = world.server("s1", HTTP)
    world.answer(server, answer(200))
    checks = world.start()
    world.send_room = 0
    world.run(50)
    io = checks._by_server[server]._io
    world.send_room = None
    io._happened(WRITE)
    io._happened(READ | PEER_CLOSED)
    assert server.check_result.status == "L7OK"
    assert world.closed[-1].lingers is None


def test_the_handshake_is_not_acknowledged_for_its_own_sake(world: Any) -> None:
    """As HAProxy: behind a check of layer 4 no application wakes up."""
    tcp, local = world.server("s1", CheckPlan()), world.server("s2", CheckPlan())
    local.sockaddr, local.socket_family = "/run/x", socket.AF_UNIX
    world.answer(tcp)
    world.answer(local)
    world.start()
    world.run(2500)
    assert {tuple(sock.options) for sock in world.closed} == {((socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0),), ()}


def test_lateness_does_not_add_up(world: Any) -> None:
    servers = [world.server(f"s{number}", CheckPlan(inter_ms=100)) for number in range(3)]
    for server in servers:
        world.answer(server)
    world.start()
    world.run(60_000)
    starts = [at for at, sockaddr in world.attempts if sockaddr == servers[1].sockaddr]
    assert len(starts) in (600, 601)


def test_an_interval_lies_between_the_end_of_a_check_and_the_next(world: Any) -> None:
    server = world.server("s1", CheckPlan(inter_ms=1000, connect_timeout_ms=300, timeout_ms=300))
    world.answer(server, "hang")
    world.start()
    world.run(10_000)
    starts = [at for at, _ in world.attempts]
    assert all(1000 + 300 <= after - before <= 1000 + 300 + 24 for before, after in pairwise(starts))
    assert len(starts) == 8


def test_servers_checked_together_stay_together(world: Any) -> None:
    for number in range(400):
        world.answer(world.server(f"s{number}", CheckPlan(inter_ms=2000)))
    world.start()
    world.run(20_000)
    world.attempts.clear()
    world.run(2_000)
    assert len(world.attempts) == 400
    assert len({at for at, _ in world.attempts}) <= 400 // (scheduler.BUNCH_MS * 400 // 2000) + 1


def test_after_a_long_pause_the_traffic_does_not_wait_for_all_checks(world: Any) -> None:
    servers = [world.server(f"s{number}", CheckPlan(inter_ms=2000)) for number in range(1000)]
    for server in servers:
        world.answer(server)
    world.start()
    world.run(4000)
    world.now_ms += 3_600_000        # the machine slept
    world.attempts.clear()
    world.run(500)
    at_once = Counter(at for at, _ in world.attempts)
    assert len(world.attempts) >= 1000
    assert max(at_once.values()) <= TICK_CHECKS_MAX
    world.run(4000)
    assert all(status(server).word == "UP" for server in servers)
    assert world.lines == []


def test_an_answer_that_has_come_is_not_late(world: Any) -> None:
    class Looking(LoopReadiness):
        def look(self) -> None:
            world._network()

    server = world.server("s1", HTTP)
    world.answer(server, answer(200))
    checks = world.start(make_readiness=Looking)
    world.send_room = 0
    world.run(50)
    world.send_room = None
    world.now_ms += 60_000          # the process was held up; meanwhile the answer has come
    checks._tick()
    assert server.check_result.status == "L7OK"


def test_sockets_are_left_with_a_reset(world: Any) -> None:
    tcp, http = world.server("s1", CheckPlan()), world.server("s2", HTTP)
    world.answer(tcp)
    world.answer(http, answer(200))
    world.start()
    world.run(2500)
    assert {sock.lingers for sock in world.closed} == {LINGER_NONE}
    assert world.requests == [SEND.octets] * len(world.requests)


def test_server_that_speaks_first(world: Any) -> None:
    server = world.server("s1", HTTP)
    world.answer(server, answer(200))
    checks = world.start()
    io = checks._by_server[server]._io
    world.send_room = 0
    world.run(50)
    io._happened(READ | WRITE)      # connected, and the answer is there already: nobody will tell again
    io._happened(READ | WRITE)
    world.send_room = None
    io._happened(WRITE)
    assert server.check_result.status == "L7OK"


def test_request_that_does_not_fit_at_once(world: Any) -> None:
    server = world.server("s1", HTTP)
    world.send_room = 7
    world.answer(server, answer(200))
    world.start()
    world.run(500)
    assert world.requests[-1] == SEND.octets
    assert server.check_result.status == "L7OK"


@pytest.mark.parametrize(("version", "header"), [
    (1, b"PROXY TCP4 10.0.0.9 10.0.0.1 40000 80\r\n"), (2, b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"),
])
def test_proxy_header_goes_first(world: Any, version: int, header: bytes) -> None:
    server = world.server("s1", CheckPlan(send_proxy=version, steps=(SEND,)))
    world.answer(server, answer(200))
    world.start()
    world.run(500)
    assert world.requests[0] == header + SEND.octets


def test_proxy_header_of_a_tcp_check(world: Any) -> None:
    server = world.server("s1", CheckPlan(send_proxy=1))
    server.sockaddr = "/run/x"
    world.answer(server)
    world.start()
    world.run(500)
    assert world.requests == [b"PROXY UNKNOWN\r\n"]
    assert server.check_result.status == "L4OK"


def test_check_address_and_ports(world: Any) -> None:
    own = CheckPlan(family=10, sockaddr=("::1", 81, 0, 0))
    other_port = CheckPlan(port=8080)
    steps = (ConnectStep(8081), SEND, ExpectStep(statuses=((200, 200),)), ConnectStep(8082), SEND)
    for name, plan in (("s1", own), ("s2", other_port), ("s3", CheckPlan(port=8080, steps=steps))):
        world.server(name, plan)
    world.answers[("10.0.0.3", 8081)] = [answer(200)]
    world.start()
    world.run(1999)
    assert [sockaddr for _, sockaddr in world.attempts][:4] == [
        ("::1", 81, 0, 0), ("10.0.0.2", 8080), ("10.0.0.3", 8081), ("10.0.0.3", 8082),
    ]


def test_server_without_an_address_waits(world: Any) -> None:
    server = world.server("s1", HTTP, sockaddr=None)
    world.start()
    assert world.run(5000) == []
    assert world.attempts == []
    assert server.check_result.status == "INI"


def test_stop_leaves_nothing(world: Any) -> None:
    for number, pieces in enumerate((("hang",), (), ("refuse",))):
        world.answer(world.server(f"s{number}", HTTP), *pieces)
    checks = world.start()
    world.run(1900)
    told = len(world.lines)
    checks.stop()
    world.run(60_000)
    assert len(world.lines) == told
    checks.stop()
    checks.wake(world.process.backends[0].servers[0])


def test_nothing_to_check(world: Any) -> None:
    world.server("s1")
    world.start().stop()
    assert world.run(10_000) == []


def test_checks_in_http_are_traffic_of_the_backend(world: Any) -> None:
    server = world.server("s1", HTTP)
    counters = server.backend.counters
    world.answer(server, answer(200))
    world.start()
    world.run(500)
    sent, received = len(SEND.octets), len(answer(200))
    assert [counters[INDEX[name]] for name in H1_COLUMNS] == [0, 0, 1, 1, received, sent]


def test_checks_of_layer_4_are_no_traffic_in_http(world: Any) -> None:
    server = world.server("s1", CheckPlan(send_proxy=1))
    world.answer(server)
    world.start()
    world.run(500)
    assert [server.backend.counters[INDEX[name]] for name in H1_COLUMNS] == [0] * 6
