"""Random events against the laboratory: whatever comes in whatever order, nothing breaks and nothing is left behind."""

import random

import pytest
from playbook import FakeLink, Lab

REQUESTS = (
    b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /%d HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
    b"HEAD /%d HTTP/1.1\r\nhost: a\r\n\r\n",
    b"POST /%d HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello",
    b"POST /%d HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"PUT /%d HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\nhello",
    b"GET /%d HTTP/1.1\r\nhost: a\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    b"GET /%d HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    b"POST /%d HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nxx\r\n",
    b"OPTIONS /%d HTTP/1.1\r\nhost: a\r\nmax-forwards: 0\r\n\r\n",
    b"nonsense %d\r\n\r\n",
)
RESPONSES = (
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-n: %d\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-n: %d\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nx-n: %d\r\n\r\nuntil the end",
    b"HTTP/1.1 204 No\r\nx-n: %d\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-n: %d\r\n\r\n",
    b"HTTP/1.1 503 No\r\ncontent-length: 0\r\nx-n: %d\r\n\r\n",
    b"HTTP/1.1 101 Now\r\nupgrade: x\r\nconnection: upgrade\r\nx-n: %d\r\n\r\ntunnelled",
    b"HTTP/1.0 200 OK\r\nx-n: %d\r\n\r\nold",
    b"rubbish %d\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\nx-n: %d\r\n\r\nok",
)
WAITS_MS = (1, 90, 300, 1_100, 4_000)


def configured(chance: random.Random, mode: str) -> Lab:
    lab = Lab(servers=chance.randint(1, 3), mode=mode, algorithm=chance.choice(("roundrobin", "leastconn", "source")))
    backend, frontend = lab.backend, lab.frontend
    frontend.timeout_client_ms = chance.choice((200, 3_000))
    frontend.timeout_client_fin_ms = chance.choice((0, 150))
    frontend.timeout_http_request_ms = chance.choice((0, 500))
    frontend.timeout_http_keep_alive_ms = chance.choice((0, 400))
    frontend.connection_mode = chance.choice(("keep-alive", "keep-alive", "close", "server-close"))
    frontend.logasap = chance.random() < 0.2
    backend.timeout_server_ms = chance.choice((200, 3_000))
    backend.timeout_server_fin_ms = chance.choice((0, 150))
    backend.timeout_queue_ms = chance.choice((0, 300))
    backend.timeout_connect_ms = chance.choice((100, 2_000))
    backend.timeout_tunnel_ms = chance.choice((0, 700))
    backend.abortonclose = chance.random() < 0.5
    backend.retries = chance.randint(0, 3)
    backend.redispatch_after = chance.choice((0, -1, 1, 2))
    backend.http_reuse = chance.choice(("never", "safe", "aggressive", "always"))
    if chance.random() < 0.5:
        backend.retry_on = frozenset({"conn-failure", "empty-response", "junk-response", "response-timeout", "503"})
        backend.retries_l7 = True
    for server in backend.servers:
        server.maxconn = chance.choice((0, 1, 2))
        server.maxqueue = chance.choice((0, 1))
        server.max_reuse = chance.choice((-1, 0, 2))
    return lab


class Walk:
    """One walk: clients, servers, and what may happen to them."""

    def __init__(self, seed: int, mode: str) -> None:
        self.chance = random.Random(seed)
        self.lab = configured(self.chance, mode)
        self.clients: list[FakeLink] = []
        self.servers: list[FakeLink] = []
        self.left: dict[FakeLink, bytes] = {}           # what a client has still to send
        self.number = 0

    def step(self) -> None:
        self.chance.choice((
            self.come, self.ask, self.ask, self.ask, self.go_on, self.go_on, self.connect, self.connect, self.connect,
            self.answer, self.answer, self.answer, self.end, self.tear, self.refuse, self.squeeze, self.release, self.release,
            self.wait,
        ))()
        assert not self.lab.broken_ones, self.lab.broken_ones[0]
        backend = self.lab.backend
        assert backend.served == sum(server.served for server in backend.servers) <= backend.sessions
        assert self.lab.frontend.served == len(self.lab.sessions)

    def alive(self, links: list[FakeLink]) -> FakeLink | None:
        links[:] = [link for link in links if not link.closed]
        return self.chance.choice(links) if links else None

    def come(self) -> None:
        if len(self.clients) < 6:
            self.clients.append(self.lab.client())

    def ask(self) -> None:
        client = self.alive(self.clients)
        if client is not None and not client.peer_ended:
            self.number += 1
            self.left[client] = self.left.get(client, b"") + self.chance.choice(REQUESTS) % self.number
            self.some(client)

    def go_on(self) -> None:
        client = self.alive(self.clients)
        if client is not None:
            self.some(client)

    def some(self, client: FakeLink) -> None:
        octets = self.left.get(client, b"")
        if octets and not client.peer_ended:
            size = self.chance.choice((1, 7, len(octets), len(octets)))
            self.left[client] = octets[size:]
            client.sends(octets[:size])

    def connect(self) -> None:
        asked = self.lab.asked
        if asked:
            self.servers.append(self.chance.choice(asked).accepted())

    def refuse(self) -> None:
        asked = self.lab.asked
        if asked:
            attempt = self.chance.choice(asked)
            attempt.refused() if self.chance.random() < 0.8 else attempt.starved()

    def answer(self) -> None:
        server = self.alive(self.servers)
        if server is None or server.peer_ended:
            return
        self.number += 1
        octets = self.chance.choice(RESPONSES) % self.number
        cut = self.chance.choice((len(octets), len(octets), self.chance.randrange(len(octets))))
        server.sends(octets[:cut])
        if not server.closed and self.chance.random() < 0.8:
            server.sends(octets[cut:])

    def end(self) -> None:
        link = self.alive(self.chance.choice((self.clients, self.servers)))
        if link is not None and not link.peer_ended:
            link.ends()

    def tear(self) -> None:
        link = self.alive(self.chance.choice((self.clients, self.servers)))
        if link is not None:
            link.breaks()

    def squeeze(self) -> None:
        link = self.alive(self.chance.choice((self.clients, self.servers)))
        if link is not None:
            link.room = self.chance.choice((0, 1, 40))

    def release(self) -> None:
        link = self.alive(self.chance.choice((self.clients, self.servers)))
        if link is not None:
            link.takes(self.chance.choice((5, 1 << 30)))

    def wait(self) -> None:
        self.lab.advance(self.chance.choice(WAITS_MS))

    def leave(self) -> None:
        """Everybody goes; then there is time for everything that may still be waited for."""
        for link in self.clients:
            link.breaks()
        for _ in range(30):
            for attempt in self.lab.asked:
                if not attempt.is_over:
                    attempt.refused()
            self.lab.advance(1_100)
        self.lab.assert_at_rest()


@pytest.mark.parametrize("mode", ["http", "tcp"])
@pytest.mark.parametrize("start", range(0, 400, 40))
def test_any_order_of_events(mode, start):
    for seed in range(start, start + 40):
        walk = Walk(seed, mode)
        try:
            for _ in range(120):
                walk.step()
            walk.leave()
        except BaseException as error:
            error.add_note(f"seed {seed}, mode {mode}")
            raise


@pytest.mark.parametrize("start", range(0, 100, 25))
def test_pipelined_requests_are_answered_in_their_order_however_they_are_cut(start):
    for seed in range(start, start + 25):
        chance = random.Random(seed)
        lab = Lab(servers=2)
        client = lab.client()
        requests = b"".join(chance.choice(REQUESTS[:1] + REQUESTS[3:5]) % number for number in range(8))
        served: list[FakeLink] = []
        answered = 0
        for _ in range(400):
            if requests:
                size = chance.randint(1, 60)
                client.sends(requests[:size])
                requests = requests[size:]
            if lab.asked:
                served.append(lab.asked[0].accepted())
            for server in served:
                asked = bytes(server.out)
                whole = b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % answered, b"hello", b"0\r\n\r\n"
                if not server.closed and asked.endswith(whole):
                    server.received()
                    server.sends(RESPONSES[chance.randrange(2)] % answered)
                    answered += 1
        told = client.received()
        numbers = [int(part.split(b"\r\n")[0]) for part in told.split(b"x-n: ")[1:]]
        assert numbers == list(range(8)), seed
        client.ends()
        lab.assert_at_rest()
