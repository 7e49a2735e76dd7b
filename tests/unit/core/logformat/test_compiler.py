"""Separators, literal text and the ready formats."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.base.log_format_text import LogFormatError
from proxy.core.logformat import CLF, DEFAULT_HTTP, DEFAULT_TCP, HTTPLOG, HTTPSLOG, TCPLOG, compile_format
from tests.unit.core.logformat.sample_records import bad_request, record


def shown(text: str, *, http: bool = True, **facts: Any) -> str:
    made = facts.pop("made", None) or record(**facts)
    return compile_format(text, http=http).line(made).decode()


@pytest.mark.parametrize(("text", "line"), [
    ("  a   %b   ", "a app "),
    ("100%% of %b", "100% of app"),
    ("%%", "%"),
    ("é%b", "éapp"),
    ("", ""),
    ("%b%s", "apps1"),
])
def test_text_and_separators(text: str, line: str) -> None:
    assert shown(text) == line


@pytest.mark.parametrize(("text", "line"), [
    ("%hr %b", "app"),                      # at the start
    ("%b %hr", "app "),                     # at the end
    ("%b %hr %hs %s", "app s1"),
    ("%b %hr%hs %s", "app s1"),
    ("%b %hr%hs%s", "app s1"),
    ("%b %hr%s %hs", "app s1 "),
    ("x%hr %b", "x app"),
    ("x%hr %hs %b", "x app"),
    ("[%hr] %b", "[] app"),
    ("%b %{+Q,+E}hr %s", "app s1"),
    ("%{+Q}o%b %hrl %s", '"app" "s1"'),
])
def test_an_empty_variable_takes_the_space_after_it_along(text: str, line: str) -> None:
    assert shown(text) == line


@pytest.mark.parametrize(("text", "line"), [
    ("%b %HQ %HPO %s", "app  / s1"), ("%b %{+Q}HQ %s", 'app "" s1'), ("%b %{+E}HQ %s", "app  s1"),
])
def test_only_captured_headers_do_so(text: str, line: str) -> None:
    assert shown(text) == line


@pytest.mark.parametrize(("text", "line"), [
    ("%b %hr %hs %s", "app {a} {b} s1"), ("%b %hr%hs %s", "app {a}{b} s1"), ("%hr %b", "{a} app"), ("x%hr %b", "x{a} app"),
    ("%b %hr%hs%s", "app {a}{b}s1"),
])
def test_a_variable_that_is_not_empty_keeps_it(text: str, line: str) -> None:
    assert shown(text, captured_request_headers=[b"a"], captured_response_headers=[b"b"]) == line


def test_http_lines() -> None:
    facts: dict[str, Any] = {"captured_request_headers": [b"t"], "captured_response_headers": [b"Apache"], "termination": b"--NI"}
    head, tail = "127.0.0.1:38782 [22/Nov/2026:06:54:51.068] web app/s1 0/0/0/0/", " - - --NI 0/0/0/0/0 0/0 "
    assert shown(HTTPLOG, **facts) == f'{head}0 200 167{tail}{{t}} {{Apache}} "GET / HTTP/1.1"'
    assert shown(HTTPLOG, logasap=True, active_ms=2, **facts) == f'{head}+2 200 +167{tail}{{t}} {{Apache}} "GET / HTTP/1.1"'
    assert shown(HTTPLOG, termination=b"--NI") == f'{head}0 200 167{tail}"GET / HTTP/1.1"'
    assert shown(HTTPSLOG, termination=b"--NI") == f'{head}0 200 167{tail}"GET / HTTP/1.1" 0/-/-/-/0 -/-/-'


def test_a_line_for_what_was_no_request() -> None:
    assert shown(HTTPLOG, made=bad_request()) == (
        '127.0.0.1:38782 [22/Nov/2026:06:54:51.068] web web/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 0/0/0/0/0 0/0 "<BADREQ>"')


def test_tcp_line() -> None:
    assert shown(TCPLOG, http=False, octets_out=155, queue_ms=1) == (
        "127.0.0.1:38782 [22/Nov/2026:06:54:51.068] web app/s1 1/0/0 155 -- 0/0/0/0/0 0/0")


def test_clf_line() -> None:
    captures: dict[str, Any] = {"captured_request_headers": [b"q", None], "captured_response_headers": [None]}
    plain = ('127.0.0.1 - - [22/Nov/2026:06:54:51 +0000] "GET / HTTP/1.1" 200 167 "" "" 38782 068 "web" "app" "s1" '
             '0 0 0 0 0 ---- 0 0 0 0 0 0 0 "" "" ')
    assert shown(CLF) == plain
    assert shown(CLF, **captures) == plain + '"q" "" ""'


def test_default_lines() -> None:
    assert shown(DEFAULT_HTTP) == "Connect from 127.0.0.1:38782 to 127.0.0.2:80 (web/HTTP)"
    assert shown(DEFAULT_TCP, http=False) == "Connect from 127.0.0.1:38782 to 127.0.0.2:80 (web/TCP)"


def test_a_wrong_format_is_refused() -> None:
    with pytest.raises(LogFormatError, match="reserved for HTTP mode"):
        compile_format(HTTPLOG, http=False)
