"""Who is waited for, how long, and what is said when nobody moves: TCP sessions, tunnels, heads, bodies, idle connections.

No timeout is shorter than 700 ms: what is to come before it is said by this process, on a machine that may be busy.
"""

from __future__ import annotations

from tests.differential.origin import Action, Do, Expect
from tests.differential.scenario import Scenario
from tests.differential.scenarios_http import ONE, answer
from tests.differential.scenarios_other import TCP, TCP_ONE
from tests.differential.steps import Drop, End, Receive, ReceiveOctets, Send, Shut, Step, ask, flat, request

SILENT: tuple[Action, ...] = (Expect(b"ping"), b"pong", Expect(b"never"))
HALF: tuple[Action, ...] = (Expect(b"ping"), b"pong", Do.SHUT, Expect(b"never"))
PING = (Send(octets=b"ping"), ReceiveOctets(until=b"pong"))
QUICK_CLIENT, QUICK_SERVER = " timeout client 800ms\n", " timeout server 800ms\n"
SLOW = {
    "/never": (Do.READ_BODY, Do.UNTIL_END),
    "/half": answer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", Do.UNTIL_END),
    "/open": answer(b"HTTP/1.1 200 OK\r\n\r\nabc", Do.UNTIL_END),
}


def tcp(name: str, lines: str, *steps: Step, script: tuple[Action, ...] = SILENT) -> Scenario:
    return Scenario(f"tcp-late-{name}", TCP_ONE + lines, flat(*steps), servers={}, raw={"s1": script}, defaults=TCP)


def http(name: str, lines: str, *steps: Step | list[Step], logs: int = 1) -> Scenario:
    return Scenario(f"late-{name}", ONE + lines, flat(*steps), servers={"s1": SLOW}, logs=logs)


SCENARIOS = (
    tcp("client", QUICK_CLIENT, *PING, End()),
    tcp("server", QUICK_SERVER, *PING, End()),
    tcp("tunnel", " timeout tunnel 800ms\n", *PING, End()),
    tcp("tunnel-longer", " timeout client 700ms\n timeout server 700ms\n timeout tunnel 1200ms\n", *PING, End()),
    tcp("server-fin", " timeout server-fin 800ms\n", *PING, Shut(), End()),
    tcp("client-fin", " timeout client-fin 800ms\n", *PING, End(), script=HALF),
    tcp("from-the-start", QUICK_CLIENT, Send(octets=b""), End(), script=(Expect(b"never"),)),
    http("keep-alive", " timeout http-keep-alive 800ms\n", ask("/x"), End()),
    http(
        "keep-alive-then-request", " timeout http-keep-alive 800ms\n timeout http-request 1200ms\n",
        ask("/x"), Send(octets=b"GET"), Receive(), End(), logs=2,
    ),
    http("idle-client", QUICK_CLIENT, ask("/x"), End()),
    http("body", QUICK_CLIENT, Send(octets=request("/never", "Content-Length: 9", method="POST") + b"abc"), Receive(), Drop()),
    http("response-body", QUICK_SERVER, Send(octets=request("/half")), ReceiveOctets(until=b"abc"), End()),
    http("open-response-body", QUICK_SERVER, Send(octets=request("/open")), ReceiveOctets(until=b"abc"), End()),
    http("head", " timeout http-request 800ms\n", Send(octets=b""), Receive(), End()),
    http("probe", " timeout http-request 800ms\n option http-ignore-probes\n", Send(octets=b""), Receive(), End(), logs=0),
    http("probe-that-leaves", " option http-ignore-probes\n", Send(octets=b""), Shut(), End(), logs=0),
    http("probe-that-speaks", " timeout http-request 800ms\n option http-ignore-probes\n", Send(octets=b"G"), Receive(), End()),
)
