"""Turns of the loop that take too long are counted, and told with their place where somebody wants to know."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from proxy.base.clock import SystemClock
from proxy.core.timers import Entry
from proxy.engine import watchdog
from proxy.engine.readiness import READ
from proxy.engine.tracing import TracingWorker
from proxy.engine.watchdog import LONGEST_TURN_MS, Witness, described
from proxy.engine.worker import Worker
from proxy.runtime.cells import BLOCKED
from proxy.runtime.process import Process

TOO_LONG_S = LONGEST_TURN_MS * 1.5 / 1000
Told = list[tuple[int, int, str]]


def spin() -> None:
    """Use more processor time than one may in a turn."""
    until_s = time.thread_time() + TOO_LONG_S
    while time.thread_time() < until_s:
        pass


def wait() -> None:
    """Let everybody wait, without doing anything."""
    time.sleep(TOO_LONG_S)


@pytest.fixture
def told() -> Iterator[Told]:
    """What the witness of every worker tells."""
    found: Told = []
    watchdog.told_of_all = lambda *what: found.append(what)
    yield found
    watchdog.told_of_all = None


@pytest.fixture
def started(new_loop: asyncio.AbstractEventLoop) -> Iterator[Callable[[Worker], Worker]]:
    """started(worker) runs it on the loop; it is stopped at the end."""
    made: list[Worker] = []

    def start(worker: Worker) -> Worker:
        worker.start(new_loop)
        made.append(worker)
        return worker

    yield start
    for worker in made:
        worker.hard_stop()


# Each test looks for the turn that it has made long: a machine that is busy with others may hold up another one too.


async def a_few_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_long_turn_is_counted_and_its_place_is_told(
    new_loop: asyncio.AbstractEventLoop, started: Callable[[Worker], Worker], told: Told
) -> None:
    worker = started(Worker(Process(), SystemClock()))
    worker.soon(spin)
    new_loop.run_until_complete(a_few_turns())
    assert worker.process.counters[BLOCKED] >= 1
    held_ms, cpu_ms, place = max(told)
    assert held_ms > LONGEST_TURN_MS
    assert cpu_ms >= LONGEST_TURN_MS
    assert "test_watchdog.py:" in place
    assert place.endswith("(spin)")


def test_waiting_is_told_from_working(
    new_loop: asyncio.AbstractEventLoop, started: Callable[[Worker], Worker], told: Told
) -> None:
    worker = started(Worker(Process(), SystemClock()))
    worker.soon(wait)
    new_loop.run_until_complete(a_few_turns())
    assert worker.process.counters[BLOCKED] >= 1
    held_ms, cpu_ms, place = max(told)
    assert held_ms > LONGEST_TURN_MS
    assert cpu_ms < LONGEST_TURN_MS
    assert place.endswith("(wait)")


def test_a_callback_that_is_not_the_workers_is_noticed_by_the_tick_it_delays(
    new_loop: asyncio.AbstractEventLoop, started: Callable[[Worker], Worker], told: Told
) -> None:
    class Alarm(Entry):
        def deadline_reached(self, now_ms: int) -> None:
            rung.set()

    worker, rung = started(Worker(Process(), SystemClock())), asyncio.Event()
    worker.timers.arm(Alarm(), worker.now_ms + 10)
    new_loop.call_soon(spin)
    new_loop.run_until_complete(asyncio.wait_for(rung.wait(), 20))
    assert worker.process.counters[BLOCKED] >= 1
    _, cpu_ms, place = max(told)
    assert cpu_ms >= LONGEST_TURN_MS
    assert place.endswith("(spin)")


def test_short_turns_are_not_counted_nor_long_rests(
    new_loop: asyncio.AbstractEventLoop, started: Callable[[Worker], Worker], told: Told
) -> None:
    worker = started(Worker(Process(), SystemClock()))
    ran: list[int] = []
    for number in range(3):
        worker.soon(lambda number=number: ran.append(number))
        new_loop.run_until_complete(asyncio.sleep(TOO_LONG_S))
    assert ran == [0, 1, 2]
    # A machine that is busy with others may hold anybody up; what was worked in the meantime it may not.
    assert not [cpu_ms for _, cpu_ms, _ in told if cpu_ms >= LONGEST_TURN_MS]


def test_without_a_witness_it_is_counted_all_the_same(
    new_loop: asyncio.AbstractEventLoop, started: Callable[[Worker], Worker]
) -> None:
    worker = started(Worker(Process(), SystemClock()))
    worker.soon(spin)
    new_loop.run_until_complete(a_few_turns())
    assert worker.witness is None
    assert worker.process.counters[BLOCKED] >= 1


def test_d_tells_the_operator(new_loop: asyncio.AbstractEventLoop, started: Callable[[Worker], Worker]) -> None:
    class Slow:
        """A socket whose owner is slow."""

        def ready(self, events: int) -> None:
            worker.readiness.watch(ours.fileno(), self, 0)
            spin()

    said: list[tuple[str, str]] = []
    worker = TracingWorker(Process(), SystemClock(), lambda line: None)
    worker.say = lambda severity, text: said.append((severity, text))
    started(worker)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker.readiness.watch(ours.fileno(), Slow(), READ)
        theirs.send(b"x")
        new_loop.run_until_complete(until(lambda: any("for Slow" in text for _, text in said)))
    severity, text = next((severity, text) for severity, text in said if "for Slow" in text)
    assert severity == "WARNING"
    assert text.startswith("traffic was held up for ")
    assert " at " in text
    assert "(spin), for Slow." in text


async def until(done: Callable[[], object]) -> None:
    async def turns() -> None:
        while not done():
            await asyncio.sleep(0)

    await asyncio.wait_for(turns(), 20)


def test_what_machine_code_does_is_known_by_the_socket_it_was_for() -> None:
    found: Told = []
    witness = Witness(lambda *what: found.append(what))
    witness.close()
    witness._looks.clear()
    witness.begun()
    witness.served("short", 0.001)
    witness.served(SimpleNamespace(owner=None), 0.2)
    witness.served("shorter", 0.0005)
    witness.held_up(200)
    assert found[0][2] == "machine code, for SimpleNamespace"


@pytest.mark.parametrize(("owner", "text"), [
    (SimpleNamespace(frontend=SimpleNamespace(name="www")), "SimpleNamespace of frontend www"),
    (SimpleNamespace(session=SimpleNamespace(frontend=SimpleNamespace(name="www"))), "SimpleNamespace of frontend www"),
    (SimpleNamespace(server=SimpleNamespace(name="s1", backend=SimpleNamespace(name="app"))), "SimpleNamespace of server app/s1"),
    (None, "SimpleNamespace"),
])
def test_sockets_are_described(owner: Any, text: str) -> None:
    assert described(SimpleNamespace(owner=owner)) == text
