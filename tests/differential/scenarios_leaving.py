"""Clients that go: by a half-close or a reset, with and without `option abortonclose`, at every stage of a request."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.differential.origin import Do, Expect, Script
from tests.differential.scenario import LISTEN, Scenario
from tests.differential.scenarios_http import ONE
from tests.differential.scenarios_other import TCP
from tests.differential.steps import Drop, End, Receive, ReceiveOctets, Release, Seen, Send, Shows, Shut, Step, ask, flat, request

SLOT = LISTEN + " server s1 @s1@ maxconn 1\n"
DEAD = LISTEN + " server s1 @nobody@\n retries 1\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
LATE: dict[str, dict[str, Script]] = {"s1": {"/slow": (Do.READ_BODY, Do.HELD, HEAD + b"okay")}}
UNREAD: dict[str, dict[str, Script]] = {"s1": {"/slow": (Do.HELD, Do.READ_BODY, HEAD + b"okay")}}
HALF: dict[str, dict[str, Script]] = {"s1": {"/slow": (Do.READ_BODY, HEAD + b"ok", Do.HELD, b"ay")}}
TCP_LATE: dict[str, Script] = {"s1": (Expect(b"ping"), b"pong", Do.HELD, b"x", Do.CLOSE)}
UPLOAD = request("/slow", "Content-Length: 10", method="POST") + b"abc"
WAITS = Shows(row="app/BACKEND", column="qcur", value="1")
RETRIES = Shows(row="app/BACKEND", column="wretr", value="1")
GO_ON = Release(server="s1")
OPTIONS = {"plain": "", "abort": " option abortonclose\n"}
WAYS: dict[str, Step] = {"fin": Shut(), "rst": Drop(reset=True)}


def each(
    name: str, config: str, before: Sequence[Step | list[Step]], after: Sequence[Step], ends: Sequence[Step], *, logs: int = 1,
    servers: dict[str, dict[str, Script]] | None = None, raw: dict[str, Script] | None = None, defaults: str | None = None,
) -> list[Scenario]:
    """The same with both options and both ways to go; `ends` is what a client still sees that has only half-closed."""
    make: Callable[..., Scenario] = Scenario
    options = {} if defaults is None else {"defaults": defaults}
    return [
        make(
            f"{name}-{option}-{way}", config + line, flat(*before, leave, *after, *(ends if way == "fin" else ())), logs=logs,
            servers=({} if raw else LATE) if servers is None else servers, raw=raw or {}, **options,
        )
        for option, line in OPTIONS.items()
        for way, leave in WAYS.items()
    ]


SLOW = (Send(octets=request("/slow")), Seen(server="s1"))
BUSY = (Send(octets=request("/slow"), on="a"), Seen(server="s1"))
TCP_BUSY = (Send(octets=b"ping", on="a"), ReceiveOctets(until=b"pong", on="a"))

SCENARIOS = (
    *each("leaves-waiting", ONE, SLOW, [GO_ON], [Receive(), End()]),
    *each(
        "leaves-in-line", SLOT, [*BUSY, Send(octets=request("/2")), WAITS], [GO_ON, Receive(on="a")], [Receive(), End()], logs=2
    ),
    *each("leaves-in-line-body", SLOT, [*BUSY, Send(octets=UPLOAD), WAITS], [GO_ON, Receive(on="a")], [End()], logs=2),
    *each("leaves-in-its-body", ONE, [Send(octets=UPLOAD), Seen(server="s1")], [GO_ON], [End()]),
    *each("leaves-in-its-body-unread", ONE, [Send(octets=UPLOAD), Seen(server="s1")], [GO_ON], [End()], servers=UNREAD),
    *each("leaves-in-response", ONE, [Send(octets=request("/slow")), ReceiveOctets(until=b"ok")], [GO_ON], [End()], servers=HALF),
    *each("leaves-retrying", DEAD, [Send(octets=request("/2")), RETRIES], [], [Receive(), End()]),
    *each(
        "tcp-leaves-in-line", SLOT, [*TCP_BUSY, Send(octets=b"ping"), WAITS], [GO_ON, End(on="a")], [End()], logs=2, raw=TCP_LATE,
        defaults=TCP,
    ),
    *each("tcp-leaves-retrying", DEAD, [Send(octets=b"ping"), RETRIES], [], [End()], raw=TCP_LATE, defaults=TCP),
    *each(
        "tcp-leaves", ONE, [Send(octets=b"ping"), ReceiveOctets(until=b"pong")], [GO_ON], [End()], raw=TCP_LATE, defaults=TCP
    ),
    Scenario(
        "leaves-pipelining", ONE, flat(Send(octets=request("/slow") + request("/3")), Seen(server="s1"), Drop(reset=True), GO_ON),
        servers=LATE,
    ),
    Scenario(
        "leaves-in-second-head", ONE, flat(ask("/1"), Send(octets=b"GET / HT"), Shut(), End()), logs=2,
    ),
    Scenario(
        "leaves-in-head",
        ONE,
        flat(Send(octets=b"GET / HT"), Shows(row="app/FRONTEND", column="conn_tot", value="1"), Drop(reset=True)),
    ),
    Scenario("leaves-silently", ONE, flat(Send(octets=b""), Shut(), End())),
)
