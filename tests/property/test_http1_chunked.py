"""The laws of chunked bodies: any split gives the same, what is encoded is decoded, a strict parser agrees on what passes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.chunk_encoder import CHUNK_END, chunk_head, last_chunk
from proxy.core.http1.chunked import ChunkedDecoder
from proxy.core.http1.head import Fields

SPEC = importlib.util.spec_from_file_location("strict", Path(__file__).parents[1] / "corpus" / "http1" / "strict.py")
assert SPEC is not None
assert SPEC.loader is not None
strict = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(strict)

Fate = tuple[str, bytes, Fields, bytes]
PIECES = st.sampled_from([
    b"5", b"a", b"0", b"00", b"F", b"7fffffffffffffff", b"8000000000000000", b"10000000000000005", b"\r\n", b"\r", b"\n",
    b"hello", b";a=b", b" ", b"\t", b"\x00", b"0123456789", b"0\r\n\r\n", b"5\r\nhello\r\n", b"X: y\r\n", b"x-a:\r\n",
    b"Content-Length: 3\r\n", b":", b"+", b"0x",
])
STREAMS = st.lists(st.one_of(PIECES, PIECES, st.binary(max_size=3)), max_size=12).map(b"".join)


def fate(octets: bytes, sizes: list[int]) -> Fate:
    """How a body ends when it comes in pieces of these sizes, the last one all the rest."""
    decoder, content, at = ChunkedDecoder(), b"", 0
    try:
        for size in (*sizes, len(octets)):
            piece = octets[at:at + size]
            if not piece:
                continue
            at += len(piece)
            content += decoder.feed(piece)
            if decoder.done:
                return "done", content, decoder.trailers, octets[at - decoder.leftover:]
    except RemoteProtocolError:
        return "refused", b"", [], b""
    return "unfinished", content, [], b""


@given(STREAMS, st.lists(st.integers(1, 6), max_size=40))
def test_splitting_changes_nothing(octets: bytes, sizes: list[int]) -> None:
    assert fate(octets, sizes) == fate(octets, []) == fate(octets, [1] * len(octets))


@given(STREAMS)
def test_what_is_accepted_is_what_a_strict_parser_reads(octets: bytes) -> None:
    kind, content, _, left = fate(octets, [])
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    try:
        message, end = strict.request(head + octets)
    except strict.Incomplete:
        assert kind in ("unfinished", "refused")
    except strict.Violation:
        assert kind != "done"
    else:
        if kind == "done":
            assert (message.body, (head + octets)[end:]) == (content, left)


@given(
    st.lists(st.binary(min_size=1, max_size=300), max_size=5), st.lists(st.integers(1, 50), max_size=30), st.binary(max_size=5),
)
def test_what_is_encoded_is_decoded(chunks: list[bytes], sizes: list[int], more: bytes) -> None:
    trailers = [(b"x-sum", b"1")] if len(chunks) % 2 else []
    octets = b"".join(chunk_head(len(chunk)) + chunk + CHUNK_END for chunk in chunks) + last_chunk(trailers) + more
    assert fate(octets, sizes) == ("done", b"".join(chunks), trailers, more)
