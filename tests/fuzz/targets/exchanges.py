"""A client's octets and a server's, each in pieces, through the whole of a session: nothing breaks, nothing is left behind.

What a client and what a server says is separated by the octets of BETWEEN; the first octet sets options.
"""

from __future__ import annotations

from collections.abc import Iterable

from tests.fuzz.cases import REQUESTS, RESPONSES
from tests.fuzz.cuts import chance_of, pieces_of
from tests.scenario.playbook import FakeLink, Lab

LONGEST = 2048
BETWEEN = b"\xff\xfe"
MOST_CONNECTIONS = 8
WORDS = (
    BETWEEN, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"POST / HTTP/1.1\r\nhost: a\r\n", b"content-length: 5\r\n\r\nhello",
    b"transfer-encoding: chunked\r\n\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"expect: 100-continue\r\n", b"connection: close\r\n",
    b"upgrade: websocket\r\nconnection: upgrade\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 101 Now\r\n",
    b"HTTP/1.1 200 OK\r\n", b"content-length: 2\r\n\r\nok", b"HTTP/1.1 204 No\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n",
)


def seeds() -> Iterable[bytes]:
    for number, request in enumerate(REQUESTS):
        yield bytes([number % 256]) + request + BETWEEN + RESPONSES[number % len(RESPONSES)]
    for number, response in enumerate(RESPONSES):
        yield bytes([number % 256]) + REQUESTS[number % 7] * 2 + BETWEEN + response * 2


def lab_of(options: int) -> Lab:
    """The laboratory these bits ask for."""
    lab = Lab(servers=1, mode="tcp" if options & 96 == 96 else "http")
    lab.frontend.connection_mode = ("keep-alive", "close", "server-close", "keep-alive")[options & 3]
    lab.backend.http_reuse = "always" if options & 4 else "safe"
    lab.backend.abortonclose = bool(options & 8)
    if options & 16:
        lab.backend.retries, lab.backend.redispatch_after = 2, -1
        lab.backend.retry_on = frozenset({"conn-failure", "empty-response", "junk-response"})
        lab.backend.retries_l7 = True
    return lab


def check(octets: bytes) -> None:
    lab, chance = lab_of(octets[0] if octets else 0), chance_of(octets)
    asked, _, answered = octets[1:].partition(BETWEEN)
    client, answers = lab.client(), pieces_of(answered)
    servers: list[FakeLink] = []
    for piece in pieces_of(asked):
        if not client.closed:
            client.sends(piece)
        turn(lab, servers, answers, chance.random() < 0.5)
    while answers and any(not server.closed for server in servers):
        turn(lab, servers, answers, True)
    for link in [*servers, client] if chance.random() < 0.5 else [client, *servers]:
        if not link.closed and not link.peer_ended:
            link.ends()
    for _ in range(5):
        while lab.asked:
            lab.asked[0].refused()
        lab.advance(31_000)
    if not client.closed:
        client.breaks()
    lab.advance(31_000)
    lab.assert_at_rest()
    records = lab.records()
    assert all(len(record.termination) >= 2 for record in records)
    assert lab.counted(lab.frontend).get("ereq", 0) <= len(records)


def turn(lab: Lab, servers: list[FakeLink], answers: list[bytes], speaks: bool) -> None:
    """Connections that are asked for come about, as far as they are few; the last server says its next piece."""
    while lab.asked and len(servers) < MOST_CONNECTIONS:
        servers.append(lab.asked[0].accepted())
    if speaks and answers and servers:
        piece = answers.pop(0)
        if not servers[-1].closed and not servers[-1].peer_ended:
            servers[-1].sends(piece)
    assert not lab.broken_ones, lab.broken_ones[0]
