"""Lines that the examples of the keyword table leave out: what they come to, in the words that are shown."""

from __future__ import annotations

import pytest

from proxy.base.errors import ConfigError, Severity
from proxy.config.load import load

HEAD = "listen l\n bind :1\n mode http\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n server s 192.0.2.1:80\n"

REFUSED = [
    ('cookie "a b" insert', "'cookie' expects <cookie_name> as argument."),
    (r"option httpchk GET / HTTP/1.1\r\nno\ field", "'option httpchk' : invalid header 'no field' after the version"),
    ('option httpchk\nhttp-check expect string ""', "'string' expects a <pattern> as argument."),
    ("option httpchk\nhttp-check expect status 20", "invalid status code '20'."),
    ("option httpchk\nhttp-check expect comment x", "'http-check expect' : expects at least a matching pattern as arguments."),
    ("capture request header Host len", "'capture request' expects 'header' <header_name> 'len' <len>."),
    ('server t ""', "'server t' : '' resolves to an empty address"),
    ("server-template t 1-3 192.0.2.1:80 id 5", "'server l/t' : 'id' cannot be given to several servers."),
    (f"option pgsql-check user {'a' * 300}", "is no name of a user."),
    ('option smtpchk EHLO "a\\nb"', "a line end cannot be part of a domain."),
    ("http-request use-service prometheus-exporter when", "expects 'if', 'unless' or end of line but got 'when'"),
]
TAKEN = [
    ("balance roundrobin 5", "'balance roundrobin' takes no argument; '5' ignored"),
    ("server-template t 1-2 localhost:80", "every server of a 'server-template' goes to the same address"),
    ("option smtpchk NOPE x", "says HELO localhost"),
    ("stats admin if FALSE", ""), ("stats admin unless TRUE", ""), ("stats admin if LOCALHOST", ""),
    ("http-request use-service prometheus-exporter if TRUE", ""),
    ("http-request use-service prometheus-exporter unless TRUE", ""),
    ("option httpchk\nhttp-check send-state", ""), ("no option accept-invalid-http-request", ""),
]


def lines(text: str) -> str:
    return "".join(f" {line}\n" for line in text.split("\n"))


@pytest.mark.parametrize(("line", "message"), REFUSED, ids=[line[:40] for line, _ in REFUSED])
def test_refused(line: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text=HEAD + lines(line))
    assert any(message in item.message for item in caught.value.diagnostics if item.severity is Severity.ALERT), [
        item.message for item in caught.value.diagnostics
    ]


@pytest.mark.parametrize(("line", "message"), TAKEN, ids=[line[:40] for line, _ in TAKEN])
def test_taken(line: str, message: str) -> None:
    found = [item.message for item in load(text=HEAD + lines(line)).diagnostics]
    assert any(message in text for text in found) if message else found == []


@pytest.mark.parametrize(("section", "line", "message"), [
    ("backend", "error-log-format x", "'error-log-format' directive is ignored in backends."),
    ("backend", "timeout client 5s", "'timeout client' will be ignored because backend 'l' has no frontend capability"),
    ("backend", "rate-limit sessions 5", "rate-limit sessions will be ignored because backend 'l' has no frontend capability"),
])
def test_on_the_wrong_side(section: str, line: str, message: str) -> None:
    text = f"{section} l\n mode http\n timeout connect 1s\n timeout server 1s\n server s 192.0.2.1:80\n {line}\n"
    assert any(message in item.message for item in load(text=text).diagnostics), [
        item.message for item in load(text=text).diagnostics
    ]


def test_quiet_and_zero_warning_are_odd_together() -> None:
    found = load(text="global\n quiet\n zero-warning\n").diagnostics
    assert [(item.severity, item.message) for item in found] == [
        (Severity.DIAG, "'quiet' hides the warnings that 'zero-warning' makes fatal"),
    ]


def test_a_check_port_may_come_from_a_step() -> None:
    text = HEAD + " option httpchk\n http-check connect port 8080\n server t 192.0.2.2 check\n"
    assert load(text=text).diagnostics == ()


def test_two_defaults_of_one_name_cannot_be_told_apart() -> None:
    with pytest.raises(ConfigError, match="ambiguous defaults section name 'd'"):
        load(text="defaults d\ndefaults d\nfrontend f from d\n bind :1\n")


def test_a_service_check_is_replaced_by_the_last_one_asked_for() -> None:
    text = HEAD + " option mysql-check user bob\n option httpchk\n"
    assert (load(text=text).proxies[0].check_service, load(text=text).proxies[0].httpchk) == (None, True)
    text = HEAD + " option httpchk\n option redis-check\n"
    section = load(text=text).proxies[0]
    assert section.check_service is not None
    assert (section.check_service.kind, section.httpchk, section.check_rules) == ("redis", False, ())
    inherited = load(text="defaults\n option mysql-check user bob\n" + HEAD).proxies[0]
    assert inherited.check_service is not None
    assert inherited.check_service.user == "bob"
