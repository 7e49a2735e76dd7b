"""A case on its way through real sessions and streams, between a client and a server without sockets.

The server reads with the strict parser and answers what is valid; its octets and the client's are kept, connection by connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.corpus.http1 import strict
from tests.scenario.playbook import FakeLink, Lab

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Passage:
    """One client's connection through a proxy to servers that answer."""

    def __init__(self, script: Callable[[FakeLink], None] | None = None) -> None:
        self.lab = Lab()
        self.script = script                    # answers /case in the place of `answer`
        self.client = self.lab.client()
        self.servers: list[FakeLink] = []
        self.octets: dict[FakeLink, bytes] = {}
        self.read_to: dict[FakeLink, int] = {}
        self.continued: set[FakeLink] = set()
        self.tunnels: set[FakeLink] = set()     # behind an accepted CONNECT, octets are nobody's requests
        self.requests: list[Any] = []
        self.got = b""

    def send(self, pieces: Iterable[bytes], half_close: bool = False) -> None:
        """The client sends these pieces, the servers answer as soon as they can."""
        for piece in pieces:
            if self.client.closed or self.client.ended:
                break
            self.client.sends(piece)
            self.run()
        if half_close and not self.client.closed:
            self.client.ends()
            self.run()
        self.got += self.client.received()

    def run(self) -> None:
        """Let the servers read and answer until nothing moves."""
        while any([*map(self.accept, self.lab.asked), *map(self.serve, list(self.servers))]):
            self.lab.settle()

    def accept(self, attempt: Any) -> bool:
        self.lab.attempts.remove(attempt)
        link = attempt.accepted()
        self.servers.append(link)
        self.octets[link], self.read_to[link] = b"", 0
        return True

    def serve(self, link: FakeLink) -> bool:
        """Read what has come; True if it was answered."""
        self.octets[link] += link.received()
        octets, at = self.octets[link], self.read_to[link]
        if at == len(octets) or link.closed or link in self.tunnels:
            return False
        try:
            message, end = strict.request(octets, at)
        except strict.Incomplete as part:
            expects = part.args and any(b"100-continue" in value for value in part.args[0].all(b"expect"))
            if expects and link not in self.continued:
                self.continued.add(link)
                link.sends(CONTINUE)
                return True
            return False
        self.read_to[link] = end
        self.requests.append(message)
        if message.start[0] == b"CONNECT":
            self.tunnels.add(link)
        if self.script is not None and message.start[1] == b"/case":
            self.script(link)
        else:
            link.sends(answer(message))
        return True

    @property
    def is_closed(self) -> bool:
        """Does the client see the end of what it is sent?"""
        return self.client.closed or self.client.ended

    def end(self) -> None:
        """Everybody leaves; nothing may be left behind."""
        for link in (self.client, *self.servers):
            if not link.closed and not link.peer_ended:
                link.ends()
        self.lab.advance(120_000)
        self.lab.assert_at_rest()


def answer(message: Any) -> bytes:
    """A valid response to any request, which names its target."""
    body = b"" if message.start[0] == b"HEAD" else b"ok\n"
    return b"HTTP/1.1 200 OK\r\nX-Target: %s\r\nContent-Length: 3\r\n\r\n%s" % (message.start[1][:200], body)
