"""What `-d` finds on a client's connection, however its octets are cut."""

from __future__ import annotations

import pytest

from proxy.core.http1.limits import DEFAULT_LIMITS
from proxy.engine.dialogue import Dialogue
from proxy.engine.tracing import shown

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\nGET /no HTTP/1.1\r\nHost: no\r\n\r\n"
CHUNKED = b"PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nGET /n HTTP/1.1\r\r\n0\r\nX-T: 1\r\n\r\n"
HEAD = b"HEAD /d HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/"
OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
OK_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHTTP/\r\n0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
UNTIL_END = b"HTTP/1.0 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
UPGRADE = b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
CONNECT = b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n"


class Watched:
    """A dialogue, and the start lines seen."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answered: list[str] = []
        self.dialogue = Dialogue(
            DEFAULT_LIMITS, lambda lines: self.asked.append(lines[0].decode()),
            lambda lines: self.answered.append(lines[0].decode()),
        )

    def pass_(self, requests: bytes, responses: bytes, step: int) -> None:
        for direction, octets in ((self.dialogue.requests, requests), (self.dialogue.responses, responses)):
            for at in range(0, len(octets), step):
                direction.feed(octets[at : at + step])


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_heads_are_found_and_bodies_are_not_taken_for_heads(step: int) -> None:
    watched = Watched()
    watched.pass_(GET + POST + CHUNKED + HEAD + GET + GET, OK + CONTINUE + OK_CHUNKED + OK + OK_HEAD + EMPTY + UNTIL_END, step)
    assert watched.asked == [
        "GET /a HTTP/1.1", "POST /b HTTP/1.1", "PUT /c HTTP/1.1", "HEAD /d HTTP/1.1", "GET /a HTTP/1.1", "GET /a HTTP/1.1",
    ]
    assert watched.answered == [
        "HTTP/1.1 200 OK", "HTTP/1.1 100 Continue", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK",
        "HTTP/1.1 204 No Content", "HTTP/1.0 200 OK",
    ]


@pytest.mark.parametrize("step", [1, 1000])
@pytest.mark.parametrize(("request_", "answer"), [(UPGRADE, SWITCHED), (CONNECT, b"HTTP/1.1 200 OK\r\n\r\n")])
def test_nothing_is_looked_at_in_a_tunnel(request_: bytes, answer: bytes, step: int) -> None:
    watched = Watched()
    watched.pass_(request_, answer + OK, step)
    watched.pass_(GET, OK, step)
    assert len(watched.asked) == len(watched.answered) == 1


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x00", b"GET / HTTP/1.1\r\nno field\r\n\r\n", b"GET\r\n\r\n" + GET])
def test_what_is_no_http_is_left_alone(garbage: bytes) -> None:
    watched = Watched()
    watched.pass_(garbage, garbage, 1000)
    watched.pass_(GET, OK, 1000)
    assert watched.asked == watched.answered == []


def test_a_chunked_body_that_is_none_ends_the_watch() -> None:
    watched = Watched()
    watched.pass_(CHUNKED.replace(b"10\r\n", b"zz\r\n") + GET, b"", 1000)
    assert watched.asked == ["PUT /c HTTP/1.1"]


def test_an_answer_that_nobody_asked_for_is_shown() -> None:
    watched = Watched()
    watched.pass_(b"", b"HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\n\r\n", 1000)
    assert watched.answered == ["HTTP/1.1 408 Request Time-out"]


def test_nobody_writes_to_the_terminal() -> None:
    assert shown(b"a\x1b[2J\xc3\xa9\\") == "a\\x1b[2J\\xc3\\xa9\\"
