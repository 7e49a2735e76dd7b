"""Requests whose body is waited for before a server is chosen: `option http-buffer-request`, `balance url_param … check_post`."""

from __future__ import annotations

from tests.differential.scenario import LISTEN, Scenario
from tests.differential.scenarios_balance import THREE, WEIGHTED
from tests.differential.scenarios_http import ONE
from tests.differential.steps import Drop, End, Receive, ReceiveOctets, Send, Shut, Step, flat, fresh, request

BUFFERED = ONE + " option http-buffer-request\n"
IN_BACKEND = "frontend front\n bind @front@\n default_backend back\nbackend back\n option http-buffer-request\n server s1 @s1@\n"
PART = request("/", "Content-Length: 6", method="POST") + b"abc"
CHUNKED = request("/", "Transfer-Encoding: chunked", method="POST")
BODIES = (b"u=1", b"a=b&u=2", b"a=b&u=3&c=d", b"xu=1", b"u", b"u=", b"a=b&v=7", b"&&u=4")


def waiting(name: str, config: str, *steps: Step | list[Step], logs: int = 1) -> Scenario:
    return Scenario(f"waiting-{name}", config, flat(*steps), servers={"s1": {}}, logs=logs)


def posted(body: bytes, method: str = "POST", target: str = "/") -> list[Step]:
    octets = request(target, "Connection: close", method=method, body=body)
    return [Send(octets=octets), Receive(), End(), Drop()]


def in_chunks(body: bytes) -> list[Step]:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:3], body[3:]) if piece)
    octets = request("/", "Connection: close", "Transfer-Encoding: chunked", method="POST")
    return [Send(octets=octets + chunks + b"0\r\n\r\n"), Receive(), End(), Drop()]


def checked(name: str, line: str, *steps: list[Step]) -> Scenario:
    lines = "".join(f" {part}\n" for part in line.split(" ; "))
    return Scenario(f"waiting-{name}", LISTEN + lines + WEIGHTED, flat(*steps), servers=THREE, logs=len(steps))


SCENARIOS = (
    waiting("whole", BUFFERED, Send(octets=PART + b"def"), Receive(), Send(octets=PART), Send(octets=b"def"), Receive(), logs=2),
    waiting("chunks", BUFFERED, Send(octets=CHUNKED + b"3\r\nab"), Send(octets=b"c\r\n2\r\nde\r\n0\r\n\r\n"), Receive()),
    waiting("large", BUFFERED, Send(octets=request("/", method="POST", body=b"x" * 100_000)), Receive()),
    waiting("bad-chunk", BUFFERED, Send(octets=CHUNKED + b"3\r\nabc\r\n"), Send(octets=b"ZZ\r\n"), Receive(), End()),
    waiting("late", BUFFERED + " timeout http-request 800ms\n", Send(octets=PART), Receive(), End()),
    waiting("silent", BUFFERED + " timeout client 800ms\n", Send(octets=PART), Receive(), End()),
    waiting("late-in-backend", IN_BACKEND + " timeout http-request 800ms\n", Send(octets=PART), Receive(), End()),
    waiting("cut", BUFFERED, Send(octets=PART), Shut(), End()),
    waiting(
        "expecting", BUFFERED,
        Send(octets=request("/", "Expect: 100-continue", "Content-Length: 3", method="POST")),
        ReceiveOctets(until=b"\r\n\r\n"), Send(octets=b"abc"), Receive(),
    ),
    waiting(
        "not-expecting-any-more", BUFFERED,
        Send(octets=request("/", "Expect: 100-continue", "Content-Length: 3", method="POST") + b"abc"), Receive(),
    ),
    checked("parameter", "balance url_param u check_post", *map(posted, BODIES), *map(in_chunks, BODIES)),
    checked("parameter-consistent", "balance url_param u check_post ; hash-type consistent", *map(posted, BODIES)),
    checked(
        "parameter-elsewhere", "balance url_param u check_post",
        posted(b"u=1", "PUT"), posted(b"u=1", target="/?u=2"), posted(b"u=1", target="/?x=2"), fresh("/?u=1"), fresh("/"),
    ),
    checked(
        "parameter-beyond-a-buffer", "balance url_param u check_post",
        posted(b"u=1&x=" + b"y" * 50_000), posted(b"x=" + b"y" * 50_000 + b"&u=1"),
    ),
    waiting("parameter-late", ONE + " balance url_param u check_post\n timeout http-request 800ms\n", Send(octets=PART),
            Receive(), End()),
)
