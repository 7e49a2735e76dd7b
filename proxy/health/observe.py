"""Health seen in the traffic: enough errors in a row count as a failed check.

Source: HAProxy configuration manual, "observe", "error-limit", "on-error"; texts as recorded from HAProxy 2.6.
"""

from __future__ import annotations

from enum import Enum

from proxy.core.stream import failure
from proxy.health.outcome import check_done
from proxy.health.result import DESCRIPTION_MAX, CheckResult, Verdict
from proxy.runtime.cells import HANAFAIL
from proxy.runtime.log import Events
from proxy.runtime.server import Server
from proxy.runtime.states import MAINT, Operational


class Seen(Enum):
    """What the data plane saw of a server. The value is HAProxy's text for it; the first two are no errors."""

    CONNECTED = "L4 successful connection"
    ANSWERED = "Correct http response"
    CONNECT_FAILED = "L4 unsuccessful connection"
    WRONG_STATUS = "Wrong http response"
    INVALID_HEAD = "Invalid http response (headers)"
    CLOSED = "Close from server (http)"
    READ_TIMEOUT = "Read timeout (http)"
    READ_ERROR = "Read error (http)"


_BY_FAILURE = {
    failure.CONNECT_REFUSED: Seen.CONNECT_FAILED,
    failure.CONNECT_TIMEOUT: Seen.CONNECT_FAILED,
    failure.RESPONSE_EMPTY: Seen.CLOSED,
    failure.RESPONSE_BAD: Seen.INVALID_HEAD,
    failure.RESPONSE_TIMEOUT: Seen.READ_TIMEOUT,
}
_FINE = frozenset({Seen.CONNECTED, Seen.ANSWERED})
_LAYER4 = frozenset({Seen.CONNECTED, Seen.CONNECT_FAILED})


def status_seen(status: int) -> Seen:
    """What an HTTP status says about the server that gave it."""
    return Seen.ANSWERED if 100 <= status < 500 or status in (501, 505) else Seen.WRONG_STATUS


def failure_seen(why: failure.Failure) -> Seen | None:
    """What the failure of an attempt says about the server; None = nothing, it was not the server's fault."""
    return Seen.READ_ERROR if why is failure.RESPONSE_RESET else _BY_FAILURE.get(why)      # else like RESPONSE_EMPTY


def observe(server: Server, seen: Seen, now_ms: int, events: Events) -> bool:
    """Count what was seen; true when the next check is to come soon (fastinter).

    Under `observe layer7` a failed connection counts, a mere connection clears nothing.
    """
    if not server.observe or not server.is_checked or server.admin & MAINT or server.operational is Operational.STOPPED:
        return False
    if server.observe == "layer4" and seen not in _LAYER4:
        return False
    if seen in _FINE:
        if seen is Seen.ANSWERED or server.observe == "layer4":
            server.consecutive_errors = 0
        return False
    server.consecutive_errors += 1
    if server.consecutive_errors < server.error_limit:
        return False
    errors, server.consecutive_errors = server.consecutive_errors, 0
    server.counters[HANAFAIL] += 1
    if server.on_error == "fastinter":
        return True
    if server.on_error == "mark-down":
        server.health = server.rise
    elif server.on_error == "sudden-death":
        server.health = min(server.health, server.rise + 1)
    if server.check_result is None:
        server.check_result = CheckResult()
    text = f"Detected {errors} consecutive errors, last one was: {seen.value}"
    check_done(server, server.check_result, Verdict("HANA", 0, text[:DESCRIPTION_MAX]), -1, now_ms, events)
    return True
