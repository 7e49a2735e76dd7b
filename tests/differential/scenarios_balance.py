"""Choosing a server: algorithms, weights, backups, cookies, forwarded addresses."""

from __future__ import annotations

from tests.differential.origin import Do, Script
from tests.differential.scenario import LISTEN, Scenario
from tests.differential.scenarios_http import ONE, answer
from tests.differential.steps import Drop, Seen, Send, flat, fresh, request

THREE: dict[str, dict[str, Script]] = {"s1": {}, "s2": {}, "s3": {}}
SERVERS = " server s1 @s1@\n server s2 @s2@\n server s3 @s3@\n"
WEIGHTED = " server s1 @s1@ weight 1\n server s2 @s2@ weight 2\n server s3 @s3@ weight 3\n"
COOKIES = " server s1 @s1@ cookie one\n server s2 @s2@ cookie two\n server s3 @s3@ cookie three disabled\n"
SETS = {
    "/set": answer(
        b"HTTP/1.1 200 OK\r\nSet-Cookie: SRV=own; path=/; HttpOnly\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok"
    )
}
SETTING = {"s1": SETS, "s2": SETS, "s3": SETS}


def balance(name: str, line: str, servers: str = SERVERS, count: int = 7) -> Scenario:
    return Scenario(name, LISTEN + f" {line}\n" + servers, flat(fresh(count=count)), servers=THREE, logs=count)


def keyed(name: str, line: str, *requests: tuple[str, str]) -> Scenario:
    steps = [step for target, field in requests for step in fresh(target, *([field] if field else []))]
    lines = "".join(f" {part}\n" for part in line.split(" ; "))
    return Scenario(name, LISTEN + lines + WEIGHTED, flat(steps), servers=THREE, logs=len(requests))


def cookie(name: str, line: str, *extra: str) -> Scenario:
    """The same eight clients for every kind of cookie."""
    sent = ["", "SRV=one", "SRV=two; a=b", "x=1; SRV=three; y=2", "SRV=nobody", "SRV=two~val", "SRV=three; SRV=one"]
    steps = [step for text in sent for step in fresh("/", *([f"Cookie: {text}"] if text else []))]
    steps += fresh("/set") + fresh("/set", "Cookie: SRV=two") + fresh("/set", method="POST")
    config = LISTEN + f" cookie SRV {line}\n" + "".join(f" {part}\n" for part in extra) + COOKIES
    return Scenario(name, config, flat(steps), servers=SETTING, logs=10)


PAIRS = [
    ("/a", "X-K: alpha"),
    ("/b?u=1", "X-K: beta"),
    ("/c/d?u=2", ""),
    ("/e/f/g?u=3", "X-K: gamma"),
    ("/a", "X-K: alpha"),
    ("/?u=", "X-K:"),
]
SOURCES = [step for number in (2, 3, 4, 5, 77, 2, 3) for step in fresh("/", source=f"127.0.0.{number}")]


ODD_COOKIES = (
    "SRV=", "SRV", "SRV=one; SRV=two", "srv=one", "SRV =one", "SRV= one", 'SRV="one"', "x=SRV=one", "SRV=one,SRV=two",
    "; SRV=one", ";;SRV=two;;", "a=b;SRV=one;c=d", "$Version=1; SRV=one; $Path=/", "SRV=one|", "SRV=one|AAAAA", "SRV=one~x",
    "~one", "SRV=one~", "XSRV=one", "SRVX=one", "SRV=one SRV=two", "SRV=twoo", 'a="x;SRV=one"; b=c', 'a="x;y"; SRV=two',
)
ODD_SETTINGS = (
    b"SRV=", b"SRV", b"SRV=x; Max-Age=3", b'SRV="q;q"; path=/', b"other=1", b"SRV=a, SRV=b", b"srv=1", b" SRV = x ; a",
    b"SRV=x\r\nSet-Cookie: SRV=y", b"SRV=x\r\nSet-Cookie2: SRV=z",
)
SETTING_ODDLY = {
    f"/set{number}": answer(b"HTTP/1.1 200 OK\r\nSet-Cookie: " + text + b"\r\nContent-Length: 0\r\n\r\n")
    for number, text in enumerate(ODD_SETTINGS)
}


def odd_cookies(line: str) -> Scenario:
    """Cookies as only a hostile client, or server, writes them."""
    steps = [step for text in ODD_COOKIES for step in fresh("/", f"Cookie: {text}")]
    steps += [step for target in SETTING_ODDLY for sent in ((), ("Cookie: SRV=one",)) for step in fresh(target, *sent)]
    config = LISTEN + f" cookie SRV {line}\n" + COOKIES
    servers = dict.fromkeys(("s1", "s2", "s3"), SETTING_ODDLY)
    return Scenario(f"cookie-odd-{line.replace(' ', '-')}", config, flat(steps), servers=servers, logs=len(steps) // 4)


def forwarded(name: str, line: str, *fields: str) -> Scenario:
    return Scenario(name, ONE + "".join(f" {part}\n" for part in line.split(" ; ")), flat(fresh("/", *fields)))


SCENARIOS = (
    balance("roundrobin", "balance roundrobin"),
    balance("roundrobin-weights", "balance roundrobin", WEIGHTED, 12),
    balance("roundrobin-weight-0", "balance roundrobin", SERVERS.replace("@s2@", "@s2@ weight 0"), 4),
    balance("static-rr-weights", "balance static-rr", WEIGHTED, 12),
    balance("leastconn", "balance leastconn", WEIGHTED),
    balance("first", "balance first", SERVERS.replace("@s3@", "@s3@ id 1").replace("@s1@", "@s1@ id 9"), 3),
    balance("backup-unused", "balance roundrobin", SERVERS.replace("@s3@", "@s3@ backup"), 4),
    balance("backup-used", "balance roundrobin", " server s1 @s1@ disabled\n server s2 @s2@ backup\n server s3 @s3@ backup\n", 3),
    balance("allbackups", "option allbackups", " server s1 @s1@ disabled\n server s2 @s2@ backup\n server s3 @s3@ backup\n", 4),
    Scenario(
        "leastconn-busy",
        LISTEN + " option abortonclose\n balance leastconn\n" + SERVERS,
        flat(Send(octets=request("/slow"), on="slow"), Seen(server="s1"), fresh(count=4), Drop(on="slow", reset=True)),
        logs=5,
        servers={"s1": {"/slow": (Do.READ_BODY, Do.UNTIL_END)}, "s2": {}, "s3": {}},
    ),
    Scenario(
        "first-spills-over",
        LISTEN + " option abortonclose\n balance first\n" + SERVERS.replace("@s1@", "@s1@ maxconn 1"),
        flat(Send(octets=request("/slow"), on="slow"), Seen(server="s1"), fresh(count=2), Drop(on="slow", reset=True)),
        logs=3,
        servers={"s1": {"/slow": (Do.READ_BODY, Do.UNTIL_END)}, "s2": {}, "s3": {}},
    ),
    keyed("uri", "balance uri", *PAIRS),
    keyed("uri-depth-consistent", "balance uri depth 1 ; hash-type consistent", *PAIRS),
    keyed("uri-whole-djb2", "balance uri whole ; hash-type map-based djb2 avalanche", *PAIRS),
    keyed("url-param", "balance url_param u", *PAIRS),
    keyed("url-param-consistent", "balance url_param u ; hash-type consistent crc32", *PAIRS),
    keyed("hdr", "balance hdr(X-K)", *PAIRS),
    keyed("hdr-consistent", "balance hdr(X-K) ; hash-type consistent", *PAIRS),
    keyed("hdr-host-domain", "balance hdr(host) use_domain_only", *PAIRS),
    Scenario("source", LISTEN + " balance source\n" + WEIGHTED, flat(SOURCES), servers=THREE, logs=7),
    Scenario(
        "source-consistent", LISTEN + " balance source\n hash-type consistent\n" + WEIGHTED, flat(SOURCES), servers=THREE, logs=7
    ),
    *map(odd_cookies, ("rewrite", "insert", "insert indirect nocache", "insert indirect preserve", "prefix")),
    cookie("cookie-passive", ""),
    cookie("cookie-rewrite", "rewrite"),
    cookie("cookie-insert", "insert"),
    cookie("cookie-insert-indirect-nocache", "insert indirect nocache"),
    cookie("cookie-insert-postonly", "insert indirect postonly"),
    cookie("cookie-insert-preserve", "insert indirect preserve"),
    cookie("cookie-prefix", "prefix"),
    cookie("cookie-attributes", "insert nocache httponly secure domain .example.com domain example.org attr SameSite=Strict"),
    cookie("cookie-persist", "insert indirect", "option persist", "option redispatch", "retries 1"),
    Scenario(
        "cookie-dead-server",
        LISTEN + " cookie SRV insert indirect\n option redispatch\n retries 1\n timeout connect 100ms\n"
        " server s1 @nobody@ cookie one\n server s2 @s2@ cookie two\n",
        flat(fresh("/", "Cookie: SRV=one", count=2)),
        logs=2,
    ),
    Scenario(
        "cookie-capture",
        ONE + " capture cookie SESSION len 12\n",
        flat(fresh("/set", "Cookie: a=1; SESSION=0123456789")),
        servers={"s1": {"/set": answer(b"HTTP/1.1 200 OK\r\nSet-Cookie: SESSION=new; path=/\r\nContent-Length: 0\r\n\r\n")}},
    ),
    forwarded("forwardfor", "option forwardfor"),
    forwarded("forwardfor-after-the-clients", "option forwardfor", "X-Forwarded-For: 1.2.3.4"),
    forwarded("forwardfor-header", "option forwardfor header X-Client"),
    forwarded("forwardfor-except", "option forwardfor except 127.0.0.0/8"),
    forwarded("forwardfor-if-none", "option forwardfor if-none", "X-Forwarded-For: 1.2.3.4"),
    forwarded("originalto", "option originalto ; option forwardfor"),
    forwarded("originalto-except", "option originalto except 127.0.0.1 header X-To"),
    Scenario(
        "forwardfor-both-sides",
        "frontend app\n bind @front@\n option forwardfor header X-Front\n default_backend back\n"
        "backend back\n option forwardfor header X-Back\n server s1 @s1@\n",
        flat(fresh("/")),
    ),
)
