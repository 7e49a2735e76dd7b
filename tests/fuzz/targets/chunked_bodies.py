"""Chunked bodies: any cut gives the same; a strict parser agrees on what passes; what is written anew, h11 reads alike."""

from __future__ import annotations

from collections.abc import Iterable

import h11

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.chunk_encoder import CHUNK_END, chunk_head, last_chunk
from proxy.core.http1.chunked import ChunkedDecoder
from proxy.core.http1.head import Fields
from proxy.core.stream.body import Body
from tests.corpus.http1 import strict
from tests.fuzz.cuts import pieces_of

Fate = tuple[str, bytes, Fields, bytes]
LONGEST = 4096
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
WORDS = (
    b"0\r\n\r\n", b"5\r\nhello\r\n", b"\r\n", b";a=b", b';a="b\\"c"', b"7fffffffffffffff", b"8000000000000000",
    b"0\r\nX-A: b\r\n\r\n", b"Content-Length: 3\r\n", b"\t", b"00000000000000000",
)


def seeds() -> Iterable[bytes]:
    yield b"5\r\nhello\r\n0\r\n\r\n"
    yield b"5;name=value\r\nhello\r\na\r\n0123456789\r\n00\r\nX-Sum: 1\r\nHost: b\r\n\r\nGET"
    yield b'3 ; a="b;\\"c" ; d\r\nabc\r\n0;x\r\n\r\n'
    yield b"7fffffffffffffff\r\nabc"
    yield b"10\r\n" + b"a" * 16 + b"\r\n1\r\nb\r\n" * 20 + b"0\r\n" + b"a: b\r\n" * 20 + b"\r\n"


def fate(pieces: list[bytes]) -> Fate:
    """How a body ends that comes in these pieces."""
    decoder, content = ChunkedDecoder(), b""
    for number, piece in enumerate(pieces):
        try:
            content += decoder.feed(piece)
        except RemoteProtocolError as error:
            assert error.status == 400
            return "refused", b"", [], b""
        if decoder.done:
            left = piece[len(piece) - decoder.leftover:] + b"".join(pieces[number + 1:])
            return "done", content, decoder.trailers, left
    return "unfinished", content, [], b""


def forwarded(pieces: list[bytes]) -> bytes:
    """The body as it leaves, in chunks of our own."""
    body, out = Body(0, ChunkedDecoder(), rechunk=True), b""
    for piece in pieces:
        if body.done:
            break
        out += body.feed(piece)
    return out


def check(octets: bytes) -> None:
    whole = fate([octets] if octets else [])
    pieces = pieces_of(octets)
    assert fate(pieces) == whole
    assert fate([octets[at:at + 1] for at in range(len(octets))]) == whole
    kind, content, trailers, left = whole
    try:
        message, end = strict.request(HEAD + octets)
    except strict.Incomplete:
        assert kind != "done"
    except strict.Violation:
        assert kind != "done"
    else:
        if kind == "done":
            assert (message.body, (HEAD + octets)[end:]) == (content, left)
    if kind == "done":
        assert fate([chunk_head(len(content)) + content + CHUNK_END if content else b"", last_chunk(trailers)][not content:]) == (
            "done", content, trailers, b"")
        for cut in ([octets], pieces):
            assert h11_reads(forwarded(cut)) == (content, trailers)


def h11_reads(octets: bytes) -> tuple[bytes, Fields]:
    """Content and trailers of a chunked body, by h11."""
    server, content = h11.Connection(h11.SERVER), b""
    server.receive_data(HEAD + octets)
    assert isinstance(server.next_event(), h11.Request)
    while not isinstance(event := server.next_event(), h11.EndOfMessage):
        assert isinstance(event, h11.Data), event
        content += event.data
    return content, [(bytes(name), bytes(value)) for name, value in event.headers]
