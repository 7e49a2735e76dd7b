"""HTTP: methods, framing, keep-alive and closing, interim responses, upgrades, connection reuse."""

from __future__ import annotations

from tests.differential.origin import Action, Do, Expect, Script
from tests.differential.scenario import DEFAULTS, LISTEN, Scenario
from tests.differential.steps import Drop, End, Receive, ReceiveOctets, Seen, Send, Shut, ask, flat, fresh, request

ONE = LISTEN + " server s1 @s1@\n"
TWO = LISTEN + " server s1 @s1@\n server s2 @s2@\n"


def answer(octets: bytes, *more: Action) -> Script:
    return (Do.READ_BODY, octets, *more)


CHUNKED = answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n")
UNTIL_CLOSE = answer(b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nuntil the end", Do.CLOSE)
OLD_SERVER = answer(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold", Do.CLOSE)
LARGE = b"0123456789abcdef" * 20_000

SCENARIOS = (
    Scenario("get", ONE, flat(ask("/a?b=c", "X-Mixed-Case: Value", "Accept: */*"))),
    *(
        Scenario(
            f"method-{method.lower()}",
            ONE,
            flat(ask("/", method=method, body=b"data" if method in ("POST", "PUT", "PATCH") else b"")),
        )
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "x-own")
    ),
    Scenario("options-star", ONE, flat(ask("*", method="OPTIONS"))),
    Scenario("head", ONE, flat(ask("/x", method="HEAD"), ask("/y")), logs=2),
    Scenario("absolute-target", ONE, flat(ask("http://www.example.com/abs?q"))),
    Scenario("http10", ONE, flat(ask("/", version="HTTP/1.0"), End())),
    Scenario("http10-without-host", ONE, flat(ask("/", version="HTTP/1.0", host=""), End())),
    Scenario(
        "http10-keep-alive",
        ONE,
        flat(ask("/1", "Connection: keep-alive", version="HTTP/1.0"), ask("/2", version="HTTP/1.0"), End()),
        logs=2,
    ),
    Scenario("keep-alive", ONE, flat(ask("/1"), ask("/2"), ask("/3", "Connection: close"), End()), logs=3),
    Scenario(
        "pipelined",
        ONE,
        flat(
            Send(octets=request("/1") + request("/2", method="POST", body=b"two") + request("/3")),
            Receive(),
            Receive(),
            Receive(),
        ),
        logs=3,
    ),
    Scenario(
        "pipelined-close-first", ONE, flat(Send(octets=request("/1", "Connection: close") + request("/2")), Receive(), End())
    ),
    Scenario("server-close", ONE + " option http-server-close\n", flat(ask("/1"), ask("/2")), logs=2),
    *(
        Scenario(
            f"mode-{front}-{back}",
            f"frontend app\n bind @front@\n option {front}\n default_backend back\n"
            f"backend back\n option {back}\n server s1 @s1@\n",
            flat(ask("/1"), *([End()] if front == "httpclose" else [ask("/2"), Drop()])),
            logs=1 if front == "httpclose" else 2,
        )
        for front in ("http-keep-alive", "http-server-close", "httpclose")
        for back in ("http-keep-alive", "http-server-close", "httpclose")
    ),
    Scenario("httpclose", ONE + " option httpclose\n", flat(ask("/1"), End())),
    Scenario("http-reuse-never", ONE + " http-reuse never\n", flat(fresh("/", count=3)), logs=3),
    Scenario("http-reuse-always", ONE + " http-reuse always\n", flat(fresh("/", count=3)), logs=3),
    Scenario("http-reuse-safe-one-client", ONE, flat(ask("/1"), ask("/2"), ask("/3")), logs=3),
    Scenario(
        "status-204",
        ONE,
        flat(ask("/none"), ask("/after")),
        logs=2,
        servers={"s1": {"/none": answer(b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n")}},
    ),
    Scenario(
        "status-304",
        ONE,
        flat(ask("/same"), ask("/after")),
        logs=2,
        servers={"s1": {"/same": answer(b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 99\r\n\r\n')}},
    ),
    Scenario(
        "reason-odd",
        ONE,
        flat(ask("/odd")),
        servers={"s1": {"/odd": answer(b"HTTP/1.1 299 Very  Odd\r\nContent-Length: 0\r\n\r\n")}},
    ),
    Scenario(
        "reason-empty", ONE, flat(ask("/odd")), servers={"s1": {"/odd": answer(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n")}}
    ),
    Scenario("chunked-response", ONE, flat(ask("/chunked"), ask("/after")), servers={"s1": {"/chunked": CHUNKED}}, logs=2),
    Scenario(
        "chunked-response-to-http10", ONE, flat(ask("/chunked", version="HTTP/1.0"), End()), servers={"s1": {"/chunked": CHUNKED}}
    ),
    Scenario(
        "chunked-request",
        ONE,
        flat(ask("/", "Transfer-Encoding: chunked", method="POST", body=b"3\r\nabc\r\n4;e=1\r\ndefg\r\n0\r\n\r\n")),
    ),
    Scenario(
        "chunked-request-trailers",
        ONE,
        flat(ask("/", "Transfer-Encoding: chunked", "Trailer: X-T", method="POST", body=b"3\r\nabc\r\n0\r\nX-T: v\r\n\r\n")),
    ),
    Scenario("close-delimited", ONE, flat(ask("/close"), End()), servers={"s1": {"/close": UNTIL_CLOSE}}),
    Scenario(
        "close-delimited-to-http10", ONE, flat(ask("/close", version="HTTP/1.0"), End()), servers={"s1": {"/close": UNTIL_CLOSE}}
    ),
    Scenario("http10-server", ONE, flat(ask("/old"), ask("/old")), servers={"s1": {"/old": OLD_SERVER}}, logs=2),
    Scenario(
        "server-says-close",
        ONE,
        flat(ask("/bye"), ask("/again")),
        logs=2,
        servers={"s1": {"/bye": answer(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbye", Do.CLOSE)}},
    ),
    Scenario(
        "large-both-ways",
        ONE,
        flat(ask("/big", method="POST", body=LARGE)),
        servers={"s1": {"/big": answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE) + LARGE)}},
    ),
    Scenario(
        "expect-continue",
        ONE,
        flat(
            Send(octets=request("/up", "Expect: 100-continue", "Content-Length: 4", method="POST")),
            Receive(),
            Send(octets=b"data"),
            Receive(),
        ),
        servers={
            "s1": {"/up": (b"HTTP/1.1 100 Continue\r\n\r\n", Do.READ_BODY, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")}
        },
    ),
    Scenario(
        "early-hints",
        ONE,
        flat(ask("/hints"), Receive()),
        servers={
            "s1": {
                "/hints": answer(
                    b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                )
            }
        },
    ),
    Scenario(
        "early-response",
        ONE,
        flat(Send(octets=request("/no", "Content-Length: 1000000", method="POST")), Receive(), Drop()),
        servers={"s1": {"/no": (b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", Do.UNTIL_END)}},
        csv=False,
    ),
    Scenario(
        "upgrade",
        ONE + " timeout tunnel 5s\n",
        flat(
            Send(
                octets=request(
                    "/ws",
                    "Connection: Upgrade",
                    "Upgrade: websocket",
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                    "Sec-WebSocket-Version: 13",
                )
            ),
            Receive(bodiless=True),
            Send(octets=b"ping"),
            ReceiveOctets(until=b"pong"),
            Shut(),
            End(),
        ),
        servers={
            "s1": {
                "/ws": (
                    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
                    Expect(b"ping"),
                    b"pong",
                    Do.UNTIL_END,
                )
            }
        },
    ),
    Scenario("upgrade-refused", ONE, flat(ask("/ws", "Connection: Upgrade", "Upgrade: other"), ask("/after")), logs=2),
    Scenario(
        "connect",
        ONE,
        flat(
            Send(octets=request("www.example.com:443", method="CONNECT", host="www.example.com:443")),
            Receive(bodiless=True),
            Send(octets=b"hello"),
            ReceiveOctets(until=b"world"),
            Shut(),
            End(),
        ),
        servers={"s1": {"www.example.com:443": (b"HTTP/1.1 200 OK\r\n\r\n", Expect(b"hello"), b"world", Do.UNTIL_END)}},
    ),
    Scenario(
        "hop-by-hop",
        ONE,
        flat(
            ask(
                "/",
                "Connection: keep-alive, X-Hop",
                "X-Hop: 1",
                "Keep-Alive: timeout=5",
                "Proxy-Connection: close",
                "TE: trailers",
            )
        ),
    ),
    Scenario("field-order-and-repeats", ONE, flat(ask("/", "X-A: 1", "X-B: 2", "x-a: 3", "X-Empty:", "X-Spaces:   a  b  "))),
    Scenario("long-target", ONE, flat(ask("/" + "a" * 3000)), logs=None),
    Scenario("many-fields", ONE, flat(ask("/", *(f"X-F{number}: {number}" for number in range(90))))),
    Scenario("two-clients-keep-alive", TWO, flat(ask("/1"), ask("/2", on="b"), ask("/3"), ask("/4", on="b")), logs=4),
    Scenario("client-half-closes", ONE, flat(Send(octets=request("/")), Shut(), Receive(), End())),
    Scenario(
        "client-leaves-while-waiting",
        ONE,
        flat(Send(octets=request("/slow")), Seen(server="s1"), Drop(reset=True)),
        servers={"s1": {"/slow": (Do.READ_BODY, Do.UNTIL_END)}},
        defaults=DEFAULTS.replace("timeout server 5s", "timeout server 1s"),
    ),
    Scenario("leading-empty-lines", ONE, flat(Send(octets=b"\r\n\r\n" + request("/")), Receive())),
    Scenario("bare-lf", ONE, flat(Send(octets=b"GET /lf HTTP/1.1\nHost: www.example.com\n\n"), Receive())),
)
