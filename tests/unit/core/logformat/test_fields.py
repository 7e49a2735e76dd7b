"""Every variable, with and without flags, against what haproxy 2.6.12 wrote for the same facts."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.base.log_format_text import VARIABLES
from proxy.core.logformat import Site, compile_format
from proxy.core.logformat.dates import Dates
from proxy.core.logformat.fields import FIELDS
from tests.unit.core.logformat.sample_records import bad_request, record

INDIA = Site(Dates(lambda second: 19800), hostname="vm", pid=9473)


def shown(text: str, *, site: Site = INDIA, **facts: Any) -> str:
    made = facts.pop("made", None) or record(**facts)
    return compile_format(text, http=True, site=site).line(made).decode("latin-1")


def test_every_variable_of_the_language_has_a_field() -> None:
    assert set(FIELDS) == VARIABLES


@pytest.mark.parametrize(("text", "facts", "line"), [
    ("%B", {}, "167"),
    ("%B", {"logasap": True}, "+167"),
    ("%Ta %Tt %Tu", {"active_ms": 3, "total_ms": 25, "idle_ms": 20}, "3 25 5"),
    ("%Ta %Tt %Tu", {"active_ms": 3, "total_ms": 25, "idle_ms": 20, "logasap": True}, "+3 +25 +5"),
    ("%Tu", {"total_ms": 100, "idle_ms": -1}, "100"),
    ("%Tu", {"total_ms": 5, "idle_ms": 9}, "0"),
    ("%TR/%Tw/%Tc/%Tr/%Td", {"request_ms": 1, "queue_ms": 2, "connect_ms": 3, "response_ms": -1, "data_ms": 5}, "1/2/3/-1/5"),
    ("%Th %Ti %Tq", {"handshake_ms": 1, "idle_ms": 2, "request_ms": 3}, "1 2 6"),
    ("%Tq", {"idle_ms": 2, "request_ms": -1}, "-1"),
    ("%Tq", {"idle_ms": -1, "request_ms": 3}, "-1"),
    ("%ST", {"status": -1}, "-1"),
    ("%U", {}, "82"),
    ("%ac/%fc/%bc/%sc/%rc", {"process_connections": 5, "frontend_connections": 4, "backend_connections": 3,
                             "server_connections": 2, "retries": 1}, "5/4/3/2/1"),
    ("%rc", {"retries": 3, "redispatched": True}, "+3"),
    ("%{+Q,+X}rc", {"retries": 10}, "10"),
    ("%sq/%bq", {"server_queue": 7, "backend_queue": 9}, "7/9"),
    ("%tsc %ts", {"termination": b"sHVN"}, "sHVN sH"),
    ("%{+Q}tsc %{+Q}ts %{+Q}t", {"termination": b"sHVN"}, "sHVN sH 22/Nov/2026:12:24:51.068"),
    ("%pid %{+X}pid", {}, "9473 2501"),
    ("%rt %{+X}rt", {"request_counter": 3}, "3 0003"),
    ("%H %{+Q}H", {}, 'vm "vm"'),
    ("%sslv %sslc %{+Q}sslv", {}, '- - ""'),
])
def test_numbers_and_states(text: str, facts: dict[str, Any], line: str) -> None:
    assert shown(text, **facts) == line


def test_the_lines_of_a_frontend_are_counted() -> None:
    made = record()
    made.frontend.log_count = 26
    assert shown("%lc %{+X}lc", made=made) == "26 001A"


@pytest.mark.parametrize(("text", "line"), [
    ("%t", "22/Nov/2026:12:24:51.068"),
    ("%tr", "22/Nov/2026:12:24:52.007"),
    ("%T", "22/Nov/2026:06:54:51 +0000"),
    ("%Tl", "22/Nov/2026:12:24:51 +0530"),
    ("%trg", "22/Nov/2026:06:54:52 +0000"),
    ("%trl", "22/Nov/2026:12:24:52 +0530"),
    ("%Ts %{+X}Ts", "1795330491 6B0291BB"),
    ("%ms %{+X}ms", "068 44"),
])
def test_dates(text: str, line: str) -> None:
    assert shown(text, request_wall_s=1795330492.007) == line


@pytest.mark.parametrize(("text", "facts", "line"), [
    ("%ci:%cp", {}, "127.0.0.1:38782"),
    ("%{+Q}ci:%{+Q}cp", {}, '"127.0.0.1":38782'),
    ("%{+X}ci:%{+X}cp", {"client_port": 1}, "7F000001:0001"),
    ("%{+X,+Q}ci", {}, "7F000001"),
    ("%{+X}ci", {"client_address": "2001:db8::7f"}, "20010DB800000000000000000000007F"),
    ("%ci:%cp", {"client_address": "::1"}, "::1:38782"),
    ("%ci:%cp %{+X}ci", {"client_address": "unix", "client_port": 77}, "unix:77 unix"),
    ("%fi:%fp", {}, "127.0.0.2:80"),
    ("%bi:%bp %si:%sp", {}, "-:- -:-"),
    ("%{+Q}bi:%{+Q}bp %{+X}si:%{+X}sp", {}, '"":"" -:-'),
    ("%bi:%bp", {"backend_address": "10.0.0.1", "backend_port": 999}, "10.0.0.1:999"),
    ("%{+Q}si:%{+Q}sp", {"server_address": "10.0.0.2", "server_port": 1}, '"10.0.0.2":1'),
])
def test_addresses(text: str, facts: dict[str, Any], line: str) -> None:
    assert shown(text, **facts) == line


@pytest.mark.parametrize(("text", "facts", "line"), [
    ("%f %ft %b/%s", {}, "web web app/s1"),
    ("%ft", {"is_tls": True}, "web~"),
    ("%b/%s", {"backend": None, "server": None}, "web/<NOSRV>"),
    ("%b/%s", {"server": None, "server_name": "<STATS>"}, "app/<STATS>"),
    ("%{+Q}b/%{+Q}s", {}, '"app"/"s1"'),
    ("%ID", {}, "-"),
    ("%{+Q}ID", {}, '""'),
    ("%ID %{+Q}ID", {"unique_id": b"7F:1\n"}, '7F:1#0A "7F:1#0A"'),
])
def test_names(text: str, facts: dict[str, Any], line: str) -> None:
    assert shown(text, **facts) == line


@pytest.mark.parametrize(("target", "line"), [
    (b"/a?b?c#d", "[/a?b?c#23d] [/a] [/a] [?b?c#23d]"),
    (b"/a;b,c?", "[/a;b,c?] [/a;b,c] [/a;b,c] [?]"),
    (b"http://h/x?y", "[http://h/x?y] [http://h/x] [/x] [?y]"),
    (b"http://h", "[http://h] [http://h] [] []"),
    (b"*", "[*] [*] [] []"),
    (b"h:80", "[h:80] [h:80] [] []"),
    (b'/"\\]"?"\\]', "[/#22\\]#22?#22\\]] [/#22\\]#22] [/#22\\]#22] [?#22\\]]"),
    (b"/\xc3\xa9\x1b{|}", "[/#C3#A9#1B{|}] [/#C3#A9#1B{|}] [/#C3#A9#1B{|}] []"),
])
def test_parts_of_the_target(target: bytes, line: str) -> None:
    assert shown("[%HU] [%HP] [%HPO] [%HQ]", target=target) == line


def test_the_request_line_and_its_flags() -> None:
    assert shown("%r %HM %HV", target=b"/x") == "GET /x HTTP/1.1 GET HTTP/1.1"
    assert shown("%{+Q}r", target=b'/"') == '"GET /#22 HTTP/1.1"'
    assert shown("%{+Q,+E}r [%{+E}HU]", target=b'/"\\]') == '"GET /#22\\\\\\] HTTP/1.1" [/#22\\\\\\]]'
    assert shown("%{+Q}HQ %{+Q}HPO", target=b"*") == '"" ""'


def test_what_was_no_request() -> None:
    line = shown('%HM %HP %HPO %HQ %HU %HV %r %{+Q}r %U %B', made=bad_request(octets_in=99))
    assert line == '<BADREQ> <BADREQ> <BADREQ> <BADREQ> <BADREQ> <BADREQ> <BADREQ> "<BADREQ>" 0 0'


def test_a_long_request_line_is_cut_before_it_is_taken_apart() -> None:
    site = Site(logurilen=60)
    assert shown("%r", site=site, target=b"/" + b"x" * 46) == "GET /" + "x" * 46 + " HTTP/1.1"
    assert shown("%r", site=site, target=b"/" + b"x" * 47) == "GET /" + "x" * 47 + " HTTP/1."
    assert shown("%HV", site=site, target=b"/" + b"x" * 47) == "HTTP/1."
    assert shown("%HV", site=site, target=b"/" + b"x" * 54) == "HTTP/0.9"
    assert shown("%HU %HV", site=site, target=b"/" + b"x" * 80) == "/" + "x" * 55 + " HTTP/0.9"


@pytest.mark.parametrize(("text", "line"), [
    ("%hr", "{h|x#7By#7Cz#7D#23#22\\] #E9#09#7F}"),
    ("%{+Q}hr", '"{h|x#7By#7Cz#7D#23#22\\] #E9#09#7F}"'),
    ("%{+E}hr", "{h|x#7By#7Cz#7D#23#22\\\\\\] #E9#09#7F}"),
    ("%hrl", "h x#7By#7Cz#7D#23#22\\] #E9#09#7F"),
    ("%{+Q}hrl", '"h" "x#7By#7Cz#7D#23#22\\] #E9#09#7F"'),
    ("%{+Q,+E}hrl", '"h" "x#7By#7Cz#7D#23#22\\\\\\] #E9#09#7F"'),
])
def test_captured_headers(text: str, line: str) -> None:
    assert shown(text, captured_request_headers=[b"h", b'x{y|z}#"\\] \xe9\t\x7f']) == line
    assert shown(text.replace("hr", "hs"), captured_response_headers=[b"h", b'x{y|z}#"\\] \xe9\t\x7f']) == line


def test_captured_headers_that_are_not_there() -> None:
    text = "[%hr] [%hs] [%hrl] [%hsl] [%{+Q}hr] [%{+Q}hrl] [%{+Q}hsl]"
    assert shown(text, captured_request_headers=[None, b""], captured_response_headers=[None]) == (
        '[{|}] [{}] [- ] [-] ["{|}"] ["" ""] [""]')
    assert shown(text) == "[] [] [] [] [] [] []"


@pytest.mark.parametrize(("text", "line"), [
    ("%CC %CS", 'SS=a#b"c\\] -'),
    ("%{+Q}CC %{+Q}CS", '"SS=a#b"c\\]" ""'),
    ("%{+E}CC %{+E}CS", 'SS=a#b\\"c\\\\\\] -'),
    ("%{+Q,+E}CC", '"SS=a#b\\"c\\\\\\]"'),
])
def test_captured_cookies(text: str, line: str) -> None:
    assert shown(text, captured_request_cookie=b'SS=a#b"c\\]') == line


def test_a_captured_cookie_cannot_send_control_octets_to_a_terminal() -> None:
    assert shown("%CC", captured_request_cookie=b"SS=\x1b[31m\x01\x7f\xe9") == "SS=#1B[31m#01#7F#E9"
