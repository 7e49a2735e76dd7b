"""Answers to HTTP checks, against the verdicts the real HAProxy 2.6 gave to the very same octets, split anywhere."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.health.probe_http import FIRST_CONNECT, HttpProbe
from proxy.health.result import Verdict
from proxy.runtime.check_plan import CheckPlan, ConnectStep, ExpectStep, SendStep

SEND = SendStep(b"OPTIONS / HTTP/1.0\r\n\r\n", b"OPTIONS")
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nhello"
FOUND = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nok"
BAD = Verdict("L7RSP")
OK = Verdict("L7OK", 200)
NO_BODY = Verdict("L7RSP", 0, "HTTP content check could not find a response body")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
NO_MATCH = Verdict("L7RSP", 0, "HTTP content check did not match")
UNWANTED = Verdict("L7RSP", 0, "HTTP check matched unwanted content")


def content(text: bytes, **more: Any) -> ExpectStep:
    return ExpectStep(**{"content": text, "error_status": "L7RSP", **more})


def matching(pattern: bytes, **more: Any) -> ExpectStep:
    return ExpectStep(content_pattern=re.compile(pattern), error_status="L7RSP", **more)


CASES: list[tuple[tuple[ExpectStep, ...], bytes, Verdict]] = [
    ((), HELLO, OK),
    ((), FOUND, Verdict("L7OK", 302)),
    ((), MISSING, Verdict("L7STS", 404, "Not Found")),
    ((), b"HTTP/1.1 500 Internal Server Error\r\n\r\n", Verdict("L7STS", 500, "Internal Server Error")),
    ((), b"garbage\r\n\r\n", BAD),
    ((), b"HTTP/1.1 200\r\n\r\n", OK),
    ((), b"HTTP/1.1 2x0 OK\r\n\r\n", BAD),
    ((), b"HTTP/1.1 200 OK\r\n", BAD),
    ((), b"HTTP/1.1 20", BAD),
    ((), b"", BAD),
    ((), b"HTTP/1.0 200 OK\n\n", OK),
    ((), b"HTTP/1.0 200 OK\nx: y\n\nbody", OK),
    ((), b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", BAD),
    ((), b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhello", OK),
    ((), b"HTTP/1.1 503 \r\n\r\n", Verdict("L7STS", 503)),
    ((), b"HTTP/1.1 503\r\n\r\n", Verdict("L7STS", 503)),
    ((), b'HTTP/1.1 503 A "quoted" reason\r\n\r\n', Verdict("L7STS", 503, 'A "quoted" reason')),
    ((), b"HTTP/1.1 100 Continue\r\n\r\n" + HELLO, Verdict("L7STS", 100, "Continue")),
    ((), b"ICY 200 OK\r\n\r\n", BAD),
    ((), b"HTTP/1.1 503 " + b"r" * 300 + b"\r\n\r\n", Verdict("L7STS", 503, "r" * 127)),
    ((), b"HTTP/1.1 200 OK\r\nX: " + b"r" * 20000 + b"\r\n\r\n", BAD),
    ((), b"HTTP/1.1 600 OK\r\n\r\n", Verdict("L7STS", 600, "OK")),
    ((), b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", BAD),
    ((ExpectStep(statuses=((200, 200),)),), FOUND, Verdict("L7STS", 302, "Found")),
    ((ExpectStep(statuses=((200, 299), (302, 302))),), FOUND, Verdict("L7OK", 302)),
    ((ExpectStep(statuses=((200, 200),), negated=True),), HELLO, Verdict("L7STS", 200, "OK")),
    ((ExpectStep(statuses=((200, 200),), negated=True),), BUSY, Verdict("L7OK", 503)),
    ((ExpectStep(status_pattern=re.compile(b"^2")),), FOUND, Verdict("L7STS", 302, "Found")),
    ((ExpectStep(status_pattern=re.compile(b"^3")),), FOUND, Verdict("L7OK", 302)),
    ((ExpectStep(status_pattern=re.compile(b"^3"), negated=True),), FOUND, Verdict("L7STS", 302, "Found")),
    ((content(b"hello"),), HELLO, OK),
    ((content(b"hullo"),), HELLO, NO_MATCH),
    ((content(b"hello", negated=True),), HELLO, UNWANTED),
    ((content(b"hullo", negated=True),), HELLO, OK),
    ((matching(b"h[ae]l+o$"),), HELLO, OK),
    ((matching(b"^xx"),), HELLO, NO_MATCH),
    ((matching(b"h.l", negated=True),), HELLO, UNWANTED),
    ((content(b"hello"),), BUSY, Verdict("L7OK", 503)),
    ((content(b"hello"),), b"HTTP/1.1 200 OK\r\n\r\n", NO_BODY),
    ((content(b"hello"),), CHUNKED + b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", OK),
    ((content(b"hello"),), CHUNKED + b"zz\r\nhello", BAD),
    ((content(b"hello"),), b"HTTP/1.1 200 OK\r\n\r\n..hello", OK),
    ((content(b"hello", min_recv=10),), HELLO, OK),
    ((content(b"hullo", min_recv=3),), HELLO, NO_MATCH),
    ((content(b"hullo", on_error="plain err"),), HELLO, Verdict("L7RSP", 0, "plain err")),
    ((content(b"hello", on_success="good", ok_status="L6OK"),), HELLO, Verdict("L6OK", 0, "good")),
    ((content(b"hullo", comment="two"),), HELLO, Verdict("L7RSP", 0, "HTTP content check did not match comment: two")),
    ((ExpectStep(statuses=((200, 200),)), content(b"hello")), HELLO, OK),
    ((ExpectStep(statuses=((200, 200),)), content(b"hullo")), HELLO, NO_MATCH),
    ((content(b"x"),), b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"y" * 17000 + b"x", NO_MATCH),
    ((content(b"ok"),), b"HTTP/1.1 204 No Content\r\n\r\n", NO_BODY),
]


def verdict_on(plan: CheckPlan, pieces: list[bytes], conditional: bool = True) -> object:
    probe = HttpProbe(plan)
    assert probe.begin() is FIRST_CONNECT
    probe.conditional = conditional
    assert probe.connected() == SEND.octets
    for piece in pieces:
        action = probe.received(piece)
        if action is not None:
            return action
    return probe.closed()


@pytest.mark.parametrize(("expects", "answer", "verdict"), CASES, ids=[f"{n}" for n in range(len(CASES))])
def test_verdicts_whole_and_octet_by_octet(expects: tuple[ExpectStep, ...], answer: bytes, verdict: Verdict) -> None:
    plan = CheckPlan(steps=(SEND, *expects))
    assert verdict_on(plan, [answer] if answer else []) == verdict
    if len(answer) < 1000:
        assert verdict_on(plan, [answer[at : at + 1] for at in range(len(answer))]) == verdict


@given(st.sampled_from(CASES), st.lists(st.integers(0, 400), max_size=6))
def test_splits_change_nothing(case: tuple[tuple[ExpectStep, ...], bytes, Verdict], cuts: list[int]) -> None:
    expects, answer, verdict = case
    edges = [0, *sorted({cut for cut in cuts if cut < len(answer)} - {0}), len(answer)]
    pieces = [answer[start:end] for start, end in pairwise(edges) if start < end]
    assert verdict_on(CheckPlan(steps=(SEND, *expects)), pieces) == verdict


LINES = st.sampled_from([
    b"Server: x\r\n", b"Date:  Fri \r\n", b"Content-Length: 5\r\n", b"content-length:5\r\n", b"Content-Length: 6\r\n",
    b"Content-Length: x\r\n", b"Content-Length: 5, 5\r\n", b"Content-Length: -1\r\n", b"Content-Length:\r\n",
    b"Content-Length : 5\r\n",
    b"Transfer-Encoding: chunked\r\n", b"TRANSFER-ENCODING: gzip\r\n", b"Connection: close\r\n", b"Connection: upgrade, x\r\n",
    b"X-Content-Length: 3\r\n", b"bad header\r\n", b" folded\r\n", b"a: b\n", b"a: b\rc\r\n", b"a: \x00\r\n", b": x\r\n",
    b"a:\xe9\r\n",
    b"Content-Length: 99999999999999999999\r\n", b"x: " + b"y" * 9000 + b"\r\n", b"n: v\r\n" * 90,
])
STARTS = st.sampled_from([
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404 Not Found\r\n", b"HTTP/1.1 101 X\r\n", b"HTTP/1.1 204 \r\n", b"HTTP/1.1 500\r\n",
    b"HTTP/1.2 200 OK\r\n", b"HTTP/1.1 099 X\r\n", b"HTTP/1.1 999 \xe9\r\n", b"HTTP/1.1  200 OK\r\n", b"HTTP/1.1 302 A\tB\r\n",
])


@given(STARTS, st.lists(LINES, max_size=5), st.sampled_from([b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n"]),
       st.booleans(), st.sampled_from([
           (), (ExpectStep(statuses=((200, 299),)),), (ExpectStep(status_pattern=re.compile(b"^4"), negated=True),),
       ]))
def test_the_short_way_to_a_verdict_is_not_another_meaning(
    start: bytes, lines: list[bytes], body: bytes, conditional: bool, expects: tuple[ExpectStep, ...],
) -> None:
    answer = start + b"".join(lines) + b"\r\n" + body
    plan = CheckPlan(steps=(SEND, *expects), disable_on_404=conditional)
    head_end = answer.find(b"\r\n\r\n") + 4
    short = verdict_on(plan, [answer])
    assert verdict_on(plan, [answer[:1], answer[1:]]) == short
    assert verdict_on(plan, [answer[:head_end], answer[head_end:] or b"."]) == short or b"chunked" in answer


def test_one_probe_gives_each_answer_its_own_verdict() -> None:
    probe = HttpProbe(CheckPlan(steps=(SEND,)))
    answers = [
        (HELLO, OK), (HELLO, OK), (BUSY, Verdict("L7STS", 503, "Service Unavailable")), (HELLO, OK),
        (FOUND, Verdict("L7OK", 302)), (b"HTTP/1.1 503 Other\r\n\r\n", Verdict("L7STS", 503, "Other")),
        (b"junk\r\n\r\n", BAD), (HELLO, OK),
    ]
    for answer, verdict in answers:
        probe.begin()
        probe.connected()
        assert probe.received(answer) == verdict


@given(st.binary(max_size=200), st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", CHUNKED]))
def test_any_octets_come_to_a_verdict(tail: bytes, head: bytes) -> None:
    assert isinstance(verdict_on(CheckPlan(steps=(SEND, content(b"hello"))), [head + tail, b"x"]), Verdict)


@pytest.mark.parametrize("expects", [
    (), (content(b"ok"),), (content(b"zz"),), (ExpectStep(statuses=((404, 404),)),),
    (ExpectStep(statuses=((404, 404),), negated=True),),
])
def test_404_passes_conditionally_while_the_server_is_up(expects: tuple[ExpectStep, ...]) -> None:
    plan = CheckPlan(steps=(SEND, *expects), disable_on_404=True)
    assert verdict_on(plan, [MISSING]) == Verdict("L7OKC", 404)


def test_404_of_a_server_that_is_down_is_a_wrong_status() -> None:
    plan = CheckPlan(steps=(SEND,), disable_on_404=True)
    assert verdict_on(plan, [MISSING], conditional=False) == Verdict("L7STS", 404, "Not Found")


def test_content_found_before_the_end_is_enough() -> None:
    plan = CheckPlan(steps=(SEND, content(b"hel")))
    assert verdict_on(plan, [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"]) == OK
    probe = HttpProbe(CheckPlan(steps=(SEND, content(b"hel", min_recv=4))))
    probe.begin()
    probe.connected()
    assert probe.received(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel") is None
    assert probe.received(b"lo") == OK


def test_several_connections() -> None:
    second = SendStep(b"GET /b HTTP/1.0\r\n\r\n", b"GET")
    first = (ConnectStep(81), SEND, ExpectStep(statuses=((200, 200),)))
    plan = CheckPlan(steps=(*first, ConnectStep(82), second, content(b"hello")))
    probe = HttpProbe(plan)
    for _ in range(2):
        assert probe.begin() == ConnectStep(81)
        assert probe.connected() == SEND.octets
        assert probe.received(HELLO) == ConnectStep(82)
        assert probe.connected() == second.octets
        assert probe.received(BUSY) == Verdict("L7OK", 503)


def test_a_connection_alone() -> None:
    probe = HttpProbe(CheckPlan(steps=(ConnectStep(81),)))
    assert probe.begin() == ConnectStep(81)
    assert probe.connected() == Verdict("L4OK")


def test_what_to_say_when_time_is_up() -> None:
    slow = content(b"x", timeout_status="L6TOUT")
    probe = HttpProbe(CheckPlan(steps=(SEND, slow)))
    probe.begin()
    probe.connected()
    assert probe.timed_out() == Verdict("L6TOUT")
    probe = HttpProbe(CheckPlan(steps=(SEND,)))
    probe.begin()
    probe.connected()
    assert probe.timed_out() == Verdict("L7TOUT")
