"""Datagrams to name servers that answer, that are not there, and that talk nonsense."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from proxy.health.dns_message import A, Answer, encoded, query
from proxy.health.nameservers import Nameservers
from proxy.runtime.resolver_plan import NameserverPlan

ASKED = query(7, encoded("app.test"), A, 512)
SAID = b"\x00\x07\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00" + encoded("app.test") + b"\x00\x01\x00\x01"


def until(loop: asyncio.AbstractEventLoop, condition: Any) -> None:
    async def turns() -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0)

    loop.run_until_complete(turns())


def test_all_are_asked_and_what_is_no_answer_is_dropped(new_loop: Any) -> None:
    heard: list[tuple[int, Answer]] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        for each in (silent, other):
            each.bind(("127.0.0.1", 0))
            each.settimeout(20)
        plans = tuple(NameserverPlan("n", socket.AF_INET, each.getsockname()) for each in (silent, other))
        nameservers = Nameservers(plans, new_loop, lambda number, answer: heard.append((number, answer)))
        nameservers.send(ASKED)
        assert silent.recv(100) == ASKED
        octets, asker = other.recvfrom(100)
        assert octets == ASKED
        for said in (b"", b"nonsense", ASKED, SAID):
            other.sendto(said, asker)
        silent.sendto(SAID, asker)              # from somewhere else than was asked: the kernel drops it
        until(new_loop, lambda: heard)
        assert [(number, answer.number) for number, answer in heard] == [(1, 7)]
        nameservers.close()
        nameservers.close()


def test_one_that_is_not_there_is_asked_again_each_time(new_loop: Any) -> None:
    heard: list[int] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as later:
        later.bind(("127.0.0.1", 0))
        address = later.getsockname()
    plans = (NameserverPlan("n", socket.AF_INET, address),)
    nameservers = Nameservers(plans, new_loop, lambda number, answer: heard.append(number))
    for _ in range(3):
        nameservers.send(ASKED)                 # the second one is told of the port that is closed, or the loop is
    until(new_loop, lambda: not nameservers._sockets or nameservers.send(ASKED))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as later:
        later.bind(address)
        later.settimeout(20)
        nameservers.send(ASKED)
        _, asker = later.recvfrom(100)
        later.sendto(SAID, asker)
        until(new_loop, lambda: heard)
    nameservers.close()
