"""TCP mode, the PROXY protocol, logs in every format, statistics and its administration, limits."""

from __future__ import annotations

from tests.differential.origin import Do, Expect
from tests.differential.scenario import DEFAULTS, LISTEN, Scenario
from tests.differential.scenarios_http import ONE
from tests.differential.steps import Drop, End, Receive, ReceiveOctets, Seen, Send, Shows, Shut, ask, flat, fresh, request

TCP = DEFAULTS.replace("mode http", "mode tcp").replace("option httplog", "option tcplog")
TCP_ONE = LISTEN + " server s1 @s1@\n"
ECHO = {"s1": (Expect(b"ping"), b"pong", Do.UNTIL_END)}
# a line of text, or nothing: a binary header has each run's own ports in it (those of checks are compared in scenarios_checks)
PROXY_WORDS = (
    "proxy-v2-options crc32c",
    "send-proxy no-send-proxy-v2",
    "send-proxy no-send-proxy",
    "send-proxy-v2-ssl no-send-proxy-v2",
    "send-proxy-v2 no-send-proxy-v2-ssl",
    "send-proxy-v2-ssl-cn no-send-proxy-v2-ssl",
    "send-proxy-v2-ssl-cn no-send-proxy-v2-ssl-cn",
)
GREETING = {"s1": (b"220 hello\r\n", Do.UNTIL_END)}
STATS = """
listen pages
 bind @second@
 no log
 stats enable
 stats uri /admin
 stats realm Haproxy\\ Manager
 stats auth admin:secret
 stats auth other:word
 stats refresh 30s
 stats admin if TRUE
"""
AUTHORISED = "Authorization: Basic YWRtaW46c2VjcmV0"


def tcp(name: str, *steps: object, extra: str = "", script: object = None, logs: int = 1) -> Scenario:
    return Scenario(name, TCP_ONE + extra, flat(*steps), servers={}, raw=script or ECHO, logs=logs, defaults=TCP)  # type: ignore[arg-type]


def logged(name: str, lines: str, *fields: str, target: str = "/path?query") -> Scenario:
    return Scenario(name, ONE + "".join(f" {line}\n" for line in lines.split(" ; ")), flat(fresh(target, *fields)))


def administer(name: str, form: str, *fields: str) -> Scenario:
    return Scenario(
        name,
        ONE + STATS,
        flat(
            ask(
                "/admin",
                "Content-Type: application/x-www-form-urlencoded",
                AUTHORISED,
                *fields,
                method="POST",
                body=form.encode(),
                place="second",
            )
        ),
        logs=None,
    )


SCENARIOS = (
    Scenario(
        "tcp-frontend-http-backend",
        "frontend front\n mode tcp\n option tcplog\n bind @front@\n default_backend back\n"
        "backend back\n mode http\n option forwardfor\n cookie SRV insert\n"
        " server s1 @s1@ cookie one\n server s2 @s2@ cookie two\n",
        flat(
            ask("/1"), ask("/2", "Cookie: SRV=two"), ask("/3", "Cookie: SRV=two", method="POST", body=b"abc"), Drop(),
            fresh("/4", version="HTTP/1.0"),
            Send(octets=b"GARBAGE\r\n\r\n"), Receive(), End(),
        ),
        servers={"s1": {}, "s2": {}},
        logs=5,
    ),
    tcp("tcp-echo", Send(octets=b"ping"), ReceiveOctets(until=b"pong"), Shut(), End()),
    tcp("tcp-server-speaks-first", ReceiveOctets(until=b"\r\n"), Send(octets=b"quit\r\n"), Shut(), End(), script=GREETING),
    tcp(
        "tcp-half-close-by-client", Send(octets=b"all of it"), Shut(), End(), script={"s1": (Expect(b"it"), b"got it", Do.CLOSE)}
    ),
    tcp(
        "tcp-half-close-by-server",
        ReceiveOctets(until=b"bye"),
        Send(octets=b"more"),
        Seen(server="s1"),
        Shut(),
        End(),
        script={"s1": (b"bye", Do.SHUT, Do.UNTIL_END)},
    ),
    tcp("tcp-server-closes", Send(octets=b"x"), End(), Drop(), script={"s1": (Expect(b"x"), b"closing", Do.CLOSE)}),
    tcp("tcp-client-resets", Send(octets=b"ping"), ReceiveOctets(until=b"pong"), Drop(reset=True)),
    tcp(
        "tcp-large",
        Send(octets=b"0123456789abcdef" * 60_000 + b"last"),
        Shut(),
        End(),
        script={"s1": (Expect(b"last"), b"0123456789abcdef" * 60_000, Do.CLOSE)},
    ),
    tcp(
        "tcp-timeout",
        Send(octets=b"ping"),
        ReceiveOctets(until=b"pong"),
        End(),
        extra=" timeout client 800ms\n timeout server 800ms\n",
    ),
    tcp(
        "tcp-client-fin-timeout",
        Send(octets=b"ping"),
        ReceiveOctets(until=b"pong"),
        Shut(),
        End(),
        extra=" timeout client-fin 800ms\n",
        script={"s1": (Expect(b"ping"), b"pong", Expect(b"never"))},
    ),
    Scenario(
        "tcp-refused",
        LISTEN + " server s1 @nobody@\n retries 1\n timeout connect 100ms\n",
        flat(Send(octets=b"x"), End()),
        servers={},
        defaults=TCP,
    ),
    Scenario("tcp-no-server", LISTEN, flat(Send(octets=b"x"), End()), servers={}, defaults=TCP),
    Scenario(
        "tcp-source",
        LISTEN + " balance source\n server s1 @s1@\n server s2 @s2@\n server s3 @s3@\n",
        flat(
            *(
                step
                for number in (2, 3, 4, 5)
                for step in (
                    Send(octets=b"ping", on=f"c{number}", source=f"127.0.0.{number}"),
                    ReceiveOctets(until=b"pong", on=f"c{number}"),
                    Shut(on=f"c{number}"),
                    End(on=f"c{number}"),
                )
            )
        ),
        servers={},
        raw=dict.fromkeys(("s1", "s2", "s3"), ECHO["s1"]),
        logs=4,
        defaults=TCP,
    ),
    Scenario(
        "tcp-default-log",
        TCP_ONE,
        flat(Send(octets=b"ping"), ReceiveOctets(until=b"pong")),
        servers={},
        raw=ECHO,
        logs=1,
        defaults=TCP.replace(" option tcplog\n", ""),
    ),
    *(
        Scenario(
            f"proxy-parts-{words.replace(' ', '-')}",
            f"{TCP_ONE} unique-id-format %ci-%fi\n".replace("@s1@", f"@s1@ {words}"),
            flat(Send(octets=b"ping"), ReceiveOctets(until=b"pong"), Drop()),
            servers={},
            raw=ECHO,
            defaults=TCP.replace("option tcplog", "log-format %ID"),
        )
        for words in PROXY_WORDS
    ),
    Scenario(
        "mode-health",
        "listen app\n bind @front@\n mode http\n monitor-uri /\n",
        flat(ask("/"), ask("/", method="HEAD", on="b")),
        logs=0,
    ),
    Scenario(
        "send-proxy",
        TCP_ONE.replace("@s1@", "@s1@ send-proxy"),
        flat(Send(octets=b"ping"), ReceiveOctets(until=b"pong"), Drop()),
        servers={},
        raw=ECHO,
        defaults=TCP,
    ),
    Scenario(
        "accept-proxy",
        ONE.replace("@front@", "@front@ accept-proxy") + " option forwardfor\n option originalto\n",
        flat(Send(octets=b"PROXY TCP4 10.1.2.3 10.9.8.7 1234 80\r\n" + request("/")), Receive()),
    ),
    Scenario(
        "accept-proxy-v6",
        ONE.replace("@front@", "@front@ accept-proxy") + " option forwardfor\n",
        flat(Send(octets=b"PROXY TCP6 2001:db8::1 2001:db8::2 1234 80\r\n" + request("/")), Receive()),
    ),
    Scenario(
        "accept-proxy-v2",
        ONE.replace("@front@", "@front@ accept-proxy") + " option forwardfor\n",
        flat(
            Send(octets=b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\1\2\3\x0a\x09\x08\x07\x04\xd2\0\x50" + request("/")), Receive()
        ),
    ),
    Scenario(
        "accept-proxy-missing", ONE.replace("@front@", "@front@ accept-proxy"), flat(Send(octets=request("/")), End()), logs=1
    ),
    Scenario(
        "proxy-both",
        ONE.replace("@front@", "@front@ accept-proxy").replace("@s1@", "@second@ send-proxy")
        + "listen inner\n bind @second@ accept-proxy\n option forwardfor\n server s1 @s1@\n",
        flat(Send(octets=b"PROXY TCP4 10.1.2.3 10.9.8.7 1234 80\r\n" + request("/")), Receive()),
        logs=2,
    ),
    logged("log-httplog", "option httplog"),
    logged("log-clf", "option httplog clf"),
    Scenario("log-default", ONE, flat(fresh("/path?query")), defaults=DEFAULTS.replace(" option httplog\n", "")),
    logged(
        "log-custom", "log-format %ci|%ft|%b|%s|%ST|%B|%U|%tsc|%sq/%bq|%HM|%HU|%HP|%HQ|%HV|%{+Q}r|%rc|%rt|%CC|%CS|%hr|%hs|%{+X}ST"
    ),
    logged(
        "log-captures",
        "capture request header User-Agent len 10 ; capture request header X-None len 5 ; "
        "capture response header X-Server len 20",
        "User-Agent: Mozilla/5.0 {odd|one}",
    ),
    logged("log-escapes", "capture request header X-E len 40", 'X-E: a"b#c{d|e}\tf', target='/"a#b{c}'),
    Scenario("log-long-target", ONE, flat(fresh("/" + "x" * 1500)), defaults=DEFAULTS.replace("local0", "len 4096 local0")),
    logged("log-levels", "log @LOG@ local1 notice ; log @LOG@ local2 info"),
    logged("log-separate-errors", "option log-separate-errors"),
    logged("log-tag", "log-tag mine"),
    Scenario("log-separate-errors-503", LISTEN + " option log-separate-errors\n", flat(fresh())),
    Scenario(
        "dontlog-normal",
        ONE + " option dontlog-normal\n",
        flat(fresh("/fine"), Send(octets=b"BAD\r\n\r\n", on="b"), Receive(on="b")),
    ),
    Scenario("logasap", ONE + " option logasap\n", flat(fresh())),
    Scenario("unique-id", ONE + " unique-id-format %ci-%fi-%rt\n unique-id-header X-Unique-ID\n log-format %ID\n", flat(fresh())),
    Scenario(
        "statistics-after-traffic",
        LISTEN + " option http-server-close\n server s1 @s1@ cookie a weight 3 maxconn 10\n"
        " server s2 @s2@ backup id 7\n server s3 @nobody@ disabled\n",
        flat(fresh(count=2), ask("/up", method="POST", body=b"x" * 500), Send(octets=b"BAD\r\n\r\n", on="b"), Receive(on="b")),
        logs=4,
    ),
    Scenario(
        "statistics-tcp",
        TCP_ONE,
        flat(Send(octets=b"ping"), ReceiveOctets(until=b"pong"), Shut(), End()),
        servers={},
        raw=ECHO,
        defaults=TCP,
    ),
    Scenario("stats-401-log", ONE + STATS.replace(" no log\n", ""), flat(fresh("/admin", place="second"))),
    Scenario("stats-401", ONE + STATS, flat(fresh("/admin", place="second")), logs=None),
    Scenario(
        "stats-wrong-password", ONE + STATS, flat(ask("/admin", "Authorization: Basic YWRtaW46bm8=", place="second")), logs=None
    ),
    Scenario("stats-other-uri", ONE + STATS, flat(ask("/other", place="second")), logs=None),
    Scenario("stats-method", ONE + STATS, flat(ask("/admin", AUTHORISED, method="PUT", body=b"x", place="second")), logs=None),
    administer("stats-drain", "s=s1&action=drain&b=app"),
    administer("stats-maint", "s=s1&action=maint&b=app"),
    administer("stats-no-action", "s=s1&b=app"),
    administer("stats-bad-server", "s=nobody&action=maint&b=app"),
    administer("stats-bad-backend", "s=s1&action=maint&b=nobody"),
    administer("stats-bad-action", "s=s1&action=explode&b=app"),
    administer("stats-empty-form", ""),
    Scenario(
        "stats-admin-denied",
        ONE + STATS.replace(" stats admin if TRUE\n", ""),
        flat(ask("/admin", AUTHORISED, method="POST", body=b"s=s1&action=maint&b=app", place="second")),
        logs=None,
    ),
    Scenario(
        "stats-admin-works",
        ONE + STATS,
        flat(
            ask("/admin", AUTHORISED, method="POST", body=b"s=s1&action=maint&b=app", place="second"),
            Shows(row="app/s1", column="status", value="MAINT"),
            fresh(on="b"),
        ),
        logs=3,
    ),
    Scenario(
        "frontend-maxconn",
        ONE + " maxconn 1\n",
        flat(Send(octets=request("/1")), Receive(), Send(octets=request("/2"), on="b"), Drop(), Receive(on="b")),
        logs=2,
    ),
    Scenario(
        "two-frontends-one-backend",
        "frontend one\n bind @front@\n default_backend back\nfrontend two\n bind @second@\n"
        " default_backend back\nbackend back\n server s1 @s1@\n server s2 @s2@\n",
        flat(fresh(count=2), fresh(place="second", count=2)),
        logs=4,
    ),
)
