"""Where servers start: `init-addr`, names that do not resolve, what is told of them."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from proxy.base.address_text import parse_server_address
from proxy.base.addresses import Address, Family
from proxy.base.clock import SystemClock
from proxy.base.errors import StartError
from proxy.build import build
from proxy.build.resolving import Found, Start, initial_address
from proxy.config.load import load
from proxy.config.load_options import LoadOptions
from proxy.runtime.states import Admin

NAMED = parse_server_address("app.example:80")
THERE = (socket.AF_INET, ("10.0.0.7", 80))
LOST = "Name or service not known"


@pytest.fixture(autouse=True)
def no_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this machine's own name is known; nobody else is asked."""
    real = socket.getaddrinfo

    def answer(host: Any, *question: Any, **more: Any) -> Any:
        if str(host).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, LOST)
        return real(host, *question, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def known(address: Address) -> Found:
    return THERE


def lost(address: Address) -> Found:
    return LOST


@pytest.mark.parametrize(("methods", "resolve", "start"), [
    (("last", "libc"), known, Start(THERE)),
    (("last", "libc"), lost, Start(None, LOST)),
    (("libc", "none"), lost, Start(None, LOST, may_be_without=True)),
    (("none",), known, Start(None, "", may_be_without=True)),
    (("none", "libc"), known, Start(None, "", may_be_without=True)),
    (("libc", "192.0.2.9"), lost, Start((socket.AF_INET, ("192.0.2.9", 80)), LOST)),
    (("libc", "192.0.2.9"), known, Start(THERE)),
    (("2001:db8::9",), lost, Start((socket.AF_INET6, ("2001:db8::9", 80)))),
    (("last",), known, Start(None)),
])
def test_the_methods_in_turn(methods: tuple[str, ...], resolve: Any, start: Start) -> None:
    assert initial_address(NAMED, methods, resolve) == start


def test_a_literal_address_needs_no_method() -> None:
    address = Address(Family.IPV4, "192.0.2.1", 80)
    assert initial_address(address, (), lost) == Start((socket.AF_INET, ("192.0.2.1", 80)))


def built(server: str, *lines: str, ignore_unresolved: bool = False) -> tuple[Any, list[str]]:
    text = "listen l\n bind 127.0.0.1:1\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n server s " + server + "\n"
    configuration = load(text=text + "".join(f" {line}\n" for line in lines), name="x.cfg",
                         options=LoadOptions(ignore_unresolved=ignore_unresolved))
    told: list[str] = []
    process = build(configuration, SystemClock(), lambda text, hint: told.append(text))
    return process.backends[0].servers[0], told


UNRESOLVED = "config : [x.cfg:6] : 'server l/s' : could not resolve address 'no.invalid'"


@pytest.mark.parametrize(("words", "ignoring", "told"), [
    ("", False, [UNRESOLVED + ", disabling server."]),
    ("init-addr libc,none", False, [UNRESOLVED + ", disabling server."]),
    ("init-addr libc", True, [UNRESOLVED + ", disabling server."]),
    ("init-addr none", False, []),
])
def test_a_server_may_start_without_an_address(words: str, ignoring: bool, told: list[str]) -> None:
    server, said = built(f"no.invalid:80 {words}", ignore_unresolved=ignoring)
    assert said == told
    assert server.admin & Admin.RMAINT
    assert server.resolve_error


def test_an_address_to_fall_back_to_is_told() -> None:
    server, told = built("no.invalid:80 init-addr libc,127.0.0.9")
    assert told == [UNRESOLVED + ", falling back to configured address."]
    assert server.sockaddr == ("127.0.0.9", 80)


def test_names_are_resolved_even_where_failures_are_ignored() -> None:
    server, told = built("localhost:80", ignore_unresolved=True)
    assert told == []
    assert server.sockaddr[1] == 80
    assert not server.admin & Admin.RMAINT


def test_every_name_without_which_there_is_no_start_is_told_at_once() -> None:
    with pytest.raises(StartError) as caught:
        built("no.invalid:80 init-addr libc", "server t 127.0.0.1:1 source nosource.invalid",
              "server u 127.0.0.1:1 check addr nocheck.invalid", "log nolog.invalid local0")
    assert [fault.message for fault in caught.value.faults] == [
        UNRESOLVED + ".",
        "config : [x.cfg:7] : 'server l/t' : 'source nosource.invalid' : invalid address: 'nosource.invalid' in "
        "'nosource.invalid'.",
        "config : [x.cfg:8] : 'server l/u' : 'addr' : invalid address: 'nocheck.invalid' in 'nocheck.invalid'.",
        "config : parsing [x.cfg:9] : log : invalid address: 'nolog.invalid' in 'nolog.invalid:514'",
    ]
    assert "nosource" in str(caught.value)
    assert "nolog" in str(caught.value)


def test_a_source_and_a_check_address_may_be_names() -> None:
    server, _ = built("127.0.0.1:80 check addr localhost source localhost:1024")
    assert server.source == ("127.0.0.1", 1024)
    assert server.check.sockaddr[1] == 80
    assert server.check.family in (socket.AF_INET, socket.AF_INET6)
