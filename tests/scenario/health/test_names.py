"""Servers whose addresses follow their names: name servers that answer, keep silent, disagree; time passes by hand."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from proxy.base.addresses import Address, Family
from proxy.health.dns_message import AAAA, A, Answer, read_answer
from proxy.health.names import Names
from proxy.runtime.resolver_plan import NamedServer, NameserverPlan, Outcome, ResolverPlan
from proxy.runtime.server import Server
from proxy.runtime.status_text import status

RETRY_MS, RESOLVE_MS, VALID_MS = 100, 200, 300
HOLDS = {Outcome.VALID: VALID_MS, Outcome.NX: 600, Outcome.REFUSED: 800, Outcome.TIMEOUT: 1000, Outcome.OTHER: 700}
NX, SERVFAIL, REFUSED = 3, 2, 5


class Wire:
    """The name servers of a section: what they are asked, and how they answer."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.asked: list[tuple[bytes, int]] = []
        self.books: list[dict[int, Any]] = [{}, {}]         # of each: kind to addresses, or a code, or nothing for silence
        self.closed = False

    def __call__(self, plans: Any, loop: Any, heard: Callable[[int, Answer], None]) -> Wire:
        self.heard = heard
        return self

    def send(self, octets: bytes) -> None:
        asked = read_answer(octets[:2] + b"\x80" + octets[3:])
        self.asked.append((asked.name, asked.kind))
        for number, book in enumerate(self.books):
            said = book.get(asked.kind)
            if said is not None:
                code, addresses = (said, ()) if isinstance(said, int) else (0, tuple(said))
                answer = Answer(asked.number, asked.name, asked.kind, code, False, addresses)
                self.world.call_later(0.001, partial(self.heard, number, answer))

    def close(self) -> None:
        self.closed = True


class House:
    def __init__(self, world: Any) -> None:
        self.world, self.wire = world, Wire(world)
        self.plan = ResolverPlan(
            "r", tuple(NameserverPlan(f"n{n}", socket.AF_INET, ("10.9.9.9", 53)) for n in (1, 2)), 512, 2, RESOLVE_MS, RETRY_MS,
            HOLDS, 0)
        self.number = 0

    def server(self, name: str, host: str = "App.test", at: str = "", may_share: bool = False, **settings: Any) -> Server:
        server: Server = self.world.server(
            name, None, sockaddr=(at, 80) if at else None, resolve_error="" if at else "not asked",
            address=Address(Family.NAME, host, 80), **settings)
        self.world.process.named_servers.append(NamedServer(server, self.plan, True, may_share))
        return server

    def start(self) -> None:
        self.world.start()
        self.names = Names(self.world.process, self.world, self.world, self.world, self._randrange, self.wire)
        self.names.start()

    def _randrange(self, bound: int) -> int:
        self.number += 1
        return self.number % bound

    def both(self, said: Any) -> None:
        self.wire.books = [{A: said, AAAA: said if isinstance(said, int) else NX} if said is not None else {} for _ in range(2)]


@pytest.fixture
def house(world: Any) -> House:
    world.process.named_servers = []
    return House(world)


def test_down_at_the_start_and_later_and_back(house: House, world: Any) -> None:
    server = house.server("s1")
    house.start()
    assert world.run(2000) == []
    assert status(server).word == "MAINT (resolution)"
    house.both(["10.0.0.7"])
    assert world.run(RESOLVE_MS + RETRY_MS + 50) == [
        "notice: app/s1 changed its IP from (none) to 10.0.0.7 by r/n1.",
        "notice: Server app/s1 ('App.test') is UP/READY (resolves again).",
        "notice: Server app/s1 administratively READY thanks to valid DNS answer.",
    ]
    assert (server.sockaddr, server.socket_family) == (("10.0.0.7", 80), socket.AF_INET)
    house.both(None)
    assert world.run(HOLDS[Outcome.TIMEOUT] - 100) == []
    (line, *_) = world.run(1000)
    assert line.startswith("alert: Server app/s1 is going DOWN for maintenance (DNS timeout status). 0 active")
    assert server.sockaddr is None
    house.both(["10.0.0.8"])
    assert world.run(RESOLVE_MS + RETRY_MS + 50)[0] == "notice: app/s1 changed its IP from (none) to 10.0.0.8 by r/n1."
    house.names.stop()
    assert house.wire.closed


@pytest.mark.parametrize(("said", "outcome", "cause"), [
    (NX, Outcome.NX, "(DNS NX status)"), (SERVFAIL, Outcome.OTHER, "(unspecified DNS error)"),
    (REFUSED, Outcome.REFUSED, "(DNS refused status)"), ([], Outcome.OTHER, "(unspecified DNS error)"),
])
def test_an_outcome_is_held_against_the_latest_valid_one(
    house: House, world: Any, said: Any, outcome: Outcome, cause: str
) -> None:
    server = house.server("s1", at="10.0.0.1")
    house.both(["10.0.0.1"])
    house.start()
    assert world.run(1000) == []
    house.both(said)
    if said == []:
        house.wire.books = [{A: [], AAAA: []}] * 2
    assert world.run(HOLDS[outcome] - VALID_MS - 10) == []
    lines = world.run(VALID_MS + RESOLVE_MS + 50)
    assert cause in lines[0]
    assert server.resolve_error == cause.strip("()")


def test_an_address_that_moves_is_followed_and_one_that_stays_is_kept(house: House, world: Any) -> None:
    server = house.server("s1", at="10.0.0.2")
    house.both(["10.0.0.1", "10.0.0.2"])
    house.start()
    assert world.run(1000) == []
    house.both(["10.0.0.3", "10.0.0.1"])
    changes = len(world.changed)
    assert world.run(VALID_MS + 50) == ["notice: app/s1 changed its IP from 10.0.0.2 to 10.0.0.3 by r/n1."]
    assert len(world.changed) == changes + 1, "workers hear of it"
    assert status(server).word == "no check"


def test_each_server_of_a_name_has_an_address_of_its_own(house: House, world: Any) -> None:
    first, second, third = (house.server(name) for name in ("s1", "s2", "s3"))
    shares = house.server("s4", may_share=True)
    house.both(["10.0.0.1", "10.0.0.2"])
    house.start()
    world.run(50)
    assert [each.sockaddr and each.sockaddr[0] for each in (first, second, third, shares)] == [
        "10.0.0.1", "10.0.0.2", None, "10.0.0.1"]
    assert status(third).word == "MAINT (resolution)"
    house.both(["10.0.0.2", "10.0.0.3"])
    world.run(VALID_MS + 50)
    assert [each.sockaddr[0] for each in (first, second)] == ["10.0.0.3", "10.0.0.2"]


def test_the_other_kind_of_address_is_asked_for_where_the_first_has_none(house: House, world: Any) -> None:
    server = house.server("s1")
    house.wire.books = [{A: NX, AAAA: ["2001:db8::1"]}, {A: NX}]
    house.start()
    world.run(50)
    assert (server.sockaddr, server.socket_family) == (("2001:db8::1", 80), socket.AF_INET6)
    assert [kind for _, kind in house.wire.asked] == [A, AAAA]


def test_one_name_server_that_knows_is_enough(house: House, world: Any) -> None:
    server = house.server("s1")
    house.wire.books = [{A: SERVFAIL}, {A: ["10.0.0.1"]}]
    house.start()
    assert world.run(50)[0] == "notice: app/s1 changed its IP from (none) to 10.0.0.1 by r/n2."
    assert server.sockaddr is not None


def test_what_nobody_waits_for_is_dropped(house: House, world: Any) -> None:
    server = house.server("s1")
    house.start()
    (name, kind), number = house.wire.asked[0], house.number
    good = Answer(number, name, kind, 0, False, ("10.6.6.6",))
    for wrong in ({"number": number + 1}, {"name": b"\x01x\x00"}, {"kind": AAAA}):
        house.wire.heard(0, good._replace(**wrong))
    assert server.sockaddr is None
    world.run(RETRY_MS + 5)
    house.wire.heard(0, good)               # of the query before
    assert server.sockaddr is None
    house.wire.heard(0, Answer(house.number, name, kind, 0, False, ("10.0.0.1",)))
    assert server.sockaddr == ("10.0.0.1", 80)


def test_who_is_in_maintenance_stays_there(house: House, world: Any) -> None:
    server = house.server("s1", disabled=True)
    house.both(["10.0.0.1"])
    house.start()
    world.run(50)
    assert server.sockaddr == ("10.0.0.1", 80)
    assert status(server).word == "MAINT"
