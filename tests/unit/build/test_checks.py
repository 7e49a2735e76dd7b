"""Check plans: what a section and a server line make of it, and the very octets HAProxy sends."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.base.addresses import Address, Family
from proxy.base.errors import NOWHERE
from proxy.build.checks import check_plan, expectation, request_step
from proxy.build.findings import Findings
from proxy.config.model import CheckRule, ProxySection, ServerLine, Timeouts
from proxy.runtime.backend import Backend
from proxy.runtime.check_plan import CheckPlan, ConnectStep, ExpectStep, SendStep
from proxy.runtime.server import Server

HERE = Address(Family.IPV4, "127.0.0.1", 80)


def plan_of(line: dict[str, Any] | None = None, **section: Any) -> CheckPlan | None:
    server_line = ServerLine("s", HERE, **{"check": True, **(line or {})})
    server = Server(Backend("b", 1), "s", 1, HERE)
    return check_plan(ProxySection("backend", "b", NOWHERE, **section), server_line, server, Findings())


@pytest.mark.parametrize(("rule", "octets"), [
    (CheckRule("send"), b"OPTIONS / HTTP/1.0\r\n\r\n"),
    (CheckRule("send", "GET", "/x"), b"GET /x HTTP/1.0\r\n\r\n"),
    (CheckRule("send", "GET", "/x", "HTTP/1.1"), b"GET /x HTTP/1.1\r\nconnection: close\r\n\r\n"),
    (CheckRule("send", "HEAD", "/", "HTTP/1.1", (("Host", "www"), ("X-A", "b"))),
     b"HEAD / HTTP/1.1\r\nhost: www\r\nx-a: b\r\nconnection: close\r\n\r\n"),
    (CheckRule("send", "POST", "/u", "HTTP/1.1", (("Host", "h.example"), ("X-Y", "z")), "abc"),
     b"POST /u HTTP/1.1\r\nhost: h.example\r\nx-y: z\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc"),
    (CheckRule("send", fields=(("Host", "h.example"),)), b"OPTIONS / HTTP/1.0\r\nhost: h.example\r\n\r\n"),
    (CheckRule("send", "GET", "/a", body="xyz"), b"GET /a HTTP/1.0\r\ncontent-length: 3\r\n\r\nxyz"),
    (CheckRule("send", "POST", "/", "HTTP/1.1", (("host", "a"), ("connection", "keep-alive"), ("content-length", "9")), "abc"),
     b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc"),
    (CheckRule("send", "GET", "/", body="é"), b"GET / HTTP/1.0\r\ncontent-length: 2\r\n\r\n\xc3\xa9"),
])
def test_requests_as_haproxy_sends_them(rule: CheckRule, octets: bytes) -> None:
    assert request_step(rule).octets == octets


def test_expectations() -> None:
    several = expectation(CheckRule("expect", what="status", pattern="200-299,302"))
    assert several == ExpectStep(statuses=((200, 299), (302, 302)))
    content = expectation(CheckRule("expect", what="string", pattern="ok", negated=True, min_recv=5, comment="c"))
    assert (content.content, content.error_status, content.negated) == (b"ok", "L7RSP", True)
    assert (content.min_recv, content.comment) == (5, "c")
    regex = expectation(CheckRule("expect", what="rstring", pattern="^o.", error_status="L7STS"))
    assert regex.content_pattern is not None
    assert regex.error_status == "L7STS"
    status = expectation(CheckRule("expect", what="rstatus", pattern="^2"))
    assert status.status_pattern is not None
    assert status.error_status == "L7STS"


def test_servers_without_checks_of_their_own() -> None:
    assert plan_of({"check": False}) is None
    assert plan_of({"check": True, "track": "a/b"}) is None


def test_times_and_options() -> None:
    section = {"timeouts": Timeouts(connect=3000, check=700), "options": frozenset({"log-health-checks"})}
    plan = plan_of({"inter_ms": 500, "fastinter_ms": 100}, **section)
    assert plan == CheckPlan(
        inter_ms=500, fastinter_ms=100, connect_timeout_ms=3000, timeout_ms=700, log_health_checks=True
    )


def test_steps() -> None:
    rules = (
        CheckRule("connect", port=81, send_proxy=True), CheckRule("send"), CheckRule("expect", what="status", pattern="200"),
        CheckRule("disable-on-404"),
    )
    plan = plan_of(check_rules=rules)
    assert plan is not None
    request = SendStep(b"OPTIONS / HTTP/1.0\r\n\r\n", b"OPTIONS")
    assert plan.steps == (ConnectStep(81, 1), request, ExpectStep(statuses=((200, 200),)))
    assert plan.disable_on_404


@pytest.mark.parametrize(("line", "version"), [
    ({}, 0), ({"send_proxy": 1}, 1), ({"send_proxy": 2}, 2), ({"check_send_proxy": True}, 1),
    ({"send_proxy": 2, "check_port": 81}, 0), ({"send_proxy": 2, "check_port": 81, "check_send_proxy": True}, 2),
    ({"send_proxy": 1, "check_address": HERE}, 0),
    ({"send_proxy": 2, "check_connect": CheckRule("connect")}, 0),
    ({"send_proxy": 2, "check_connect": CheckRule("connect", default=True)}, 2),
    ({"send_proxy": 6, "check_connect": CheckRule("connect", port=81, send_proxy=True), "check_port": 81}, 6),
    ({"check_connect": CheckRule("connect", send_proxy=True)}, 1),
])
def test_proxy_header_of_checks(line: dict[str, Any], version: int) -> None:
    plan = plan_of(line)
    assert plan is not None
    assert plan.send_proxy == version


@pytest.mark.parametrize(("line", "rule", "parts"), [
    ({"send_proxy": 2}, {}, 0), ({"send_proxy": 2}, {"default": True}, None), ({"send_proxy": 6}, {"send_proxy": True}, 6),
    ({}, {"send_proxy": True}, 1), ({"send_proxy": 2, "check_port": 81}, {"send_proxy": True, "default": True}, 2),
])
def test_a_connect_step_sends_a_proxy_header_where_it_says_so(
    line: dict[str, Any], rule: dict[str, Any], parts: int | None
) -> None:
    plan = plan_of(line, check_rules=(CheckRule("connect", **rule), CheckRule("send")))
    assert plan is not None
    assert plan.steps[0] == ConnectStep(None, parts)


@pytest.mark.parametrize(("address", "sockaddr"), [
    (Address(Family.IPV4, "127.0.0.2"), ("127.0.0.2", 80)),
    (Address(Family.IPV4, "127.0.0.2", 82), ("127.0.0.2", 82)),
    (Address(Family.IPV6, "::1"), ("::1", 80)),
    (Address(Family.UNIX, "/run/x"), "/run/x"),
    (Address(Family.ABSTRACT, "x"), "\0x" + "\0" * 106),
    (Address(Family.NAME, "localhost", 82), None),
])
def test_address_of_its_own(address: Address, sockaddr: object) -> None:
    plan = plan_of({"check_address": address, "check_port": 83})
    assert plan is not None
    assert plan.port == 83
    assert plan.family != 0 or sockaddr is None
    if sockaddr is not None:
        assert plan.sockaddr == sockaddr
    else:
        assert plan.sockaddr[1] == 82
