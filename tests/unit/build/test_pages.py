"""Error files as they are sent."""

from __future__ import annotations

import pytest

from proxy.build.pages import from_file
from proxy.core.stream.reply import own_response


@pytest.mark.parametrize("raw", [
    b"HTTP/1.0 503 Gone Fishing\r\nContent-Type: text/plain\r\nContent-Length: 99\r\n\r\nback soon",
    b"HTTP/1.0 503 Gone Fishing\nContent-Type: text/plain\n\nback soon",
])
def test_a_file_is_read_and_its_length_counted_anew(raw: bytes) -> None:
    page = from_file(raw, 503)
    assert own_response(503, {503: page}, 1, False, False) == (
        b"HTTP/1.1 503 Gone Fishing\r\ncontent-type: text/plain\r\ncontent-length: 9\r\nconnection: close\r\n\r\nback soon"
    )


def test_an_empty_file_answers_nothing() -> None:
    page = from_file(b"", 408)
    assert own_response(408, {408: page}, 1, True, False) == b""
    assert own_response(503, {408: page}, 1, True, False).startswith(b"HTTP/1.1 503 ")
