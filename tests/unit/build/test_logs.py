"""Log plans from sections of a configuration."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.base.address_text import parse_log_address
from proxy.base.addresses import Address, Family
from proxy.base.errors import StartError, Where
from proxy.base.log_format_text import CLF, HTTPLOG, HTTPSLOG, TCPLOG, parse_log_format
from proxy.build.findings import Findings
from proxy.build.logs import LogPlanner, resolve_name
from proxy.config.model import Global, LogTarget, ProxySection
from proxy.core.logformat import DEFAULT_HTTP, DEFAULT_TCP

HERE = Where("x.cfg", 7)
LOCAL = LogTarget(parse_log_address("127.0.0.1:1514"), "local3", "notice", "crit", 2048, "rfc5424", HERE)


def section(**facts: Any) -> ProxySection:
    return ProxySection(**{"kind": "frontend", "name": "web", "where": HERE, "mode": "http", "log_targets": (LOCAL,), **facts})


def planner(settings: Global | None = None, findings: Findings | None = None, **options: Any) -> LogPlanner:
    return LogPlanner(settings or Global(), findings or Findings(), **{"hostname": "vm", **options})


def test_a_section_without_log_lines_has_no_plan() -> None:
    assert planner().for_proxy(section(log_targets=())) is None
    assert planner().for_process() is None


def test_names_become_numbers() -> None:
    plan = planner().for_proxy(section())
    assert plan is not None
    [destination] = plan.destinations
    assert (destination.facility, destination.level, destination.minlevel) == (19, 5, 2)
    assert (destination.length, destination.format) == (2048, "rfc5424")
    assert (destination.address.host, destination.address.port) == ("127.0.0.1", 1514)


@pytest.mark.parametrize(("mode", "kind", "text", "expected", "is_default"), [
    ("http", "", None, DEFAULT_HTTP, True),
    ("tcp", "", None, DEFAULT_TCP, True),
    ("http", "httplog", HTTPLOG, HTTPLOG, False),
    ("http", "httpslog", HTTPSLOG, HTTPSLOG, False),
    ("http", "clf", CLF, CLF, False),
    ("http", "tcplog", TCPLOG, TCPLOG, False),
    ("http", "custom", "%ci %HM", "%ci %HM", False),
    ("tcp", "custom", "%ci", "%ci", False),
    ("tcp", "tcplog", TCPLOG, TCPLOG, False),
    ("tcp", "httplog", HTTPLOG, TCPLOG, False),
    ("tcp", "clf", CLF, TCPLOG, False),
])
def test_formats(mode: str, kind: str, text: str | None, expected: str, is_default: bool) -> None:
    plan = planner().for_proxy(section(mode=mode, log_format_kind=kind, log_format=text))
    assert plan is not None
    assert plan.items == parse_log_format(expected, http=mode == "http").items
    assert plan.is_default is is_default
    assert plan.error_items is None


def test_an_error_format() -> None:
    plan = planner().for_proxy(section(error_log_format="%ci %r"))
    assert plan is not None
    assert plan.error_items == parse_log_format("%ci %r", http=True).items


@pytest.mark.parametrize(("of_section", "of_global", "tag"), [("shop", "site", "shop"), ("", "site", "site"), ("", "", "lb")])
def test_tags(of_section: str, of_global: str, tag: str) -> None:
    plan = planner(Global(log_tag=of_global), program="lb").for_proxy(section(log_tag=of_section))
    assert plan is not None
    assert plan.tag == tag


@pytest.mark.parametrize(("configured", "sent"), [(None, None), ("", "vm"), ("lb1", "lb1")])
def test_host_names(configured: str | None, sent: str | None) -> None:
    plan = planner(Global(log_send_hostname=configured, http_logurilen=4096, log_targets=(LOCAL,))).for_process()
    assert plan is not None
    assert (plan.sent_hostname, plan.hostname, plan.logurilen) == (sent, "vm", 4096)


def test_the_default_length_of_a_request_line_is_one_less() -> None:
    plan = planner().for_proxy(section())
    assert plan is not None
    assert plan.logurilen == 1023


def test_equal_plans_are_one() -> None:
    plans = planner()
    assert plans.for_proxy(section()) is plans.for_proxy(section(name="other"))
    assert plans.for_proxy(section()) is not plans.for_proxy(section(log_tag="x"))


def test_a_name_is_resolved_once_and_keeps_its_port() -> None:
    asked: list[tuple[str, Family | None]] = []

    def resolve(host: str, only: Family | None) -> Address:
        asked.append((host, only))
        return Address(Family.IPV6, "::1")

    named = LOCAL._replace(address=parse_log_address("ipv6@logs.example:601"))
    plan = planner(resolve=resolve).for_proxy(section(log_targets=(named, named)))
    assert plan is not None
    assert {(d.address.family, d.address.host, d.address.port) for d in plan.destinations} == {(Family.IPV6, "::1", 601)}
    assert asked == [("logs.example", Family.IPV6)]


def test_a_name_that_does_not_resolve() -> None:
    lost = section(log_targets=(LOCAL._replace(address=parse_log_address("nosuch.invalid:601")),))
    message = "config : parsing [x.cfg:7] : log : invalid address: 'nosuch.invalid' in 'nosuch.invalid:601'"
    findings = Findings()
    plans = planner(findings=findings, resolve=lambda host, only: None)
    plans.for_proxy(lost)
    plans.for_proxy(lost._replace(log_tag="another"))       # with 'log global' many proxies share one line: it is told once
    with pytest.raises(StartError) as caught:
        findings.end()
    assert [(fault.message, fault.where) for fault in caught.value.faults] == [(message, HERE)]
    warned: list[tuple[str, str]] = []
    findings = Findings(lambda *said: warned.append(said))
    plan = planner(findings=findings, resolve=lambda host, only: None, ignore_resolution=True).for_proxy(lost)
    findings.end()
    assert plan is not None
    assert plan.destinations[0].address.family is Family.NAME
    assert warned == [(message, "the name does not resolve: lines to it are dropped")]


def test_the_machine_resolves_its_own_name() -> None:
    found = resolve_name("localhost")
    assert found is not None
    assert found.host in ("127.0.0.1", "::1")
    assert resolve_name("127.0.0.1", Family.IPV6) is None
    assert resolve_name("a" * 70 + ".invalid") is None
