"""The master by itself: how long it waits before it replaces a worker, what it gives each, what it leaves when one is gone."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from proxy.base.errors import StartError
from proxy.config.load import load
from proxy.engine.handover import Inherited
from proxy.engine.listening import open_sockets
from proxy.master.descriptors import open_descriptors
from proxy.master.lifecycle import workers_wanted
from proxy.master.workers.member import close_all_but
from proxy.master.workers.supervisor import AT_WORK_MS, BACK_OFF_MAX_S, Supervisor
from proxy.runtime.cells import GAUGES, INDEX
from proxy.runtime.process import row_key

TEXT = """\
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
listen app
    bind 127.0.0.1:{port}
    bind "unix@{path}"
    server a 127.0.0.1:11
"""


@pytest.fixture
def supervisor(tmp_path: Any) -> Iterator[Supervisor]:
    configuration = load(text=TEXT.format(port=_free_port(), path=tmp_path / "s"))
    made = Supervisor(configuration, 3, lambda: None, lambda severity, text: None, lambda text, hint: None)  # type: ignore[arg-type, return-value]
    yield made
    made.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def test_each_worker_has_its_own_socket_of_an_ip_address_and_all_share_the_others(supervisor: Supervisor) -> None:
    supervisor.bind()
    given = [[(listener.lid, sock.fileno()) for listener, sock in supervisor._sockets_of(number)] for number in (1, 2, 3)]
    assert [[lid for lid, _ in each] for each in given] == [[1, 2]] * 3
    assert len({each[0] for each in given}) == 3
    assert len({each[1] for each in given}) == 1
    assert len(list(supervisor._listening())) == 4


def test_sockets_of_a_predecessor_with_more_workers_are_all_served(supervisor: Supervisor) -> None:
    listener = supervisor.process.frontends[0].listeners[0]
    supervisor._sockets = [(listener, open_sockets(listener, 5, Inherited()))]
    given = [sock.fileno() for number in (1, 2, 3) for _, sock in supervisor._sockets_of(number)]
    assert sorted(given) == sorted(sock.fileno() for sock in supervisor._sockets[0][1])


def test_a_worker_that_ends_at_once_makes_the_next_wait_longer_and_longer(supervisor: Supervisor) -> None:
    clock: Any = SimpleNamespace(monotonic_ms=lambda: AT_WORK_MS - 1)
    supervisor.clock = clock
    hand: Any = SimpleNamespace(number=1, is_at_work=True, started_ms=0)
    delays = [supervisor._delay_s(hand) for _ in range(8)]
    assert delays == [0, 1, 2, 4, 8, 16, BACK_OFF_MAX_S, BACK_OFF_MAX_S]
    clock.monotonic_ms = lambda: AT_WORK_MS
    assert [supervisor._delay_s(hand), supervisor._delay_s(hand)] == [0, 0]
    hand.is_at_work = False
    assert [supervisor._delay_s(hand), supervisor._delay_s(hand)] == [0, 1]
    hand.number = 2
    assert supervisor._delay_s(hand) == 0


def test_a_worker_that_is_gone_leaves_its_counters_and_nothing_that_it_held(supervisor: Supervisor) -> None:
    board = supervisor.process.board
    for thing in supervisor.process.counted():
        for column in range(4):
            row = board.row(row_key(thing), column)
            for cell in range(len(row)):
                row[cell] = 1
    supervisor._clear_gauges(2)
    for thing in supervisor.process.counted():
        sums = [sum(row[cell] for row in board.rows(row_key(thing))) for cell in INDEX.values()]
        assert sums == [3 if cell in GAUGES else 4 for cell in INDEX.values()]


def test_a_bind_that_fails_leaves_nothing_open(supervisor: Supervisor) -> None:
    gc.collect()            # boards of earlier tests, whose mappings have descriptors
    before = open_descriptors()
    taken = _Taken(supervisor)
    with pytest.raises(StartError):
        supervisor.bind()
    taken.close()
    assert open_descriptors() == before


class _Taken:
    """Somebody else's socket at the supervisor's address."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", supervisor.process.frontends[0].listeners[0].address.port))
        self._socket.listen()

    def close(self) -> None:
        self._socket.close()


def test_everything_but_what_is_kept_is_closed() -> None:
    """In a child, as a worker does; 0 may be kept or not."""
    for kept in ({0, 1, 2}, {1, 2}):
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            close_all_but({*kept, writing})
            os.write(writing, ",".join(map(str, sorted(open_descriptors()))).encode())
            os._exit(0)
        os.close(writing)
        told = os.read(reading, 1000).decode()
        os.waitpid(pid, 0)
        os.close(reading)
        assert told == ",".join(map(str, sorted({*kept, writing})))


def test_as_many_workers_as_processors_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 5})
    assert (workers_wanted(None), workers_wanted(1), workers_wanted(7)) == (3, 1, 7)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(200)))
    assert workers_wanted(None) == 64
