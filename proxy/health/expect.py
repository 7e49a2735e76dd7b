"""Whether an answer is as expected.

Source: HAProxy configuration manual, "http-check expect"; texts as recorded from HAProxy 2.6.
"""

from __future__ import annotations

from proxy.health.result import DESCRIPTION_MAX, Verdict
from proxy.runtime.check_plan import ExpectStep

VALID_STATUSES = ExpectStep(statuses=((200, 399),))     # what is expected when nothing is said

_NO_BODY = "HTTP content check could not find a response body"
_NO_MATCH = "HTTP content check did not match"
_UNWANTED = "HTTP check matched unwanted content"


def judge(expect: ExpectStep, status: int, reason: bytes, body: bytes, complete: bool) -> Verdict | None:
    """The verdict on an answer whose head, and so much of its body, has come; None = more of the body is needed.

    A verdict that passed holds for this expectation only: others may follow.
    """
    if len(body) < expect.min_recv and not complete:
        return None
    if not expect.needs_body:
        return judge_status(expect, status, reason)
    found = _content_found(expect, body)
    if found and not expect.negated:
        return _passed(expect, status)
    if not found and not complete:
        return None
    if found:
        return _failed(expect, 0, _UNWANTED)
    if not body:
        return _failed(expect, 0, _NO_BODY)
    return _passed(expect, status) if expect.negated else _failed(expect, 0, _NO_MATCH)


def judge_status(expect: ExpectStep, status: int, reason: bytes) -> Verdict:
    """The verdict of an expectation about the status."""
    if expect.statuses is not None:
        found = any(first <= status <= last for first, last in expect.statuses)
    else:
        found = expect.status_pattern is not None and expect.status_pattern.search(b"%d" % status) is not None
    if found is not expect.negated:
        return _passed(expect, status)
    return _failed(expect, status, reason.decode("latin-1"))


def _content_found(expect: ExpectStep, body: bytes) -> bool:
    if expect.content is not None:
        return expect.content in body
    return expect.content_pattern is not None and expect.content_pattern.search(body) is not None


def _passed(expect: ExpectStep, status: int) -> Verdict:
    code = status if expect.ok_status in ("L7OK", "L7OKC") else 0
    return Verdict(expect.ok_status, code, expect.on_success[:DESCRIPTION_MAX])


def _failed(expect: ExpectStep, status: int, why: str) -> Verdict:
    description = expect.on_error or why
    if expect.comment:
        description += f" comment: {expect.comment}"
    return Verdict(expect.error_status, status, description[:DESCRIPTION_MAX])
