"""`retry-on` in all its words, and whose connection to a server carries which request."""

from __future__ import annotations

from tests.differential.origin import Do, Script
from tests.differential.scenario import LISTEN, Scenario
from tests.differential.scenarios_errors import QUICK
from tests.differential.scenarios_http import ONE, TWO, answer
from tests.differential.steps import ask, flat, fresh

ELSEWHERE = TWO + " option redispatch 1\n retries 2\n"
BAD: dict[str, tuple[str, Script]] = {
    "empty": ("empty-response", (Do.READ_BODY, Do.CLOSE)),
    "reset": ("empty-response", (Do.READ_BODY, Do.RESET)),
    "junk": ("junk-response", answer(b"GARBAGE\r\n\r\n", Do.UNTIL_END)),
    "part": ("junk-response", answer(b"HTTP/1.1 200 OK\r\nCon", Do.CLOSE)),
    "late": ("response-timeout", (Do.READ_BODY, Do.UNTIL_END)),
    "503": ("503", answer(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", Do.CLOSE)),
}
STATUSES = (401, 403, 404, 408, 425, 500, 501, 502, 504)


def retried(name: str, config: str, script: Script, method: str = "GET", body: bytes = b"", count: int = 2) -> Scenario:
    return Scenario(
        f"l7-retry-{name}", config, flat(fresh("/bad", count=count, method=method, body=body)), logs=count, defaults=QUICK,
        servers={"s1": {"/bad": script}, "s2": {}} if "@s2@" in config else {"s1": {"/bad": script}},
    )


def challenged(name: str, status: str, field: str, reuse: str) -> Scenario:
    """A server that asks for credentials, and who gets that connection afterwards."""
    challenge = answer(f"HTTP/1.1 {status}\r\n{field}\r\nContent-Length: 0\r\n\r\n".encode())
    steps = flat(ask("/a", on="a"), ask("/2", on="b"), ask("/3", on="a"))
    return Scenario(name, ONE + f" http-reuse {reuse}\n", steps, logs=3, servers={"s1": {"/a": challenge}})


SCENARIOS = (
    *(
        scenario
        for kind, (word, script) in BAD.items()
        for scenario in (
            retried(f"{kind}-same", ONE + f" retry-on {word}\n retries 2\n", script, count=1),
            retried(f"{kind}-all", ONE + " retry-on all-retryable-errors\n retries 2\n", script, count=1),
            retried(f"{kind}-elsewhere", ELSEWHERE + f" retry-on {word}\n", script),
            retried(f"{kind}-post", ELSEWHERE + f" retry-on {word}\n", script, "POST", b"abc"),
            retried(f"{kind}-none", ELSEWHERE + " retry-on none\n", script),
        )
    ),
    *(
        retried(
            f"{status}-same", ONE + f" retry-on {status}\n retries 1\n",
            answer(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status, Do.CLOSE), count=1,
        )
        for status in STATUSES
    ),
    *(
        Scenario(
            f"refused-retry-on-{word.replace(' ', '-')}",
            LISTEN + f" server s1 @nobody@\n server s2 @s2@\n retry-on {word}\n option redispatch\n retries 2\n",
            flat(fresh(count=2)), servers={"s2": {}}, logs=2, defaults=QUICK,
        )
        for word in ("none", "conn-failure", "empty-response", "conn-failure 503", "all-retryable-errors")
    ),
    *(
        Scenario(f"reuse-first-retry-on-{word.replace(' ', '-')}", ONE + f" retry-on {word}\n", flat(fresh(count=2)), logs=2)
        for word in ("conn-failure empty-response", "conn-failure empty-response response-timeout", "all-retryable-errors")
    ),
    *(
        Scenario(
            f"reuse-{reuse}-two-clients", ONE + f" http-reuse {reuse}\n",
            flat(ask("/1"), ask("/2"), ask("/3", on="b"), ask("/4")), logs=4,
        )
        for reuse in ("never", "aggressive", "always")
    ),
    *(
        challenged(f"reuse-{reuse}-{name}", status, field, reuse)
        for reuse in ("never", "always")
        for name, status, field in (
            ("ntlm", "401 No", "WWW-Authenticate: NTLM"), ("negotiate", "401 No", "WWW-Authenticate: Negotiate abc"),
            ("proxy-ntlm", "407 No", "Proxy-Authenticate: ntlm"), ("basic", "401 No", "WWW-Authenticate: Basic realm=x"),
        )
    ),
    *(
        Scenario(
            f"reuse-{reuse}-prefer-last-server", TWO + f" option prefer-last-server\n http-reuse {reuse}\n",
            flat(ask("/1"), ask("/2"), ask("/3", on="b"), ask("/4")), logs=4,
        )
        for reuse in ("never", "always")
    ),
    *(
        Scenario(
            f"reuse-dies-{method.lower()}", ONE + " http-reuse always\n",
            flat(ask("/1"), ask("/bye", method=method, body=body), ask("/3", on="b")), logs=2,
            servers={"s1": {"/bye": (Do.READ_BODY, Do.CLOSE)}},
        )
        for method, body in (("GET", b""), ("POST", b"abc"))
    ),
    Scenario(
        "reuse-dies-first", ONE + " http-reuse always\n",
        flat(ask("/1"), ask("/bye", method="POST", body=b"abc", on="b"), ask("/3", on="c")), logs=3,
        servers={"s1": {"/bye": (Do.READ_BODY, Do.CLOSE)}},
    ),
    Scenario(
        "reuse-send-proxy",
        ONE.replace("@s1@", "@second@ send-proxy") + " http-reuse always\n"
        "listen inner\n bind @second@ accept-proxy\n no log\n option forwardfor\n option http-server-close\n server s1 @s1@\n",
        flat(ask("/1"), ask("/2"), ask("/3", on="b", source="127.0.0.7"), ask("/4")), logs=4,
    ),
)
