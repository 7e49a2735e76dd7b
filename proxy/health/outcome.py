"""What a verdict does to a server: its health, its counters, its state, the lines told.

health 0 .. rise-1: down, rising        rise .. rise+fall-1: up, falling (the last: in full health)

Source: HAProxy configuration manual, "rise", "fall", "http-check disable-on-404", "option log-health-checks"; lines as
recorded from HAProxy 2.6.
"""

from __future__ import annotations

from proxy.health.result import STATUS, CheckResult, Verdict, reason
from proxy.runtime import transitions
from proxy.runtime.cells import CHKFAIL
from proxy.runtime.log import Events
from proxy.runtime.server import Server
from proxy.runtime.states import MAINT, Admin, Operational


def check_done(server: Server, result: CheckResult, verdict: Verdict, duration_ms: int, now_ms: int, events: Events) -> None:
    """Take a verdict on the server. Without effect on its state while it is in maintenance.

    `duration_ms` -1 when nothing was measured (health seen in the traffic).
    """
    before, known = server.health, result.status == verdict.status
    result.status, result.code, result.description = verdict
    result.duration_ms, result.ended_ms = duration_ms, now_ms
    if server.admin is not Admin.READY and server.admin & MAINT:    # the flags of an enum are slow to combine
        return
    full = server.rise + server.fall - 1
    passed = STATUS[verdict.status].passed
    if passed and known and before == full and server.operational is Operational.RUNNING and verdict.status != "L7OKC":
        return                                                      # as nearly always: nothing is new
    if passed:
        server.health = full if server.health + 1 >= server.rise else server.health + 1
    else:
        if server.health > 0:
            server.counters[CHKFAIL] += 1
        server.health = server.health - 1 if server.health > server.rise else 0
    told = server.check is not None and server.check.log_health_checks
    if told and (not known or before != full if passed else not known or before > 0):
        events.server_event(server, "notice", _health_line(server, verdict, duration_ms))
    state = _state_due(server, verdict, passed)
    if state is not server.operational:
        transitions.set_operational(server, state, "" if told else reason(verdict, duration_ms), now_ms, events)


def _state_due(server: Server, verdict: Verdict, passed: bool) -> Operational:
    if server.health < server.rise:
        return Operational.STOPPED
    if verdict.status == "L7OKC":
        return Operational.STOPPING
    if passed and server.operational is not Operational.STARTING:
        return Operational.RUNNING
    return server.operational


def _health_line(server: Server, verdict: Verdict, duration_ms: int) -> str:
    how = "failed"
    if STATUS[verdict.status].passed:
        how = "conditionally succeeded" if verdict.status == "L7OKC" else "succeeded"
    if server.health >= server.rise:
        word = "UP" if server.user_weight else "DRAIN"
        left, of = server.health - server.rise + 1, server.fall
    else:
        word, left, of = "DOWN", server.health, server.rise
    backup = "backup " if server.is_backup else ""
    name = f"{server.backend.name}/{server.name}"
    return f"Health check for {backup}server {name} {how}{reason(verdict, duration_ms)}, status: {left}/{of} {word}."
