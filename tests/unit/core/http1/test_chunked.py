"""Chunked bodies: spans without copies, lines in any pieces, strict line ends, bounded everything."""

from __future__ import annotations

import random

import pytest

from proxy.base.errors import LocalProtocolError, RemoteProtocolError
from proxy.core.http1 import chunked
from proxy.core.http1.chunk_encoder import CHUNK_END, LAST_CHUNK, chunk_head, last_chunk
from proxy.core.http1.chunked import ChunkedDecoder


def decode(octets: bytes, sizes: tuple[int, ...] = ()) -> tuple[bytes, bytes, ChunkedDecoder]:
    """Content, what is left behind the end, and the decoder; `sizes` says how to cut, the rest comes at once."""
    decoder, content, at = ChunkedDecoder(), b"", 0
    for size in (*sizes, len(octets)):
        piece = octets[at:at + size]
        if not piece:
            break
        at += len(piece)
        content += decoder.feed(piece)
        if decoder.done:
            return content, octets[at - decoder.leftover:], decoder
    return content, b"", decoder


def refused(octets: bytes) -> int:
    """The status a body is refused with, however it comes: whole, byte by byte, cut in two anywhere, in random pieces."""
    statuses = set()
    ways = [(), (1,) * len(octets), *((at,) for at in range(1, min(len(octets), 100)))]
    for seed in range(10):
        rng = random.Random(seed)
        ways.append(tuple(rng.randrange(1, 9) for _ in octets))
    for sizes in ways:
        with pytest.raises(RemoteProtocolError) as caught:
            decode(octets, sizes)
        statuses.add(caught.value.status)
    assert len(statuses) == 1
    return statuses.pop()


def test_content_without_copying() -> None:
    octets = b"5\r\nhello\r\n0\r\n\r\nGET"
    decoder = ChunkedDecoder()
    content = decoder.feed(octets)
    assert isinstance(content, memoryview)
    assert content.obj is octets
    assert (content, decoder.chunks, decoder.done, decoder.leftover) == (b"hello", 1, True, 3)


def test_content_in_several_places() -> None:
    decoder = ChunkedDecoder()
    assert decoder.feed(b"5\r\nhello\r\n6;a\r\n world\r\n1\r\n!\r\n0\r\n\r\nGET") == b"hello world!"
    assert (decoder.chunks, decoder.done, decoder.leftover) == (3, True, 3)


@pytest.mark.parametrize(("octets", "leaves"), [
    (b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET", b"b\r\nhello world\r\n0\r\n\r\n"),
    (b"5\r\nhel", b"3\r\nhel\r\n"),
    (b"5\r\nhello\r\n0\r\nX: y\r\n\r\n", b"5\r\nhello\r\n0\r\nx: y\r\n\r\n"),
    (b"00\r\n\r\n", b"0\r\n\r\n"),
    (b"0\r\n", b""),
    (b"", b""),
    (b"1\r\na\r\n" * 300 + b"0\r\n\r\n", b"12c\r\n" + b"a" * 300 + b"\r\n0\r\n\r\n"),
    (b"2;a=b\r\naa\r\n1\r\nb\r\n1\r\nc\r\n1;d\r\nd", b"5\r\naabcd\r\n"),
])
def test_chunks_of_our_own_making(octets: bytes, leaves: bytes) -> None:
    assert ChunkedDecoder().rechunk(octets) == leaves
    assert ChunkedDecoder().rechunk(memoryview(bytearray(octets))) == leaves


@pytest.mark.parametrize("length", [1, 15, 16, 17, 255, 256, 257, 4095, 4096, 65535, 65536])
def test_the_size_of_our_own_chunks(length: int) -> None:
    content = bytes(length)
    for chunk in (1, 7, length):
        octets = b"".join(chunk_head(len(part)) + part + CHUNK_END for part in
                          (content[at:at + chunk] for at in range(0, length, chunk)))
        assert ChunkedDecoder().rechunk(octets) == chunk_head(length) + content + CHUNK_END


def test_views_are_as_good_as_bytes() -> None:
    octets = bytearray(b"xx5\r\nhello\r\n0\r\nA: b\r\n\r\nyy")
    decoder = ChunkedDecoder()
    assert decoder.feed(memoryview(octets)[2:]) == b"hello"
    assert (decoder.done, decoder.leftover, decoder.trailers) == (True, 2, [(b"a", b"b")])


def test_every_split_gives_the_same() -> None:
    octets = b"5;a=b\r\nhello\r\n00A ; x \r\n0123456789\r\n0;c\r\nX-A: 1\r\nx-b:2\t\r\n\r\nrest"
    for at in range(1, len(octets)):
        content, left, decoder = decode(octets, (at,))
        assert (content, left) == (b"hello0123456789", b"rest")
        assert decoder.trailers == [(b"x-a", b"1"), (b"x-b", b"2")]
    content, left, decoder = decode(octets, (1,) * len(octets))
    assert content == b"hello0123456789"
    assert decoder.trailers == [(b"x-a", b"1"), (b"x-b", b"2")]


def test_a_span_inside_a_chunk() -> None:
    decoder = ChunkedDecoder()
    decoder.feed(b"fffff\r\n")
    piece = bytes(0x8000)
    for _ in range(0xFFFFF // 0x8000):
        span = decoder.feed(piece)
        assert isinstance(span, memoryview)
        assert span.obj is piece
    assert decoder.feed(bytes(0xFFFFF % 0x8000)) == bytes(0xFFFFF % 0x8000)
    assert decoder.feed(b"\r") == b""
    assert decoder.feed(b"\n0\r\n\r\n") == b""
    assert decoder.done


def test_nothing_fed_changes_nothing() -> None:
    decoder = ChunkedDecoder()
    assert decoder.feed(b"") == b""
    decoder.feed(b"5\r\nhe")
    assert decoder.feed(b"") == b""
    assert decoder.feed(b"llo\r\n0\r\n\r\n") == b"llo"


@pytest.mark.parametrize("line", [
    b"A\r\n", b"a\r\n", b"000000000000000000000000000000A\r\n", b"A;a=b\r\n", b"A ;a\r\n", b"A\t;\r\n", b"A \r\n",
    b'A;a="b;c"\r\n', b"A;;\r\n",
])
def test_size_lines(line: bytes) -> None:
    assert decode(line + b"0123456789\r\n0\r\n\r\n")[0] == b"0123456789"


@pytest.mark.parametrize("line", [
    b"\r\n", b";a\r\n", b" 5\r\n", b"\t5\r\n", b"+5\r\n", b"-5\r\n", b"-0\r\n", b"0x5\r\n", b"5_0\r\n", b'"5"\r\n', b"5\xa0\r\n",
    b"g\r\n", b"5 a=b\r\n", b"5\n", b"5\r\r\n", b"5;a\rb\r\n", b"5;a\x00\r\n", b"5;a\nb\r\n", b"\xd9\xa4\r\n", b"5,\r\n",
    b"5.0\r\n", b"5h\r\n", b"10000000000000005\r\n", b"ffffffffffffffff\r\n", b"8000000000000000\r\n",
    b"5;a=" + b"b" * 5000 + b"\r\n", b"0" * 5000 + b"\r\n",
])
def test_bad_size_lines(line: bytes) -> None:
    assert refused(line + b"hello\r\n0\r\n\r\n") == 400


def test_the_largest_chunk_waits() -> None:
    decoder = ChunkedDecoder()
    assert decoder.feed(b"7fffffffffffffff\r\nhello") == b"hello"
    assert not decoder.done


def test_an_endless_line_is_refused_when_it_is_too_long() -> None:
    decoder = ChunkedDecoder()
    decoder.feed(b"5;" + b"a" * (chunked.LARGEST_LINE - 4))
    decoder.feed(b"aa")
    with pytest.raises(RemoteProtocolError):
        decoder.feed(b"a")


def test_the_longest_line_is_allowed() -> None:
    line = b"5;" + b"a" * (chunked.LARGEST_LINE - 4) + b"\r\n"
    assert len(line) == chunked.LARGEST_LINE
    for before in (b"", b"1\r\n \r\n"):
        for sizes in ((), (1,) * len(before + line), (len(before) + chunked.LARGEST_LINE - 1,)):
            assert decode(before + line + b"hello\r\n0\r\n\r\n", sizes)[0].lstrip() == b"hello"
        assert refused(before + b"5;a" + line[2:]) == 400


@pytest.mark.parametrize("end", [b"XX", b"\n", b"\rX", b"\r\r\n", b" \r\n", b"0\r\n\r\n"])
def test_chunks_end_with_crlf(end: bytes) -> None:
    assert refused(b"5\r\nhello" + end + b"0\r\n\r\n") == 400


def test_a_wrong_chunk_end_is_refused_at_its_first_octet() -> None:
    decoder = ChunkedDecoder(502)
    decoder.feed(b"5\r\nhello")
    with pytest.raises(RemoteProtocolError) as caught:
        decoder.feed(b"X")
    assert caught.value.status == 502


def test_half_a_chunk_end_is_not_forgotten() -> None:
    decoder = ChunkedDecoder()
    decoder.feed(b"5\r\nhello\r")
    with pytest.raises(RemoteProtocolError):
        decoder.feed(b"\r\n5\r\nhello")


@pytest.mark.parametrize("trailer", [
    b"Foo\r\n", b"X[]: b\r\n", b"X : b\r\n", b": b\r\n", b"X: a\x00\r\n", b"X: a\rb\r\n", b"X: a\n", b" X: a\r\n",
    b"X: a\r\n b\r\n", b"X\xe9: b\r\n", b"\rX\r\n", b"\n", b"X: " + b"a" * 5000 + b"\r\n",
])
def test_bad_trailers(trailer: bytes) -> None:
    assert refused(b"0\r\n" + trailer + b"\r\n") == 400


@pytest.mark.parametrize("name", [
    b"Content-Length", b"transfer-encoding", b"HOST", b"connection", b"Trailer", b"authorization", b"cookie", b"set-cookie",
    b"TE", b"x-forwarded-for", b"content-type", b"upgrade", b"expect", b"cache-control", b"range",
])
def test_fields_that_are_no_trailers_are_dropped(name: bytes) -> None:
    assert decode(b"0\r\n" + name + b": 1\r\nX: y\r\n\r\n")[2].trailers == [(b"x", b"y")]


def test_trailers_are_bounded() -> None:
    line = b"X: " + b"a" * 1000 + b"\r\n"
    assert len(decode(b"0\r\n" + line * 8 + b"\r\n")[2].trailers) == 8
    assert refused(b"0\r\n" + line * 9) == 400
    assert len(decode(b"0\r\n" + b"X:\r\n" * 100 + b"\r\n")[2].trailers) == 100
    assert refused(b"0\r\n" + b"X:\r\n" * 101) == 400
    assert refused(b"0\r\n" + b"Host: a\r\n" * 2000) == 400


def test_octets_after_the_end_are_our_mistake() -> None:
    decoder = ChunkedDecoder()
    decoder.feed(LAST_CHUNK)
    with pytest.raises(LocalProtocolError):
        decoder.feed(b"x")


def test_what_is_encoded_is_decoded() -> None:
    trailers = [(b"x-sum", b"1"), (b"x-b", b"")]
    octets = chunk_head(5) + b"hello" + CHUNK_END + chunk_head(20) + b"w" * 20 + CHUNK_END + last_chunk(trailers)
    content, left, decoder = decode(octets)
    assert (content, left, decoder.trailers) == (b"hello" + b"w" * 20, b"", trailers)
    assert last_chunk([]) == LAST_CHUNK


@pytest.mark.parametrize("length", [0, -1])
def test_an_empty_chunk_is_not_written(length: int) -> None:
    with pytest.raises(LocalProtocolError):
        chunk_head(length)
