"""Columns of the board: who counts where, and what several columns make together."""

from __future__ import annotations

import mmap
import os
from typing import Any

import pytest

from proxy.base.addresses import Address, Family
from proxy.runtime.backend import Backend
from proxy.runtime.board import CELL_OCTETS, Board, RowKey, merged
from proxy.runtime.cells import (
    BIN,
    CELLS,
    CONN_CUR,
    GAUGES,
    INDEX,
    QCUR,
    QTIME_MAX,
    REQ_RATE_AT,
    REQ_RATE_MAX,
    SCUR,
    SMAX,
    STOT,
)
from proxy.runtime.counted import Counted
from proxy.runtime.frontend import Frontend, Listener
from proxy.runtime.process import MASTER_COLUMN, Process, row_key
from proxy.runtime.rates import rate_add, rate_by_all, rate_peak, rate_read
from proxy.runtime.server import Server

KEY, OTHER = RowKey("server", "app", "s1"), RowKey("server", "app", "s2")


def test_columns_do_not_overlap_and_no_two_share_a_cache_line() -> None:
    octets = Board.octets_needed(2, 3)
    memory = bytearray(octets)
    board = Board([KEY, OTHER], 3, memory)
    board.orders[0] = -1
    number = 0
    for key in board.keys:
        for row in board.rows(key):
            number += 1
            for cell in range(CELLS):
                row[cell] = number
    seen = [tuple(set(board.row(key, column).tolist())) for key in board.keys for column in range(3)]
    assert seen == [(number + 1,) for number in range(6)]
    assert board.orders[0] == -1
    values = [int.from_bytes(memory[offset : offset + 8], "little") for offset in range(0, octets, CELL_OCTETS)]
    lines = [{place // 8 for place, value in enumerate(values) if value in (column, column + 3)} for column in (1, 2, 3)]
    assert not lines[0] & lines[1]
    assert not lines[1] & lines[2]


def test_a_block_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="needs"):
        Board([KEY], 2, bytearray(64))


def test_what_children_count_in_shared_memory_adds_up_to_the_last_one() -> None:
    workers, times = 3, 20_000
    board = Board([KEY], workers + 1, mmap.mmap(-1, Board.octets_needed(1, workers + 1)))
    pids = []
    for worker in range(1, workers + 1):
        pid = os.fork()
        if pid == 0:
            row = board.row(KEY, worker)
            for value in range(times):
                row[STOT] += 1
                row[BIN] += value
            os._exit(0)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * workers
    assert board.total(KEY, STOT) == workers * times
    assert board.totals(KEY)[BIN] == workers * sum(range(times))


def test_totals_are_summed_and_peaks_are_the_greatest() -> None:
    board = Board([KEY], 3)
    for column, row in enumerate(board.rows(KEY)):
        row[STOT], row[QTIME_MAX], row[SCUR] = 5, 100 - column, column
    cells = board.totals(KEY)
    assert (cells[STOT], cells[QTIME_MAX], cells[SCUR]) == (15, 100, 3)
    assert board.total(KEY, QTIME_MAX) == 100


def test_only_one_column_is_cleared_where_only_that_one_is_ours() -> None:
    board = Board([KEY, OTHER], 3)
    for key in board.keys:
        for row in board.rows(key):
            row[STOT] = 1
    board.clear([STOT], 1)
    assert [row[STOT] for row in board.rows(OTHER)] == [1, 0, 1]
    board.clear([STOT])
    assert board.total(KEY, STOT) == 0


class Row(Counted):
    """Somebody with a row in one column of a board."""

    __slots__ = ()

    def __init__(self, board: Board, column: int) -> None:
        Counted.__init__(self)
        self.counters = board.row(KEY, column)
        board.look_beside(self, KEY)


def rows_of(workers: int) -> list[Row]:
    board = Board([KEY], workers + 1)
    return [Row(board, number) for number in range(workers + 1)]


def together(rows: list[Row]) -> list[int]:
    return merged([row.counters for row in rows])


def test_a_peak_is_that_of_all_workers_together() -> None:
    rows = master, first, second = rows_of(2)
    first.grow(SCUR, SMAX, 3)
    second.grow(SCUR, SMAX, 4)
    first.counters[SCUR] = 0
    second.grow(SCUR, SMAX, 5)
    assert together(rows)[SMAX] == 7
    first.grow(SCUR, SMAX, 6)
    assert together(rows)[SMAX] == 11
    for row in rows:
        assert (row.by_all(SCUR), row.by(1, SCUR), row.by(2, SCUR), row.workers, row.is_shared()) == (11, 6, 5, 2, True)
    assert master.counters[SCUR] == 0


def test_what_is_beside_ends_with_the_last_worker() -> None:
    _, first, second = rows_of(2)
    second.counters[CELLS - 1] = 5
    assert second.by_all(CELLS - 1) == first.by(2, CELLS - 1) == 5
    assert first.by(0, 0) == first.by(3, 0) == first.by(-1, 0) == 0
    with pytest.raises(ValueError, match="too short"):
        first.look_beside(first.counters, CELLS, 2)


def test_one_process_is_one_worker() -> None:
    row = Counted()
    row.grow(SCUR, SMAX, 2)
    assert (row.by_all(SCUR), row.by(1, SMAX), row.workers, row.is_shared()) == (2, 2, 1, False)


class TestRates:
    """The peak of a rate is the most that one second saw in all workers together."""

    @pytest.fixture
    def rows(self) -> list[Row]:
        return rows_of(2)[1:]

    def add(self, rows: list[Row], which: int, now_ms: int, count: int = 1) -> None:
        for _ in range(count):
            rate_add(rows[which], REQ_RATE_AT, REQ_RATE_MAX, now_ms)

    def peak(self, rows: list[Row]) -> int:
        counters = [row.counters for row in rows]
        assert merged(counters)[REQ_RATE_MAX] == rate_peak(counters, REQ_RATE_AT, REQ_RATE_MAX)
        return rate_peak(counters, REQ_RATE_AT, REQ_RATE_MAX)

    def test_the_present_second_counts_at_once(self, rows: Any) -> None:
        self.add(rows, 0, 5000, 3)
        self.add(rows, 1, 5900, 4)
        assert self.peak(rows) == 7
        for now_ms, rate in ((5999, 7), (6000, 7), (6500, 3), (7000, 0)):
            assert rate_by_all(rows[0], REQ_RATE_AT, now_ms) == rate
            assert sum(rate_read(row.counters, REQ_RATE_AT, now_ms) for row in rows) == rate

    @pytest.mark.parametrize("last", [0, 1])
    def test_it_is_kept_whoever_begins_the_next_second_last(self, rows: Any, last: int) -> None:
        self.add(rows, 0, 5000, 3)
        self.add(rows, 1, 5000, 4)
        self.add(rows, 1 - last, 6000)
        self.add(rows, last, 6000)
        for second in (7, 8, 9):
            self.add(rows, 0, second * 1000)
            self.add(rows, 1, second * 1000)
        assert self.peak(rows) == 7

    def test_a_worker_that_goes_on_counting_in_a_second_the_other_has_left(self, rows: Any) -> None:
        self.add(rows, 0, 5000, 3)
        self.add(rows, 1, 5000, 1)
        self.add(rows, 0, 6000)
        self.add(rows, 1, 5000, 4)              # its clock was read before
        self.add(rows, 1, 6001)
        self.add(rows, 0, 9000)
        self.add(rows, 1, 9000)
        assert self.peak(rows) == 8

    def test_a_worker_that_falls_silent(self, rows: Any) -> None:
        self.add(rows, 1, 5000, 4)
        self.add(rows, 0, 5000, 3)
        for second in (6, 20, 21):
            self.add(rows, 0, second * 1000)
        assert self.peak(rows) == 7

    def test_different_seconds_do_not_add_up(self, rows: Any) -> None:
        self.add(rows, 0, 5000, 3)
        self.add(rows, 1, 6000, 4)
        self.add(rows, 0, 7000, 1)
        assert self.peak(rows) == 4


def process_of(columns: int) -> Process:
    process = Process()
    frontend = Frontend("web", 2)
    frontend.listeners = [Listener(frontend, 1, Address(Family.IPV4, "127.0.0.1", 80))]
    backend = Backend("web", 3)
    backend.servers = [Server(backend, name, index, Address(Family.IPV4, "127.0.0.1", 80)) for index, name in enumerate("ab")]
    process.frontends, process.backends = [frontend], [backend]
    process.board = Board(list(map(row_key, process.counted())), columns)
    return process


def test_each_thing_has_a_row_of_its_own_and_sees_that_of_all_workers() -> None:
    process = process_of(4)
    keys = [row_key(thing) for thing in process.counted()]
    assert len(set(keys)) == len(keys) == 6
    process.take_column(2)
    for thing in process.counted():
        thing.counters[SCUR] = thing.counters[CONN_CUR] = 1
    for column in (MASTER_COLUMN, 1, 3):
        for key in keys:
            row = process.board.row(key, column)
            row[SCUR] = row[CONN_CUR] = 10 * column
            row[QCUR] = column
    (frontend,), (backend,) = process.frontends, process.backends
    assert process.served_by_all() == 41
    assert frontend.served_by_all() == frontend.listeners[0].served_by_all() == 41
    assert backend.sessions_of_all() == backend.servers[0].served_by_all() == 41
    assert backend.queued_by_all() == backend.servers[1].queued_by_all() == 4


def test_the_master_sees_every_worker_and_one_process_itself() -> None:
    process = process_of(3)
    process.take_column(MASTER_COLUMN)
    assert {thing.workers for thing in process.counted()} == {2}
    process = process_of(1)
    process.take_column(MASTER_COLUMN)
    assert {thing.is_shared() for thing in process.counted()} == {False}
    process.served = process.frontends[0].served = process.backends[0].servers[0].served = 3
    assert process.served_by_all() == process.frontends[0].served_by_all() == 3
    assert process.backends[0].servers[0].served_by_all() == 3


def test_every_gauge_that_a_dead_worker_leaves_is_known() -> None:
    """What counts what is there now; everything else must outlive a worker."""
    now = {name for name in INDEX if name.endswith("cur") or name.startswith("h1_open") or name in ("queue_head_ms", "resting")}
    assert {INDEX[name] for name in now} == set(GAUGES)
