"""A check of layer 7: octets in, a verdict out; no socket and no clock.

    begin() -> connect step      connected() -> octets to send      received(octets), closed() -> what is next

The answer is bounded by one buffer; what comes beyond is not looked at. Lines may end in LF alone, as HAProxy lets the little
check scripts of this world do.
Source: HAProxy configuration manual, "option httpchk", "http-check connect", "http-check send", "http-check expect".
"""

from __future__ import annotations

import re
from collections.abc import Callable

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.chunked import ChunkedDecoder
from proxy.core.http1.head import ResponseHead
from proxy.core.http1.limits import DEFAULT_LIMITS
from proxy.core.http1.reader import read_response
from proxy.core.http1.tables import TEXT, TOKEN
from proxy.health.expect import VALID_STATUSES, judge, judge_status
from proxy.health.probe_tcp import CONNECTED
from proxy.health.result import STATUS, Verdict
from proxy.runtime.check_plan import CheckPlan, ConnectStep, ExpectStep, SendStep

BUFFER_OCTETS = 16384
FIRST_CONNECT = ConnectStep()
INVALID_RESPONSE = Verdict("L7RSP")

_START = b"HTTP/"
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_FIELD = rb"(?!(?i:content-length|transfer-encoding):)" + TOKEN + rb":" + TEXT + rb"\r\n"
_PLAIN_ANSWER = re.compile(
    rb"HTTP/1\.[01] ([2-9][0-9]{2}) (" + TEXT + rb")\r\n(?:" + _FIELD + rb"){0,60}(?:(?i:content-length): ?[0-9]{1,15}\r\n(?:"
    + _FIELD + rb"){0,39})?\r\n"
)
"""What nearly every server answers: a whole head with at most one plain length, whose body cannot be wrong."""

Action = Verdict | ConnectStep | bytes | None        # the end; another connection; octets to send; wait for more


class HttpProbe:
    """One check under way; `begin` starts it anew, so that one object serves all checks of a server.

    `conditional` (does the server take traffic now?) decides whether 404 passes conditionally under disable-on-404.
    `state_field` gives the line that a request with a place for it carries.
    """

    __slots__ = (
        "_at", "_body", "_complete", "_decoder", "_expect", "_head", "_last", "_method", "_plan", "_received", "_verdict",
        "conditional", "state_field",
    )

    def __init__(self, plan: CheckPlan) -> None:
        self._plan = plan
        self.conditional = False
        self.state_field: Callable[[], bytes] = bytes
        self._verdict = CONNECTED
        self._at = 0
        self._method = b"GET"
        self._received = b""
        self._body = b""
        self._head: ResponseHead | None = None
        self._decoder: ChunkedDecoder | None = None
        self._complete = False
        self._expect = status_expected(plan)
        self._last = Verdict("INI")             # the last of `_expect`: the next is nearly always the same

    def begin(self) -> ConnectStep:
        """Start over; returns the connection to open."""
        self._verdict = CONNECTED
        self._at = 0
        step = self._plan.steps[0] if self._plan.steps else FIRST_CONNECT
        if isinstance(step, ConnectStep):
            self._at = 1
            return step
        return FIRST_CONNECT

    def connected(self) -> Action:
        """The connection is open."""
        return self._next()

    def received(self, octets: bytes) -> Action:
        """Octets of the answer."""
        if self._expect is not None and not self._received:
            plain = _PLAIN_ANSWER.match(octets, 0, DEFAULT_LIMITS.head)
            if plain is not None:
                return self._judge_plain(self._expect, int(plain[1]), plain[2])
        try:
            if self._head is None:
                return self._read_head(octets)
            return self._read_body(self._head, octets)
        except RemoteProtocolError:
            return INVALID_RESPONSE

    def closed(self) -> Action:
        """The server sends no more."""
        if self._head is None:
            return INVALID_RESPONSE
        if self._complete:
            return INVALID_RESPONSE
        self._complete = True
        return self._judge(self._head)

    def timed_out(self) -> Verdict:
        """What to say when the answer takes too long."""
        step = self._plan.steps[self._at] if self._at < len(self._plan.steps) else VALID_STATUSES
        return Verdict(step.timeout_status if isinstance(step, ExpectStep) else "L7TOUT")

    def _forget_answer(self, method: bytes) -> None:
        self._method = method
        self._received = b""
        self._body = b""
        self._head = None
        self._decoder = None
        self._complete = False

    def _judge_plain(self, expect: ExpectStep, status: int, reason: bytes) -> Verdict:
        """The end of a check whose only question is the status."""
        if status == 404 and self._plan.disable_on_404 and self.conditional:
            return Verdict("L7OKC", 404)
        last = self._last
        if last.code == status and STATUS[last.status].passed:
            return last
        self._last = last = judge_status(expect, status, reason)
        return last

    def _read_head(self, octets: bytes) -> Action:
        self._received += octets[: BUFFER_OCTETS - len(self._received)]
        received = self._received
        end = _END_OF_HEAD.search(received)
        if end is None:
            hopeless = len(received) >= BUFFER_OCTETS or not received.startswith(_START[: len(received)])
            return INVALID_RESPONSE if hopeless else None
        lines = received[: end.end()]
        if _BARE_LF.search(lines):
            lines = _BARE_LF.sub(b"\r\n", lines)
        head = read_response(lines, 0, DEFAULT_LIMITS, self._method)
        if head is None:
            return INVALID_RESPONSE
        self._head = head
        if head.chunked:
            self._decoder = ChunkedDecoder(502)
        return self._read_body(head, received[end.end() :])

    def _read_body(self, head: ResponseHead, octets: bytes) -> Action:
        if self._complete:
            return None
        if head.no_body:
            self._complete = True
        elif self._decoder is not None:
            self._body += self._decoder.feed(octets)
            self._complete = self._decoder.done
        else:
            self._body += octets
            if 0 <= head.content_length <= len(self._body):
                self._body, self._complete = self._body[: head.content_length], True
        if len(self._body) >= BUFFER_OCTETS:
            self._body, self._complete = self._body[:BUFFER_OCTETS], True
        return self._judge(head)

    def _judge(self, head: ResponseHead) -> Action:
        """Hold the answer against each expectation that follows the request."""
        steps = self._plan.steps
        if head.status == 404 and self._plan.disable_on_404 and self.conditional:
            return Verdict("L7OKC", 404)
        expected = False
        while self._at < len(steps) or not expected:
            step = steps[self._at] if self._at < len(steps) else VALID_STATUSES
            if not isinstance(step, ExpectStep):
                if expected:
                    break
                step = VALID_STATUSES
            verdict = judge(step, head.status, head.reason, self._body, self._complete)
            if verdict is None or not STATUS[verdict.status].passed:
                return verdict
            self._verdict, expected = verdict, True
            if step is not VALID_STATUSES:
                self._at += 1
        return self._next()

    def _next(self) -> Action:
        if self._at >= len(self._plan.steps):
            return self._verdict
        step = self._plan.steps[self._at]
        if isinstance(step, SendStep):
            self._at += 1
            self._forget_answer(step.method)
            octets, place = step.octets, step.state_at
            return octets[:place] + self.state_field() + octets[place:] if place else octets
        if isinstance(step, ConnectStep):
            self._at += 1
            return step
        return None


def status_expected(plan: CheckPlan) -> ExpectStep | None:
    """What a check of one request and one status expects; None for any other check."""
    steps = plan.steps[1:] if plan.steps and isinstance(plan.steps[0], ConnectStep) else plan.steps
    if not steps or not isinstance(steps[0], SendStep) or len(steps) > 2:
        return None
    expect = steps[1] if len(steps) == 2 else VALID_STATUSES
    if not isinstance(expect, ExpectStep) or expect.needs_body or expect.min_recv >= 0:
        return None
    return expect
