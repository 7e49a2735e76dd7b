"""Both ways to watch sockets, on real ones and on both loops."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.health.readiness import MAY_HAVE_FAILED, MAY_READ, EpollReadiness, LoopReadiness, make_readiness


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    if request.param == "uvloop":
        made = pytest.importorskip("uvloop").new_event_loop()
    else:
        made = asyncio.new_event_loop()
    yield made
    made.close()


def turn(loop: asyncio.AbstractEventLoop, times: int = 4) -> None:
    """Let the loop look at its descriptors a few times."""
    async def idle() -> None:
        for _ in range(times):
            await asyncio.sleep(0)

    loop.run_until_complete(idle())


@pytest.mark.parametrize("kind", [EpollReadiness, LoopReadiness])
def test_a_socket_is_written_then_read(loop: Any, kind: Any) -> None:
    readiness = kind(loop)
    here, there = socket.socketpair()
    here.setblocking(False)
    seen: list[str] = []

    def ready(events: int) -> None:
        seen.append("read" if "written" in seen else "written")
        if seen[-1] == "written":
            readiness.want_read(here.fileno())
        else:
            assert here.recv(9) == b"x"

    readiness.watch(here.fileno(), ready)
    turn(loop)
    assert seen == ["written"]
    there.send(b"x")
    turn(loop)
    assert seen == ["written", "read"]
    readiness.forget(here.fileno())
    there.send(b"y")
    turn(loop)
    assert seen == ["written", "read"]
    readiness.close()
    here.close()
    there.close()


@pytest.mark.parametrize("kind", [EpollReadiness, LoopReadiness])
def test_want_write_again(loop: Any, kind: Any) -> None:
    readiness = kind(loop)
    here, there = socket.socketpair()
    here.setblocking(False)
    calls: list[int] = []
    readiness.watch(here.fileno(), calls.append)
    turn(loop, 1)
    readiness.want_read(here.fileno())
    readiness.want_write(here.fileno())
    readiness.want_write(here.fileno())
    turn(loop)
    assert calls
    there.send(b"x")
    turn(loop)
    readiness.want_read(here.fileno())
    readiness.forget(here.fileno())
    readiness.close()
    here.close()
    there.close()


def test_what_can_be_read_at_once_is_told_with_the_first_edge(loop: Any) -> None:
    readiness = EpollReadiness(loop)
    here, there = socket.socketpair()
    there.send(b"early")
    calls: list[int] = []
    readiness.watch(here.fileno(), calls.append)
    turn(loop)
    assert len(calls) == 1
    assert calls[0] & MAY_READ
    assert not calls[0] & MAY_HAVE_FAILED
    readiness.forget(here.fileno())
    readiness.close()
    here.close()
    there.close()


def test_an_event_of_a_closed_socket_is_not_its_successors(loop: Any) -> None:
    readiness = EpollReadiness(loop)
    pairs = [socket.socketpair() for _ in range(3)]
    calls: list[int] = []

    def replace(number: int) -> Any:
        def ready(events: int) -> None:
            calls.append(number)
            if len(calls) > 1:
                return
            victim = 1 if number == 0 else 0        # still in this batch
            fd = pairs[victim][0].fileno()
            readiness.forget(fd)
            pairs[victim][0].close()
            successor = socket.socket()
            assert successor.fileno() == fd
            pairs.append((successor, successor))
            readiness.watch(fd, lambda events: calls.append(99))
            successor.close()

        return ready

    for number in range(3):
        readiness.watch(pairs[number][0].fileno(), replace(number))
    readiness.look()
    assert len(calls) == 2
    assert 99 not in calls
    readiness.close()
    for pair in pairs:
        for sock in pair:
            sock.close()


def test_a_callback_that_fails_costs_nobody_else_his_event(loop: Any) -> None:
    readiness = EpollReadiness(loop)
    pairs = [socket.socketpair() for _ in range(3)]
    told: list[Any] = []
    loop.set_exception_handler(lambda loop, facts: told.append(facts["exception"]))

    def fail(events: int) -> None:
        raise ZeroDivisionError

    for here, _ in pairs[:2]:
        readiness.watch(here.fileno(), fail)
    readiness.watch(pairs[2][0].fileno(), told.append)
    readiness.look()
    assert [type(one) for one in told] == [ZeroDivisionError, ZeroDivisionError, int]
    readiness.close()
    for pair in pairs:
        for sock in pair:
            sock.close()


def test_close_forgets_everything(loop: Any) -> None:
    readiness = LoopReadiness(loop)
    here, there = socket.socketpair()
    readiness.watch(here.fileno(), lambda events: None)
    readiness.close()
    turn(loop)
    here.close()
    there.close()


def test_systems_without_epoll(loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    readiness = make_readiness(loop)
    assert isinstance(readiness, EpollReadiness)
    readiness.close()
    monkeypatch.delattr(select, "epoll")
    assert isinstance(make_readiness(loop), LoopReadiness)
