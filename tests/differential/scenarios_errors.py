"""What goes wrong, on either side, and what is said then: error pages, termination states, retries, queues."""

from __future__ import annotations

from tests.differential.origin import Do
from tests.differential.scenario import DEFAULTS, LISTEN, Scenario
from tests.differential.scenarios_http import ONE, answer
from tests.differential.steps import Drop, End, Receive, Seen, Send, Shows, Shut, ask, flat, fresh, request

QUICK = DEFAULTS.replace("timeout server 5s", "timeout server 800ms").replace("timeout connect 1s", "timeout connect 100ms")
SHORT = DEFAULTS.replace("timeout server 5s", "timeout server 2s")
IMPATIENT = DEFAULTS.replace("timeout client 5s", "timeout client 5s\n timeout http-request 800ms")
DEAD = LISTEN + " server s1 @nobody@\n"
DEAD_AND_LIVE = LISTEN + " server s1 @nobody@\n server s2 @s2@\n"
PAGE = b"HTTP/1.0 503 Gone Fishing\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nfish"


def bad(name: str, octets: bytes, logs: int = 1) -> Scenario:
    return Scenario(name, ONE, flat(Send(octets=octets), Receive(), End()), logs=logs)


def broken(name: str, response: bytes, *more: Do) -> Scenario:
    """A server whose answer cannot be passed on."""
    return Scenario(name, ONE, flat(fresh("/bad")), servers={"s1": {"/bad": answer(response, *more)}})


SCENARIOS = (
    bad("bad-request-line", b"GARBAGE\r\n\r\n"),
    Scenario("bad-version", ONE, flat(Send(octets=b"GET / HTTP/3.7\r\nHost: a\r\n\r\n"), Receive(), Drop())),
    bad("bad-field-name", b"GET / HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n"),
    bad("bad-content-length", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n"),
    bad("two-content-lengths", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    bad("bad-host", b"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"),
    bad("control-octet", b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
    bad("head-too-large", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20_000 + b"\r\n\r\n"),
    Scenario(
        "bad-chunk",
        ONE,
        flat(Send(octets=request("/", "Transfer-Encoding: chunked", method="POST") + b"zz\r\n"), Receive(), End()),
    ),
    Scenario("request-timeout", ONE, flat(Send(octets=b"GET / HT"), Receive(), End()), defaults=IMPATIENT),
    Scenario("nothing-sent-timeout", ONE, flat(Send(octets=b""), Receive()), defaults=IMPATIENT),
    Scenario("nothing-sent-dontlognull", ONE + " option dontlognull\n", flat(Send(octets=b""), Shut(), End(), ask("/", on="b"))),
    Scenario("client-cuts-its-request", ONE, flat(Send(octets=b"GET / HT"), Shut(), End())),
    Scenario("no-server", LISTEN, flat(fresh())),
    Scenario("no-backend", "frontend app\n bind @front@\n", flat(fresh())),
    Scenario(
        "server-timeout", ONE, flat(fresh("/slow")), defaults=QUICK, servers={"s1": {"/slow": (Do.READ_BODY, Do.UNTIL_END)}}
    ),
    Scenario(
        "server-timeout-in-body",
        ONE,
        flat(fresh("/slow")),
        defaults=QUICK,
        servers={"s1": {"/slow": answer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", Do.UNTIL_END)}},
    ),
    broken("server-garbage", b"GARBAGE\r\n\r\n", Do.UNTIL_END),
    broken("server-empty", b"", Do.CLOSE),
    broken("server-cuts-head", b"HTTP/1.1 200 OK\r\nConte", Do.CLOSE),
    broken("server-resets", b"", Do.RESET),
    broken("server-cuts-body", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", Do.CLOSE),
    broken("server-cuts-chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", Do.CLOSE),
    broken("server-bad-chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", Do.UNTIL_END),
    broken("server-two-lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", Do.UNTIL_END),
    broken("server-head-too-large", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", Do.UNTIL_END),
    Scenario("refused", DEAD, flat(fresh()), defaults=QUICK),
    Scenario("refused-retries-0", DEAD + " retries 0\n", flat(fresh()), defaults=QUICK),
    Scenario("refused-then-redispatched", DEAD_AND_LIVE + " option redispatch\n", flat(fresh(count=3)), defaults=QUICK, logs=3),
    Scenario("redispatch-each-retry", DEAD_AND_LIVE + " option redispatch 1\n", flat(fresh(count=3)), defaults=QUICK, logs=3),
    Scenario(
        "redispatch-2nd-retry", DEAD_AND_LIVE + " option redispatch 2\n retries 5\n", flat(fresh(count=2)), defaults=QUICK, logs=2
    ),
    Scenario(
        "retry-on-empty-response",
        LISTEN + " server s1 @s1@\n server s2 @s2@\n retry-on empty-response conn-failure\n option redispatch 1\n retries 2\n",
        flat(fresh("/bad", count=2)),
        logs=2,
        servers={"s1": {"/bad": (Do.READ_BODY, Do.CLOSE)}, "s2": {}},
    ),
    Scenario(
        "retry-on-503",
        LISTEN + " server s1 @s1@\n server s2 @s2@\n retry-on 503\n option redispatch 1\n",
        flat(fresh("/bad", count=2)),
        logs=2,
        servers={"s1": {"/bad": answer(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")}, "s2": {}},
    ),
    Scenario("errorfile", LISTEN + " errorfile 503 @folder@/503.http\n", flat(fresh()), files={"503.http": PAGE}),
    Scenario(
        "errorfile-400",
        ONE + " errorfile 400 @folder@/400.http\n",
        flat(Send(octets=b"BAD\r\n\r\n"), Receive(), End()),
        files={"400.http": PAGE.replace(b"503 Gone Fishing", b"400 Own Words")},
    ),
    Scenario(
        "errorfile-silent",
        LISTEN + " errorfile 503 /dev/null\n",
        flat(Send(octets=b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n"), End()),
    ),
    *(
        Scenario(
            f"errorfile-null-{status}", config + f" errorfile {status} /dev/null\n", flat(Send(octets=octets), Receive(), End()),
            defaults=IMPATIENT,
        )
        for status, config, octets in (
            (400, ONE, b"BAD\r\n\r\n"), (408, ONE, b"GET"), (503, LISTEN, request("/")),
            (502, LISTEN + " server s1 @s1@\n", request("/bad")),
        )
    ),
    *(
        Scenario(f"{word}", LISTEN + f" {word} 503 http://sorry.example.com/\n", flat(fresh()))
        for word in ("errorloc", "errorloc302", "errorloc303")
    ),
    Scenario(
        "monitor-uri",
        ONE + " monitor-uri /alive\n",
        flat(
            ask("/alive"), ask("/alive", method="HEAD", on="b"), ask("/", on="c"), ask("http://www.example.com/alive", on="d"),
            ask("http://www.example.com/alive?x", on="e"),
        ),
    ),
    Scenario(
        "queue-timeout",
        LISTEN + " timeout queue 500ms\n server s1 @s1@ maxconn 1\n",
        flat(Send(octets=request("/slow")), Seen(server="s1"), ask("/", on="b"), Drop(reset=True)),
        logs=2,
        servers={"s1": {"/slow": (Do.READ_BODY, Do.UNTIL_END)}},
        defaults=SHORT,
    ),
    Scenario(
        "queue-served",
        LISTEN + " server s1 @s1@ maxconn 1\n option http-server-close\n",
        flat(
            Send(octets=request("/slow", "Content-Length: 1", method="POST")),
            Seen(server="s1"),
            Send(octets=request("/2"), on="b"),
            Shows(row="app/BACKEND", column="qcur", value="1"),
            Send(octets=b"x"),
            Receive(),
            Receive(on="b"),
        ),
        logs=2,
    ),
    Scenario(
        "maxqueue",
        LISTEN + " timeout queue 4s\n cookie SRV\n server s1 @s1@ maxconn 1 maxqueue 1 cookie a\n",
        flat(
            Send(octets=request("/slow", "Cookie: SRV=a")),
            Seen(server="s1"),
            Send(octets=request("/2", "Cookie: SRV=a"), on="b"),
            Shows(row="app/s1", column="qcur", value="1"),
            ask("/3", "Cookie: SRV=a", on="c"),
            Drop(on="b"),
            Drop(reset=True),
        ),
        logs=3,
        servers={"s1": {"/slow": (Do.READ_BODY, Do.UNTIL_END)}},
        defaults=SHORT,
    ),
    Scenario(
        "client-leaves-the-queue",
        LISTEN + " option abortonclose\n server s1 @s1@ maxconn 1\n",
        flat(
            Send(octets=request("/slow")),
            Seen(server="s1"),
            Send(octets=request("/2"), on="b"),
            Shows(row="app/BACKEND", column="qcur", value="1"),
            Drop(on="b", reset=True),
            Shows(row="app/BACKEND", column="qcur", value="0"),
            Drop(reset=True),
        ),
        logs=2,
        servers={"s1": {"/slow": (Do.READ_BODY, Do.UNTIL_END)}},
        defaults=SHORT,
    ),
    Scenario("disabled-server", LISTEN + " server s1 @s1@ disabled\n server s2 @s2@\n", flat(fresh(count=2)), logs=2),
    Scenario("disabled-listen", "listen other\n disabled\n bind @second@\n" + ONE, flat(ask("/"))),
)
