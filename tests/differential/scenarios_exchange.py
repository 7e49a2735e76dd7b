"""Single exchanges off the beaten track: Expect, interim and early responses, bodies that may not be, CONNECT, posted forms."""

from __future__ import annotations

from tests.differential.origin import Do, Expect, Script
from tests.differential.scenario import LISTEN, Scenario
from tests.differential.scenarios_http import ONE, answer
from tests.differential.scenarios_other import AUTHORISED, STATS
from tests.differential.steps import Drop, End, Receive, ReceiveOctets, Send, Shut, Step, ask, flat, request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GO_AHEAD = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
ANSWERS: dict[str, Script] = {
    "/reads": answer(OK),
    "/goes-ahead": (GO_AHEAD, Do.READ_BODY, OK),
    "/refuses": (b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", Do.UNTIL_END),
    "/head-length": answer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
    "/head-chunked": answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "/head-nothing": answer(b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n"),
    "/head-body": answer(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"),
    "/304": answer(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n"),
    "/204": answer(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "/204-length": answer(b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n"),
    "/204-chunked": answer(b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "/205": answer(b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"),
    "/interims": answer(GO_AHEAD + b"HTTP/1.1 102 Processing\r\n\r\n" + HINTS + OK),
    "/199": answer(b"HTTP/1.1 199 Odd\r\n\r\n" + OK),
    "/interim-length": answer(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n" + OK),
    "/interim-dies": answer(HINTS, Do.CLOSE),
    "/early": (OK, Do.READ_BODY),
    "/early-chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", Do.READ_BODY),
    "/early-close": (b"HTTP/1.1 413 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", Do.CLOSE),
    "a:80": (b"HTTP/1.1 200 OK\r\n\r\n", Expect(b"hi"), b"yo", Do.UNTIL_END),
    "b:80": (b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",),
    "c:80": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", Expect(b"hi"), b"yo", Do.UNTIL_END),
}
FORM = "Content-Type: application/x-www-form-urlencoded"
CHUNKED = "Transfer-Encoding: chunked"
EXPECTS = "Expect: 100-continue"
DATA = Send(octets=b"data")
AFTER = ask("/after")


def sends(name: str, octets: bytes, *steps: Step | list[Step], logs: int = 1) -> Scenario:
    return Scenario(name, ONE, flat(Send(octets=octets), *steps), servers={"s1": ANSWERS}, logs=logs)


def posts(target: str, *fields: str, version: str = "HTTP/1.1") -> bytes:
    return request(target, *(fields or (EXPECTS, "Content-Length: 4")), method="POST", version=version)


def form(name: str, *fields: str, body: bytes, then: tuple[Step, ...] = (Receive(),)) -> Scenario:
    octets = request("/admin", FORM, AUTHORISED, *fields, method="POST", body=body)
    return Scenario(name, ONE + STATS, flat(Send(octets=octets, place="second"), *then), logs=None)


def connects(name: str, host: str, *steps: Step, version: str = "HTTP/1.1", more: bytes = b"") -> Scenario:
    return sends(name, request(host, method="CONNECT", host=host, version=version) + more, *steps)


TUNNEL = (Receive(bodiless=True), Send(octets=b"hi"), ReceiveOctets(until=b"yo"), Drop())
MAINT = b"s=s1&action=maint&b=app"

SCENARIOS = (
    sends("expect-unheard", posts("/reads"), DATA, Receive(), AFTER, logs=2),
    sends("expect-heard", posts("/goes-ahead"), Receive(), DATA, Receive(), AFTER, logs=2),
    sends("expect-refused", posts("/refuses"), Receive(), DATA, End()),
    sends("expect-http10", posts("/goes-ahead", version="HTTP/1.0"), DATA, Receive(), End()),
    sends("expect-other", posts("/reads", "Expect: x", "Content-Length: 4"), DATA, Receive(), Drop()),
    sends("expect-without-body", posts("/reads", EXPECTS), Receive(), AFTER, logs=2),
    sends(
        "expect-chunked", posts("/goes-ahead", EXPECTS, CHUNKED), Receive(), Send(octets=b"4\r\ndata\r\n0\r\n\r\n"), Receive(),
        AFTER, logs=2,
    ),
    *(
        sends(f"head{target[5:]}", request(target, method="HEAD"), Receive(bodiless=True), AFTER, logs=2)
        for target in ("/head-length", "/head-chunked", "/head-nothing", "/head-body")
    ),
    *(
        sends(f"bodiless-{target[1:]}", request(target), Receive(), AFTER, logs=2)
        for target in ("/304", "/204", "/204-length", "/204-chunked", "/205")
    ),
    sends("head-http10", request("/head-nothing", method="HEAD", version="HTTP/1.0"), Receive(bodiless=True), End()),
    Scenario("head-503", LISTEN, flat(ask("/", method="HEAD"), ask("/", method="HEAD")), logs=2),
    sends("interims", request("/interims"), Receive(), Receive(), Receive(), Receive(), AFTER, logs=2),
    sends("interim-199", request("/199"), Receive(), Receive(), AFTER, logs=2),
    sends("interim-with-length", request("/interim-length"), Receive(), Receive(), AFTER, logs=2),
    sends("interim-then-nothing", request("/interim-dies"), Receive(), Receive(), Drop()),
    sends("interims-http10", request("/interims", version="HTTP/1.0"), Receive(), End()),
    *(
        sends(
            f"early-answer{target[6:]}", posts(target, "Content-Length: 10") + b"abc", Receive(), Send(octets=b"defghij"), *then,
            logs=logs,
        )
        for target, then, logs in (("/early", [AFTER], 2), ("/early-chunked", [AFTER], 2), ("/early-close", [End()], 1))
    ),
    connects("connect-tunnel", "a:80", *TUNNEL),
    connects("connect-tunnel-http10", "a:80", *TUNNEL, version="HTTP/1.0"),
    connects("connect-refused", "b:80", Receive(), Drop()),
    connects("connect-with-length", "c:80", *TUNNEL),
    connects("connect-early-octets", "a:80", Receive(bodiless=True), ReceiveOctets(until=b"yo"), Drop(), more=b"hi"),
    form("form-chunked", CHUNKED, body=b"5\r\ns=s1&\r\n12;x=y\r\naction=maint&b=app\r\n0\r\nX-T: u\r\n\r\n"),
    form("form-chunked-too-large", CHUNKED, body=b"4e20\r\n" + MAINT + b"&x=" + b"y" * 19_974 + b"\r\n0\r\n\r\n"),
    form("form-bad-chunk", CHUNKED, body=b"17\r\n" + MAINT + b"\r\nzz\r\n"),
    form("form-too-large", body=MAINT + b"&x=" + b"y" * 20_000),
    form("form-expects", EXPECTS, body=MAINT, then=(Receive(), Receive())),
    form("form-cut", "Content-Length: 99", body=b"s=s1", then=(Shut(), Receive(), End())),
)
