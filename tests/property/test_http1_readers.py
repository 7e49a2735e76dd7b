"""The laws of reading and writing heads (DESIGN §4).

Whatever the fast reader accepts, h11 accepts with the same meaning; splitting the octets anywhere changes nothing; what is
written reads back as what was read; and a strict parser accepts all that is written.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h11
from hypothesis import given
from hypothesis import strategies as st

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.fast import read_plain_request, read_plain_response
from proxy.core.http1.h11_reader import read_any_request, read_any_response
from proxy.core.http1.limits import DEFAULT_LIMITS, Limits
from proxy.core.http1.reader import read_request, read_response
from proxy.core.http1.writer import request_bytes, request_connection, response_bytes, response_connection
from tests.property.heads import REQUEST_METHODS, facts, requests, responses

SPEC = importlib.util.spec_from_file_location("strict", Path(__file__).parents[1] / "corpus" / "http1" / "strict.py")
assert SPEC is not None
assert SPEC.loader is not None
strict = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(strict)


def request_fate(octets: bytes, limits: Limits, start: int = 0) -> tuple[Any, int]:
    """What a buffer is read as: facts or status, and size; (None, 0) for an unfinished head."""
    try:
        head = read_request(octets, start, limits)
    except RemoteProtocolError as error:
        return error.status, 0
    return facts(head), head.size if head else 0


def response_fate(octets: bytes, method: bytes) -> tuple[Any, int]:
    """The same for a response."""
    try:
        head = read_response(octets, 0, DEFAULT_LIMITS, method)
    except RemoteProtocolError as error:
        return error.status, 0
    return facts(head), head.size if head else 0


def body_is_all_that_is_missing(parse: Callable[..., Any], *what: Any) -> bool:
    """Whether a strict parser takes the head; raises strict.Violation where it does not."""
    try:
        parse(*what)
    except strict.Incomplete as part:
        return bool(part.args)
    return True


def raw_h11(octets: bytes) -> list[tuple[bytes, bytes]]:
    """The fields h11 itself finds in a request, framing collapsed as it does."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(octets)
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    return list(event.headers)


@given(requests())
def test_what_the_fast_reader_accepts_h11_accepts_with_the_same_meaning(octets: bytes) -> None:
    end = octets.find(b"\r\n\r\n") + 2
    try:
        fast = read_plain_request(octets, 0, end, DEFAULT_LIMITS)
    except RemoteProtocolError:
        fast = None
    if fast is not None:
        assert facts(read_any_request(octets, 0, end + 2, DEFAULT_LIMITS)) == facts(fast)
        kept = {name for name, _ in fast.fields} - {b"host", b"max-forwards"}
        theirs = [pair for pair in raw_h11(octets[:end + 2]) if pair[0] in kept]
        assert theirs == [pair for pair in fast.fields if pair[0] in kept]


@given(responses(), REQUEST_METHODS)
def test_the_same_for_responses(octets: bytes, method: bytes) -> None:
    end = octets.find(b"\r\n\r\n") + 2
    try:
        fast = read_plain_response(octets, 0, end, DEFAULT_LIMITS, method)
    except RemoteProtocolError:
        fast = None
    if fast is not None:
        assert facts(read_any_response(octets, 0, end + 2, DEFAULT_LIMITS, method)) == facts(fast)


TIGHT = Limits(head=90, start_line=60, fields=3, leading_lines=1)


@given(requests(), st.binary(max_size=4), st.sampled_from([DEFAULT_LIMITS, TIGHT]))
def test_splitting_a_request_changes_nothing(octets: bytes, more: bytes, limits: Limits) -> None:
    octets += more
    whole = request_fate(octets, limits)
    for end in range(len(octets)):
        early = request_fate(octets[:end], limits)
        if early != (None, 0):
            assert early == whole
            break


@given(responses(), st.binary(max_size=4), REQUEST_METHODS)
def test_splitting_a_response_changes_nothing(octets: bytes, more: bytes, method: bytes) -> None:
    octets += more
    whole = response_fate(octets, method)
    for end in range(len(octets)):
        early = response_fate(octets[:end], method)
        if early != (None, 0):
            assert early == whole
            break


@given(requests())
def test_where_a_request_starts_changes_nothing(octets: bytes) -> None:
    assert request_fate(b"\r\n x\n" + octets, DEFAULT_LIMITS, 5) == request_fate(octets, DEFAULT_LIMITS)


@given(requests())
def test_a_written_request_reads_back_as_what_was_read(octets: bytes) -> None:
    try:
        head = read_request(octets, 0, DEFAULT_LIMITS)
    except RemoteProtocolError:
        return
    if head is None:
        return
    written = request_bytes(head, request_connection(head.version_minor, head.keep_alive), b"")
    assert body_is_all_that_is_missing(strict.request, written)
    again = read_request(written, 0, DEFAULT_LIMITS)
    assert again is not None
    if head.upgrade:            # says nothing of persistence
        again.keep_alive = head.keep_alive
    if head.max_forwards >= 0:  # counted down each time
        again.max_forwards, again.fields, head.fields = head.max_forwards, again.fields[:-1], head.fields[:-1]
    assert facts(again) == facts(head)
    assert again.size == len(written)


@given(responses(), REQUEST_METHODS)
def test_a_written_response_reads_back_as_what_was_read(octets: bytes, method: bytes) -> None:
    try:
        head = read_response(octets, 0, DEFAULT_LIMITS, method)
    except RemoteProtocolError:
        return
    if head is None:
        return
    written = response_bytes(head, response_connection(head.version_minor, 1, head.keep_alive), b"")
    assert body_is_all_that_is_missing(strict.response, written, 0, method, True)
    again = read_response(written, 0, DEFAULT_LIMITS, method)
    assert again is not None
    if head.chunked:            # always written as HTTP/1.1
        head.version_minor = 1
    again.keep_alive = head.keep_alive      # faulty framing is not written again
    assert facts(again) == facts(head)
