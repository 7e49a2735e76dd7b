"""Octets that come in other pieces make the same exchange: what servers and clients get, and what is logged.

Not where a body breaks its framing: what came before the fault has been passed on if it came early enough.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.property.heads import requests, responses
from tests.scenario.playbook import FakeLink, Lab

REQUESTS = st.sampled_from([
    b"GET /1 HTTP/1.1\r\nhost: a\r\n\r\n", b"GET /2 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
    b"HEAD /3 HTTP/1.1\r\nhost: a\r\n\r\n",
    b"POST /4 HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello",
    b"POST /5 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-a: b\r\n\r\n",
    b"GET /6 HTTP/1.1\r\nhost: a\r\ncookie: a=1; SRV=s0\r\nconnection: close\r\n\r\n",
]) | requests()
RESPONSES = st.sampled_from([
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\nx-a: b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"HTTP/1.1 204 No\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\nold", b"rubbish\r\n\r\n",
    b"HTTP/1.1 103 Soon\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    b"HTTP/1.1 101 Now\r\nupgrade: x\r\nconnection: upgrade\r\n\r\ntunnelled",
]) | responses()
CUTS = st.lists(st.integers(1, 30), max_size=40)


def pieces(octets: bytes, sizes: list[int]) -> list[bytes]:
    """The octets in pieces of these sizes, then the rest."""
    found, at = [], 0
    for size in sizes:
        found.append(octets[at:at + size])
        at += size
    return [piece for piece in (*found, octets[at:]) if piece]


def say(link: FakeLink, octets: bytes, sizes: list[int]) -> None:
    for piece in pieces(octets, sizes):
        if link.closed:
            return
        link.sends(piece)


def exchange(request: bytes, response: bytes, sizes: tuple[list[int], list[int]]) -> dict[str, Any]:
    """One connection's one request and its response, both ends closed after it; the chunks of bodies put together."""
    lab = Lab(servers=1)
    client = lab.client()
    server = None
    for piece in pieces(request, sizes[0]):
        if not client.closed:
            client.sends(piece)
        if server is None and lab.asked:
            server = lab.asked[0].accepted()
    asked = b""
    if server is not None:
        asked = server.received()
        say(server, response, sizes[1])
        if not server.closed:
            server.ends()
    told = client.received()
    records = [(record.status, record.termination, record.method, record.target) for record in lab.records()]
    if not client.closed and not client.peer_ended:
        client.ends()
    assert not lab.broken_ones, lab.broken_ones[0]
    return {"asked": unchunked(asked), "told": unchunked(told), "records": records, "closed": client.closed,
            "server closed": server is None or server.closed}


def unchunked(octets: bytes) -> bytes:
    """The same with a chunked body in one chunk: how it is cut into chunks is nobody's promise."""
    head, found, body = octets.partition(b"\r\n\r\n")
    if not found or b"transfer-encoding: chunked" not in head:
        return octets
    content = b""
    while body:
        size, found, rest = body.partition(b"\r\n")
        if not found or not size or int(size, 16) == 0:
            break
        content += rest[:int(size, 16)]
        body = rest[int(size, 16) + 2:]
    return head + b"\r\n\r\n" + content + b"|" + body


@given(REQUESTS, RESPONSES, CUTS, CUTS)
def test_other_pieces_make_the_same_exchange(request: bytes, response: bytes, asked: list[int], told: list[int]) -> None:
    assert exchange(request, response, (asked, told)) == exchange(request, response, ([], []))
