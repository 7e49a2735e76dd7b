"""Persistence by cookie: every case was put to a HAProxy 2.6 and must come out the same here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.base.addresses import Address, Family
from proxy.core import cookie_text
from proxy.core.cookies import CookiePolicy, decode_date, encode_date
from proxy.core.http1.head import RequestHead, ResponseHead
from proxy.runtime.backend import Backend
from proxy.runtime.server import Server
from proxy.runtime.states import Admin, Operational

# s3 was a backup, s6 disabled, s7 of weight 0
COOKIES = {"s1": "c1", "s2": "c2", "s3": "c3", "s4": "", "s5": "c2", "s6": "c6", "s7": "c7"}
EPOCH_S = 1795464000
SHOWN = (b"set-cookie", b"set-cookie2", b"cache-control", b"expires", b"pragma")
TAKES_ARGUMENT = {"maxidle": "maxidle_s", "maxlife": "maxlife_s", "domain": "domains", "attr": "attrs"}


def read_recording() -> list[tuple[str, list[list[Any]]]]:
    groups: list[tuple[str, list[list[Any]]]] = []
    for line in (Path(__file__).parent / "recorded_cookies.txt").read_text().splitlines():
        if line.startswith("["):
            groups[-1][1].append(json.loads(line))
        elif not line.startswith("#"):
            groups.append((line, []))
    return groups


RECORDED = read_recording()


def policy_of(line: str) -> CookiePolicy:
    """What `config` and `build` make of a cookie line, in small."""
    words = iter(line.partition(" + ")[0].split())
    name, mode = next(words), ""
    options: dict[str, Any] = {"domains": [], "attrs": []}
    for word in words:
        if word in ("rewrite", "insert", "prefix"):
            mode = word
        elif word in ("domain", "attr"):
            options[TAKES_ARGUMENT[word]].append(next(words))
        elif word in TAKES_ARGUMENT:
            options[TAKES_ARGUMENT[word]] = int(next(words).rstrip("s"))
        else:
            options[word] = True
    return CookiePolicy(name, mode, **options)


def backend_of(line: str = "") -> Backend:
    backend = Backend("app", 2)
    backend.persist = "option persist" in line
    for number, (name, cookie) in enumerate(COOKIES.items(), 1):
        server = Server(backend, name, number, Address(Family.IPV4, "127.0.0.1", 1))
        server.cookie = cookie.encode()
        backend.servers.append(server)
    server_of(backend, "s6").admin = Admin.FMAINT
    return backend


def server_of(backend: Backend, name: str) -> Server:
    server = backend.server(name)
    assert server is not None
    return server


def request_of(*cookies: str) -> RequestHead:
    head = RequestHead()
    head.fields = [(b"host", b"h")]
    head.fields += [(b"cookie", cookie.strip(" \t").encode("latin-1")) for cookie in cookies]
    head.fields += [(b"x", b"SRV=c1")]
    return head


def response_of(status: int, fields: list[str]) -> ResponseHead:
    head = ResponseHead()
    head.status = status
    for field in fields:
        name, _, value = field.partition(":")
        head.fields.append((name.lower().encode(), value.strip(" \t").encode("latin-1")))
    return head


@pytest.mark.parametrize(("line", "cases"), RECORDED, ids=[line for line, _ in RECORDED])
def test_all_recorded_cases(line: str, cases: list[list[Any]]) -> None:
    policy, backend = policy_of(line), backend_of(line)
    for second, method, status, cookies, fields, answered_by, letters, left, sent in cases:
        where = f"{cookies} {fields} {method} {status}"
        request, response = request_of(*cookies), response_of(status, fields)
        asked, flag = policy.read(request, backend, EPOCH_S + second)
        server = server_of(backend, answered_by)
        if letters[0] == "V" or (letters[0] == "D" and backend.persist):
            assert asked is server, where
        elif letters[0] != "-":
            assert asked is None, where
        answer = policy.write(response, server, asked, flag, EPOCH_S + second, method.encode())
        assert bytes((flag, answer)).decode() == letters, where
        seen = [value.decode("latin-1") for key, value in request.fields if key == b"cookie"]
        assert seen == [text.strip() for text in left], where
        assert request.fields[0] == (b"host", b"h")
        assert request.fields[-1] == (b"x", b"SRV=c1")
        shown = [(key + b": " + value).decode("latin-1") for key, value in response.fields if key in SHOWN]
        assert shown == sent, where


@pytest.mark.parametrize(
    ("operational", "admin", "letter"),
    [
        (Operational.RUNNING, Admin.FDRAIN, "V"),
        (Operational.STOPPING, Admin.READY, "V"),
        (Operational.STARTING, Admin.READY, "V"),
        (Operational.STOPPED, Admin.READY, "D"),
        (Operational.STOPPED, Admin.FDRAIN, "D"),
        (Operational.RUNNING, Admin.RMAINT, "D"),
    ],
)
def test_a_pinned_client_stays_while_its_server_can_answer(operational: Operational, admin: Admin, letter: str) -> None:
    backend, policy = backend_of(), policy_of("SRV insert indirect")
    server = server_of(backend, "s1")
    server.operational, server.admin, server.weight_now = operational, admin, 0
    asked, flag = policy.read(request_of("SRV=c1"), backend, 0)
    assert chr(flag) == letter
    assert (asked is server) == (letter == "V")


def test_after_a_redispatch_the_client_is_told_its_new_server() -> None:
    backend, policy = backend_of(), policy_of("SRV insert indirect maxlife 10")
    policy.read(request_of("SRV=c1"), backend, EPOCH_S)
    response = response_of(200, [])
    assert policy.write(response, server_of(backend, "s2"), None, ord("D"), EPOCH_S, b"GET") == ord("I")
    assert response.fields == [(b"set-cookie", b"SRV=c2|" + encode_date(EPOCH_S) + b"|" + encode_date(EPOCH_S) + b"; path=/")]


@pytest.mark.parametrize(("line", "letter"), [("SRV", "-"), ("SRV indirect", "N"), ("SRV rewrite", "N"), ("SRV insert", "N")])
def test_a_request_without_an_answer_has_its_fourth_letter_too(line: str, letter: str) -> None:
    assert chr(policy_of(line).unanswered) == letter


def test_new_servers_are_known_once_told() -> None:
    backend, policy = backend_of(), policy_of("SRV insert")
    assert policy.read(request_of("SRV=new"), backend, 0) == (None, ord("I"))
    server = Server(backend, "s8", 8, Address(Family.IPV4, "127.0.0.1", 1))
    server.cookie = b"new"
    backend.servers.append(server)
    policy.servers_changed()
    assert policy.read(request_of("SRV=new"), backend, 0) == (server, ord("V"))


def test_a_date_is_read_back_and_nonsense_is_no_date() -> None:
    for second in (1, 4, 5, EPOCH_S, EPOCH_S + 1, EPOCH_S + 3):
        assert 0 <= decode_date(encode_date(second)) - second < 4
    assert encode_date(1795463960) == b"awSbG"
    for text in (b"", b"abc", b"abcdef", b"a!cde", b"ab cd", b"\xc3\xa9abc"):
        assert decode_date(text) == 0


@given(st.text(alphabet=" \t;,=\"\\$aSRVc1~|", max_size=60))
def test_parts_make_up_the_value_again(text: str) -> None:
    value = text.encode()
    parts = cookie_text.split_parts(value)
    assert cookie_text.join_parts(parts) == value
    assert all(delimiter in (b";", b",") for _, delimiter in parts[:-1])
    assert parts[-1][1] == b""
    assert cookie_text.without(parts, lambda part: False) in (value, None)


@given(st.text(alphabet=" \t;,=\"\\$aSRVc1~|", max_size=60))
def test_no_trace_of_the_cookie_reaches_the_server(text: str) -> None:
    backend, policy = backend_of(), policy_of("SRV insert indirect")
    head = request_of(text)
    policy.read(head, backend, 0)
    again = RequestHead()
    again.fields = list(head.fields)
    assert policy.read(again, backend, 0) == (None, ord("N"))
    assert again.fields == head.fields


def test_a_long_hostile_header_is_read_in_linear_time() -> None:
    """Were it not, this would not end."""
    for text in ('SRV="' + '\\"' * 30_000, "SRV=" + '"' * 60_000, "SRV=" + ";" * 60_000, "SRV=c1;" * 8_000, "SRV = " * 10_000):
        policy_of("SRV insert indirect").read(request_of(text), backend_of(), 0)
