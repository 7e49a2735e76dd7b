"""Servers whose names do not resolve at first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from proxy.base.addresses import Address, Family
from proxy.health import resolution
from proxy.health.resolution import RETRY_MS, THREADS_MAX, Resolution
from proxy.runtime import transitions
from proxy.runtime.server import Server
from proxy.runtime.states import Operational
from proxy.runtime.status_text import status


class Names:
    """A resolver with a book, and threads that run when told to."""

    def __init__(self, world: Any) -> None:
        self.book: dict[str, tuple[int, Any]] = {}
        self.asked: list[str] = []
        self.threads: list[Callable[[], None]] = []
        world.call_soon_threadsafe = self.soon
        self.resolution = Resolution(world.process, world, world, world, self.resolve, self.threads.append)

    def soon(self, callback: Callable[..., None], *args: Any) -> None:
        callback(*args)

    def resolve(self, address: Address) -> tuple[int, Any] | str:
        self.asked.append(address.host)
        return self.book.get(address.host, "Name or service not known")

    def run_threads(self) -> None:
        while self.threads:
            self.threads.pop(0)()


def unresolved(world: Any, name: str, host: str, **settings: Any) -> Server:
    address = Address(Family.NAME, host, 80)
    server: Server = world.server(name, None, sockaddr=None, resolve_error="no such host", address=address, **settings)
    return server


def test_a_name_is_asked_for_until_it_resolves(world: Any) -> None:
    server = unresolved(world, "s1", "a.example")
    world.start()
    assert status(server).word == "MAINT (resolution)"
    names = Names(world)
    names.resolution.start()
    assert world.lines == []
    assert world.run(RETRY_MS) == []
    names.run_threads()
    assert names.asked == ["a.example"]
    assert server.resolve_error == "Name or service not known"
    names.book["a.example"] = (2, ("10.0.0.7", 80))
    world.run(RETRY_MS)
    names.run_threads()
    assert world.lines == ["notice: Server app/s1 ('a.example') is UP/READY (resolves again)."]
    assert (server.sockaddr, server.socket_family, server.operational) == (("10.0.0.7", 80), 2, Operational.RUNNING)
    world.run(5 * RETRY_MS)
    assert names.asked == ["a.example"] * 2
    assert world.timers == []


def test_few_threads_for_many_names_and_one_round_at_a_time(world: Any) -> None:
    for number in range(10):
        unresolved(world, f"s{number}", f"{number}.example")
    world.start()
    names = Names(world)
    names.resolution.start()
    world.run(3 * RETRY_MS)
    assert len(names.threads) == THREADS_MAX
    names.run_threads()
    assert sorted(names.asked) == [f"{number}.example" for number in range(10)]
    world.run(RETRY_MS)
    names.run_threads()
    assert len(names.asked) == 20
    names.resolution.stop()


def test_answers_after_the_end_are_dropped(world: Any) -> None:
    server = unresolved(world, "s1", "a.example")
    world.start()
    names = Names(world)
    names.book["a.example"] = (2, ("10.0.0.7", 80))
    names.resolution.start()
    world.run(RETRY_MS)
    late = names.threads.pop()
    server_in_flight = names.resolution._wanted[0]
    names.resolution.stop()
    names.resolution._wanted.append(server_in_flight)       # taken by the thread before the stop
    world.lines.clear()
    late()
    assert server.sockaddr is None
    assert world.lines == []
    world.run(5 * RETRY_MS)
    names.resolution.stop()


def test_the_administrator_was_faster(world: Any) -> None:
    server = unresolved(world, "s1", "a.example")
    world.start()
    names = Names(world)
    names.book["a.example"] = (2, ("10.0.0.7", 80))
    names.resolution.start()
    world.run(RETRY_MS)
    server.sockaddr = ("10.0.0.8", 80)
    transitions.clear_admin(server, transitions.Admin.RMAINT, world.now_ms, world)
    names.run_threads()
    assert server.sockaddr == ("10.0.0.8", 80)
    world.run(RETRY_MS)
    assert world.timers == []


def test_a_loop_that_is_gone(world: Any) -> None:
    unresolved(world, "s1", "a.example")
    world.start()
    names = Names(world)
    loop = asyncio.new_event_loop()
    loop.close()
    world.call_soon_threadsafe = loop.call_soon_threadsafe
    names.resolution.start()
    world.run(RETRY_MS)
    names.run_threads()
    names.resolution.stop()


def test_nothing_to_ask(world: Any) -> None:
    world.server("s1")
    world.start()
    Names(world).resolution.start()
    assert world.timers == []


def test_a_server_that_tracks_needs_its_own_address(world: Any) -> None:
    leader = world.server("s1", object())
    follower = unresolved(world, "t1", "a.example", track=leader)
    transitions.start_states(world.process.backends, world.now_ms)
    assert status(follower).word == "MAINT (resolution)"


def test_on_a_real_thread(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = unresolved(world, "s1", "localhost")
    world.start()
    monkeypatch.setattr(resolution, "RETRY_MS", 1)

    async def main() -> None:
        done = asyncio.Event()
        world.server_event = lambda server, level, text: done.set() if "resolves again" in text else None
        asking = Resolution(
            world.process, world, world, asyncio.get_running_loop(), resolve=lambda address: (2, ("127.0.0.1", address.port))
        )
        asking.start()
        await asyncio.wait_for(done.wait(), 10)
        asking.stop()

    asyncio.run(main())
    assert server.sockaddr == ("127.0.0.1", 80)
