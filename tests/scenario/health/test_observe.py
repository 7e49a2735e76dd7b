"""Health seen in the traffic, with the texts and counts of the real HAProxy."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.core.stream import failure
from proxy.runtime import transitions
from proxy.runtime.cells import CHKFAIL, HANAFAIL
from proxy.runtime.check_plan import CheckPlan
from proxy.runtime.server import Server
from proxy.runtime.states import Operational
from proxy.runtime.status_text import status

LEFT = "0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue."


def observed(world: Any, plan: CheckPlan | None = None, **settings: Any) -> tuple[Server, Any]:
    """A server in full health whose checks pass, rarely."""
    wanted = {"observe": "layer7", "error_limit": 2, "rise": 2, "fall": 3, **settings}
    server = world.server("s1", plan or CheckPlan(inter_ms=3_600_000), **wanted)
    world.answer(server)
    checks = world.start()
    world.run(20)
    assert status(server).word == "UP"
    return server, checks


def test_two_errors_count_as_a_failed_check(world: Any) -> None:
    server, checks = observed(world, CheckPlan(inter_ms=3_600_000, log_health_checks=True))
    del world.lines[:]
    checks.server_answered(server, 500)
    assert (status(server).word, world.lines) == ("UP", [])
    checks.server_answered(server, 500)
    assert (status(server).word, server.check_result.status) == ("UP 2/3", "HANA")
    assert (server.counters[CHKFAIL], server.counters[HANAFAIL]) == (1, 1)
    for _ in range(4):
        checks.server_answered(server, 500)
    why = 'reason: Health analyze, info: "Detected 2 consecutive errors, last one was: Wrong http response"'
    assert world.lines == [
        f"notice: Health check for server app/s1 failed, {why}, status: 2/3 UP.",
        f"notice: Health check for server app/s1 failed, {why}, status: 1/3 UP.",
        f"notice: Health check for server app/s1 failed, {why}, status: 0/2 DOWN.",
        f"alert: Server app/s1 is DOWN. {LEFT}",
        "emerg: backend app has no server available!",
    ]
    assert server.check_result.number == 4


def test_mark_down_takes_the_server_out_at_once(world: Any) -> None:
    server, checks = observed(world, on_error="mark-down", on_marked_down="shutdown-sessions")
    checks.server_failed(server, failure.CONNECT_REFUSED)
    checks.server_failed(server, failure.CONNECT_TIMEOUT)
    assert world.lines[0] == (
        'alert: Server app/s1 is DOWN, reason: Health analyze, info: "Detected 2 consecutive errors, '
        f'last one was: L4 unsuccessful connection". {LEFT}'
    )
    assert world.changed == [("s1", True)]
    checks.server_failed(server, failure.CONNECT_REFUSED)
    assert server.consecutive_errors == 0


@pytest.mark.parametrize(("why", "text"), [
    (failure.RESPONSE_BAD, "Invalid http response (headers)"),
    (failure.RESPONSE_EMPTY, "Close from server (http)"),
    (failure.RESPONSE_TIMEOUT, "Read timeout (http)"),
    (failure.RESPONSE_RESET, "Read error (http)"),
])
def test_texts(world: Any, why: failure.Failure, text: str) -> None:
    server, checks = observed(world, on_error="mark-down", error_limit=1)
    checks.server_failed(server, why)
    assert f'info: "Detected 1 consecutive errors, last one was: {text}".' in world.lines[0]


def test_sudden_death_leaves_one_life(world: Any) -> None:
    server, checks = observed(world, on_error="sudden-death", error_limit=1)
    checks.server_answered(server, 503)
    assert status(server).word == "UP 1/3"
    checks.server_answered(server, 503)
    assert status(server).word == "DOWN"


def test_fastinter_only_brings_the_next_check_forward(world: Any) -> None:
    plan = CheckPlan(inter_ms=3_600_000, fastinter_ms=300)
    server, checks = observed(world, plan, on_error="fastinter", error_limit=1)
    asked = len(world.attempts)
    world.run(10_000)
    assert len(world.attempts) == asked
    checks.server_answered(server, 503)
    assert server.check_result.status == "L4OK"
    assert (server.counters[HANAFAIL], server.counters[CHKFAIL]) == (1, 0)
    world.run(320)
    assert len(world.attempts) == asked + 1
    world.run(10_000)
    assert len(world.attempts) == asked + 1


def test_a_good_answer_starts_the_count_anew(world: Any) -> None:
    server, checks = observed(world, on_error="mark-down", error_limit=3)
    for code in (500, 500, 200, 500, 500, 404, 503, 501, 502, 504, 505):
        checks.server_answered(server, code)
    assert server.operational is Operational.RUNNING
    for code in (500, 503, 599):
        checks.server_answered(server, code)
    assert server.operational is Operational.STOPPED


def test_layer4_sees_connections_only(world: Any) -> None:
    server, checks = observed(world, observe="layer4", on_error="mark-down")
    for _ in range(3):
        checks.server_failed(server, failure.RESPONSE_BAD)
        checks.server_answered(server, 500)
    checks.server_failed(server, failure.CONNECT_REFUSED)
    checks.server_connected(server)
    checks.server_failed(server, failure.CONNECT_REFUSED)
    checks.server_answered(server, 200)
    checks.server_failed(server, failure.CONNECT_REFUSED)
    assert server.operational is Operational.RUNNING
    checks.server_failed(server, failure.CONNECT_REFUSED)
    assert server.operational is Operational.STOPPED


def test_a_connection_is_no_good_answer_for_layer7(world: Any) -> None:
    server, checks = observed(world, on_error="mark-down")
    checks.server_answered(server, 500)
    checks.server_connected(server)
    checks.server_answered(server, 500)
    assert server.operational is Operational.STOPPED


def test_what_is_not_the_servers_fault_or_nobody_wants_to_know(world: Any) -> None:
    server, checks = observed(world, on_error="mark-down", error_limit=1)
    checks.server_failed(server, failure.CONNECT_RESOURCES)
    checks.server_failed(server, failure.QUEUE_TIMEOUT)
    server.observe = ""
    checks.server_failed(server, failure.CONNECT_REFUSED)
    checks.server_answered(server, 500)
    server.observe = "layer7"
    transitions.set_check_enabled(server, False)
    checks.server_answered(server, 500)
    transitions.set_check_enabled(server, True)
    assert server.operational is Operational.RUNNING
    transitions.set_admin(server, "maint", world.now_ms, world)
    checks.server_answered(server, 500)
    assert server.consecutive_errors == 0


def test_a_server_that_was_never_checked_falls_at_the_first_failure(world: Any) -> None:
    server = world.server("s1", CheckPlan(), observe="layer7", error_limit=1)
    checks = world.start()
    server.check_result = None
    checks.server_answered(server, 500)
    assert status(server).word == "DOWN"
    assert server.check_result.status == "HANA"
