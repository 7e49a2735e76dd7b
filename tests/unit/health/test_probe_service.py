"""Checks in services' own protocols: the verdict does not depend on how the answer is cut."""

from __future__ import annotations

import pytest

from proxy.health.probe_service import BUFFER_OCTETS, ServiceProbe
from proxy.health.result import Verdict
from proxy.health.services import SERVICES, SSL_HELLO
from proxy.runtime.check_plan import ServicePlan
from tests.differential.scenarios_services import (
    ALERT,
    AUTHENTICATE,
    BLOCKED,
    DENIED,
    FATAL,
    GREETING,
    LDAP_DENIED,
    LDAP_LONG,
    LDAP_OK,
    WELCOME,
)

USER = {"user": b"bob"}
SMTP = {"hello": b"HELO localhost"}


def probe(kind: str, **settings: object) -> ServiceProbe:
    return ServiceProbe(ServicePlan(kind, **settings))      # type: ignore[arg-type]


def talk(asked: ServiceProbe, answers: list[bytes], step: int) -> tuple[list[bytes], Verdict | None]:
    """What is said to a service that answers so, in pieces of `step` octets, and the verdict, if there is one yet."""
    asked.begin()
    said = [asked.connected() or b""]
    for answer in answers:
        for at in range(0, len(answer), step):
            action = asked.received(answer[at : at + step])
            if isinstance(action, Verdict):
                return said, action
            if action:
                said.append(action)
    return said, None


OK_MYSQL = Verdict("L7OK", 0, "8.0.36")
TALKS = [
    ("ssl-hello", {}, [ALERT[:5]], Verdict("L6OK")), ("ssl-hello", {}, [b"HTTP/"], Verdict("L6RSP")),
    ("mysql", {}, [GREETING], OK_MYSQL), ("mysql", {}, [BLOCKED], Verdict("L7STS", 1130, "Host is blocked")),
    ("mysql", USER, [GREETING, WELCOME], OK_MYSQL),
    ("mysql", USER, [GREETING, DENIED], Verdict("L7STS", 1045, "#28000Access denied for user 'bob'")),
    ("smtp", SMTP, [b"220 hi\r\n", b"250-a\r\n250 ok\r\n", b"221 bye\r\n"], Verdict("L7OK", 221, "bye")),
    ("smtp", SMTP, [b"220 hi\r\n", b"250 ok\r\n", b"bye\r\n"], Verdict("L7STS")),
    ("smtp", SMTP, [b"421 later\r\n"], Verdict("L7STS", 421, "later")),
    ("smtp", SMTP, [b"220-a\r\n"], Verdict("L7RSP", 0, "220-a")),
    ("redis", {}, [b"+PONG\r\n"], Verdict("L7OK", 0, "Redis server is ok")),
    ("pgsql", USER, [AUTHENTICATE[:9]], Verdict("L7OK", 0, "PostgreSQL server is ok")),
    ("pgsql", USER, [b"R\0\0\0\x08\0\0\0\x01"], Verdict("L7STS", 0, "PostgreSQL unknown error")),
    ("ldap", {}, [LDAP_OK], Verdict("L7OK", 0, "Success")), ("ldap", {}, [LDAP_LONG], Verdict("L7OK", 0, "Success")),
    ("ldap", {}, [LDAP_DENIED], Verdict("L7STS", 49, "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9")),
    ("ldap", {}, [b"HTTP/1.0 400 Bad"], Verdict("L7RSP", 0, "Not LDAPv3 protocol")),
    ("ldap", {}, [LDAP_OK.replace(b"\x0a\x01", b"\x0b\x01")], Verdict("L7RSP", 0, "Not LDAPv3 protocol")),
]


@pytest.mark.parametrize("step", [1, 2, 1000])
@pytest.mark.parametrize(("kind", "settings", "answers", "verdict"), TALKS)
def test_a_talk(kind: str, settings: dict[str, bytes], answers: list[bytes], verdict: Verdict, step: int) -> None:
    asked = probe(kind, **settings)
    for _ in range(2):                              # one object serves all checks of a server
        assert talk(asked, answers, step)[1] == verdict


def test_a_fault_of_postgresql_is_told_as_far_as_it_came() -> None:
    assert talk(probe("pgsql", **USER), [FATAL], 1000)[1] == Verdict("L7RSP", 0, "FATAL")
    assert talk(probe("pgsql", **USER), [FATAL], 1)[1] == Verdict("L7RSP")


def test_what_is_said() -> None:
    assert talk(probe("mysql", **USER), [GREETING], 1)[0] == [
        b"\x25\0\0\x01" + b"\0\x82\0\0" + b"\0\x80\0\x01" + b"!" + b"\0" * 23 + b"bob\0\0" + b"\x01\0\0\0\x01"
    ]
    assert talk(probe("mysql", before_41=True, **USER), [], 1)[0] == [b"\x0a\0\0\x01\0\x80\0\0\x01bob\0\0\x01\0\0\0\x01"]
    assert talk(probe("mysql"), [GREETING], 1)[0] == [b""]
    assert talk(probe("pgsql", **USER), [], 1)[0] == [b"\0\0\0\x12\0\x03\0\0user\0bob\0\0"]
    assert talk(probe("redis"), [], 1)[0] == [b"*1\r\n$4\r\nPING\r\n"]
    assert talk(probe("ldap"), [], 1)[0] == [bytes.fromhex("300c0201016007020103040080 00")]
    said, _ = talk(probe("smtp", **SMTP), [b"220 a\r\n", b"250 b\r\n", b"221 c\r\n"], 1)
    assert said == [b"", b"HELO localhost\r\n", b"QUIT\r\n"]


def test_who_speaks_first() -> None:
    """The handshake is only then left to be finished by what we say."""
    kinds = {kind: probe(kind).speaks_first for kind in SERVICES}
    assert kinds == {"ssl-hello": True, "mysql": False, "smtp": False, "redis": True, "pgsql": True, "ldap": True}
    assert probe("mysql", **USER).speaks_first


def test_the_hello_of_sslv3_has_the_lengths_it_says() -> None:
    assert SSL_HELLO[:3] == b"\x16\x03\x00"
    assert int.from_bytes(SSL_HELLO[3:5], "big") == len(SSL_HELLO) - 5
    assert int.from_bytes(SSL_HELLO[6:9], "big") == len(SSL_HELLO) - 9
    assert SSL_HELLO[9:11] == b"\x03\x00"
    assert SSL_HELLO[43] == 0                                           # no session
    suites = int.from_bytes(SSL_HELLO[44:46], "big")
    assert SSL_HELLO[46 + suites :] == b"\x01\0"                        # one way to compress: none


@pytest.mark.parametrize(("kind", "silent", "late"), [
    ("ssl-hello", "L6RSP", "L6TOUT"), ("mysql", "L7RSP", "L7TOUT"), ("smtp", "L7RSP", "L7TOUT"), ("redis", "L7STS", "L7TOUT"),
    ("pgsql", "L7RSP", "L7TOUT"), ("ldap", "L7RSP", "L7TOUT"),
])
def test_a_service_that_says_nothing(kind: str, silent: str, late: str) -> None:
    asked = probe(kind)
    asked.begin()
    closed = asked.closed()
    assert isinstance(closed, Verdict)
    assert (closed.status, asked.timed_out().status) == (silent, late)
    assert closed.description.startswith("TCPCHK got an empty response at step ")


@pytest.mark.parametrize(("kind", "heard", "verdict"), [
    ("ssl-hello", b"\x16", Verdict("L6OK")), ("ssl-hello", b"x", Verdict("L6RSP")), ("mysql", GREETING[:9], Verdict("L7RSP")),
    ("smtp", b"220", Verdict("L7RSP", 0, "220")), ("redis", b"-ERR\r\n", Verdict("L7STS", 0, "-ERR")),
    ("pgsql", b"E\0", Verdict("L7RSP")), ("pgsql", b"R\0", Verdict("L7STS", 0, "PostgreSQL unknown error")),
    ("ldap", b"0\x0c", Verdict("L7RSP")),
])
def test_a_service_that_hangs_up_in_the_middle(kind: str, heard: bytes, verdict: Verdict) -> None:
    asked = probe(kind)
    asked.begin()
    assert asked.received(heard) is None
    assert asked.closed() == verdict


@pytest.mark.parametrize("words", [[b"220 hi\r\n", b"500"], [b"220 hi\r\n", b"250 ok\r\n", b"22"]])
def test_a_mail_server_that_hangs_up_later(words: list[bytes]) -> None:
    asked = probe("smtp", **SMTP)
    talk(asked, words, 1000)
    closed = asked.closed()
    assert isinstance(closed, Verdict)
    assert closed.status in ("L7RSP", "L7STS")


@pytest.mark.parametrize("kind", sorted(SERVICES))
def test_a_service_that_never_ends_is_judged(kind: str) -> None:
    asked = probe(kind)
    asked.begin()
    verdict = None
    for _ in range(BUFFER_OCTETS // 64 + 2):
        verdict = verdict or asked.received(b"\xfe" * 64)
    assert isinstance(verdict, Verdict)
    assert verdict.status in ("L6RSP", "L7RSP", "L7STS")
