"""Machine code and sources are one program: reading, editing and writing heads, chunks, cookies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from proxy.base.errors import ProtocolError
from tests.property.heads import REQUEST_METHODS, SPECIAL_NAMES, SPECIAL_VALUES, TEXTS, TOKENS, facts, requests, responses
from tests.property.sources import both_builds, compiled, from_sources

NAMES = (
    "proxy.core.http1.limits", "proxy.core.http1.head", "proxy.core.http1.facts", "proxy.core.http1.fast",
    "proxy.core.http1.h11_reader", "proxy.core.http1.reader", "proxy.core.http1.writer", "proxy.core.http1.plain_chunks",
    "proxy.core.http1.chunked", "proxy.core.cookie_scan",
)
SOURCES, MACHINE = from_sources(*NAMES), compiled(*NAMES)

pytestmark = both_builds


def test_there_are_two_of_each() -> None:
    for last in vars(SOURCES):
        assert getattr(SOURCES, last).__file__.endswith(".py")
    for last in ("limits", "head", "fast", "reader", "writer", "plain_chunks", "chunked", "cookie_scan"):
        assert not getattr(MACHINE, last).__file__.endswith(".py")
    assert type(SOURCES.reader.read_request(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, limits(SOURCES))) is SOURCES.head.RequestHead


def limits(build: Any, tight: bool = False) -> Any:
    return build.limits.Limits(head=90, start_line=60, fields=3, leading_lines=1) if tight else build.limits.DEFAULT_LIMITS


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call gives, or the fault it finds in a message."""
    try:
        return call(*arguments)
    except ProtocolError as error:
        return type(error), error.status, str(error)


def read(build: Any, octets: bytes, method: bytes | None, tight: bool = False) -> Any:
    """The head, None, or what is wrong; `method` None for a request."""
    if method is None:
        return outcome(build.reader.read_request, octets, 0, limits(build, tight))
    return outcome(build.reader.read_response, octets, 0, limits(build, tight), method)


def plain(build: Any, octets: bytes, method: bytes | None) -> Any:
    """The same by the fast reader alone."""
    end = build.fast.end_of_head(octets, 0, len(octets))
    if end < 0:
        return None
    if method is None:
        return outcome(build.fast.read_plain_request, octets, 0, end, limits(build))
    return outcome(build.fast.read_plain_response, octets, 0, end, limits(build), method)


def told(head: Any) -> Any:
    """Comparable: a head's facts and size, or what there is instead of one."""
    return head if head is None or isinstance(head, tuple) else (facts(head), head.size)


MESSAGES = st.tuples(requests(), st.none()) | st.tuples(responses(), REQUEST_METHODS)


@given(MESSAGES, st.booleans(), st.binary(max_size=4))
def test_heads_are_read_alike(message: tuple[bytes, bytes | None], tight: bool, more: bytes) -> None:
    octets, method = message
    assert told(read(SOURCES, octets + more, method, tight)) == told(read(MACHINE, octets + more, method, tight))
    assert told(plain(SOURCES, octets, method)) == told(plain(MACHINE, octets, method))


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"a"]), max_size=12).map(b"".join), st.data())
def test_the_end_of_a_head_is_found_alike(octets: bytes, data: st.DataObject) -> None:
    at, bound = data.draw(st.integers(0, len(octets))), data.draw(st.integers(0, len(octets) + 2))
    assert SOURCES.fast.end_of_head(octets, at, bound) == MACHINE.fast.end_of_head(octets, at, bound)


FIELD_NAMES = (SPECIAL_NAMES | TOKENS).map(bytes.lower)
VALUES = SPECIAL_VALUES | TEXTS
EDITS = st.lists(
    st.tuples(st.sampled_from(["get", "values_of", "written", "list"]), FIELD_NAMES)
    | st.tuples(st.just("append"), FIELD_NAMES, VALUES)
    | st.tuples(st.just("replace_values"), FIELD_NAMES, st.lists(st.none() | VALUES, min_size=1, max_size=3))
    | st.tuples(st.just("set"), st.lists(st.tuples(FIELD_NAMES, VALUES), max_size=4)),
    max_size=8,
)


def edited(head: Any, edit: tuple[Any, ...]) -> Any:
    """Do one thing to a head; what comes of it."""
    kind, *what = edit
    if kind == "written":
        return outcome(head.written, b"GET / HTTP/1.1\r\n", b"")
    if kind == "list":
        return list(head.fields)
    if kind == "set":
        head.fields = list(what[0])
        return None
    if kind == "replace_values":
        name, values = what
        there = len(head.values_of(name))
        return head.replace_values(name, [values[index % len(values)] for index in range(there)])
    return getattr(head, kind)(*what)


@given(MESSAGES, EDITS)
def test_heads_are_edited_alike(message: tuple[bytes, bytes | None], edits: list[tuple[Any, ...]]) -> None:
    theirs, ours = (read(build, *message) for build in (SOURCES, MACHINE))
    if ours is None or isinstance(ours, tuple):
        return
    names = [name for name, _ in theirs.fields]
    for edit in edits:
        if edit[0] in ("get", "values_of", "replace_values") and names:     # fields that are there, more often than not
            edit = (edit[0], names[len(edit[1]) % len(names)], *edit[2:])
        assert edited(theirs, edit) == edited(ours, edit), edit
    assert outcome(theirs.written, b"\r\n", b"x: y\r\n") == outcome(ours.written, b"\r\n", b"x: y\r\n")
    assert told(theirs) == told(ours)


@given(MESSAGES, st.sampled_from([b"", b"close", b"keep-alive"]), st.sampled_from([b"", b"x-a: b\r\n"]), st.none() | VALUES)
def test_heads_are_written_alike(
    message: tuple[bytes, bytes | None], connection: bytes, extra: bytes, added: bytes | None,
) -> None:
    written = []
    for build in (SOURCES, MACHINE):
        head = read(build, *message)
        if head is None or isinstance(head, tuple):
            return
        if added is not None:
            head.append(b"x-added", added)
        write = build.writer.request_bytes if message[1] is None else build.writer.response_bytes
        written.append(outcome(write, head, connection, extra))
    assert written[0] == written[1]


@given(TOKENS | TEXTS, TEXTS, st.integers(0, 1))
def test_request_lines_are_written_alike(method: bytes, target: bytes, minor: int) -> None:
    assert outcome(SOURCES.head.request_line, method, target, minor) == outcome(MACHINE.head.request_line, method, target, minor)


@given(st.integers(0, (1 << 63) - 1) | st.integers(0, 70).map(lambda power: (1 << power) - 1 & (1 << 63) - 1))
def test_lengths_are_written_alike(length: int) -> None:
    assert SOURCES.head.length_line(length) == MACHINE.head.length_line(length)


COOKIE_PIECES = st.sampled_from([
    b"SRV", b"a", b"SR", b"=", b"=", b"; ", b"; ", b";", b" ", b",", b'"', b"$", b"\t", b"1", b"\xe9",
])
COOKIES = st.lists(COOKIE_PIECES, max_size=14).map(b"".join)


@example(b"a=1; =2", b"a")
@given(COOKIES, st.sampled_from([b"SRV", b"a", b"SR", b"="]))
def test_cookies_are_found_alike(field: bytes, name: bytes) -> None:
    assert SOURCES.cookie_scan.scan(field, name) == MACHINE.cookie_scan.scan(field, name)


CHUNKS = st.lists(
    st.sampled_from([
        b"5", b"a", b"0", b"00", b"F", b"7fffffffffffffff", b"8000000000000000", b"\r\n", b"\r", b"\n", b"hello", b";a=b", b" ",
        b"0\r\n\r\n", b"5\r\nhello\r\n", b"5\r\nhello\r\n3\r\nabc\r\n", b"8000000000000000\r\n", b"7fffffffffffffff\r\n",
        b"X: y\r\n", b"x-a:\r\n", b"Content-Length: 3\r\n", b"\x00",
    ]) | st.binary(max_size=3), max_size=10,
).map(b"".join)


def fed(decoder: Any, piece: bytes | memoryview, rechunk: bool) -> tuple[bool, bytes]:
    """What a decoder gives for octets, and whether it is a view of them."""
    given_back = decoder.rechunk(piece) if rechunk else decoder.feed(piece)
    return isinstance(given_back, memoryview), bytes(given_back)


def facts_of(decoder: Any) -> tuple[Any, ...]:
    return decoder.done, decoder.leftover, decoder.trailers, decoder.state, decoder.left, decoder.at, decoder.chunks


PLAIN_CHUNKS = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=40).map(
    lambda contents: b"".join(b"%x\r\n%b\r\n" % (len(content), content) for content in contents)
)


BODIES = CHUNKS | st.tuples(PLAIN_CHUNKS, CHUNKS).map(b"".join)


@example(b"8000000000000000\r\nabc", [], False, False)
@example(b"1\r\na\r\n8000000000000000\r\nabc", [], False, True)
@example(b"1\r\na\r\n1\nb\r\n", [], False, True)
@example(b"1\r\na\n1\r\nb\r\n", [], True, False)
@given(BODIES, st.lists(st.integers(1, 300), max_size=20), st.booleans(), st.booleans())
def test_chunks_are_read_alike(octets: bytes, sizes: list[int], as_view: bool, rechunk: bool) -> None:
    theirs, ours = SOURCES.chunked.ChunkedDecoder(), MACHINE.chunked.ChunkedDecoder()
    assert isinstance(ours, MACHINE.plain_chunks.PlainChunks)
    assert not isinstance(theirs, MACHINE.plain_chunks.PlainChunks)
    for size in (*sizes, len(octets)):
        piece, octets = octets[:size], octets[size:]
        if not piece or ours.done:
            return
        results = [outcome(fed, one, memoryview(piece) if as_view else piece, rechunk) for one in (theirs, ours)]
        assert results[0] == results[1]
        if len(results[0]) == 3:
            return
        assert facts_of(theirs) == facts_of(ours)
