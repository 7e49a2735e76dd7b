"""Turns: each is taken once, by one process or by several."""

from __future__ import annotations

import os
import struct

from proxy.runtime.turn import Turn, shared_turns


def test_turns_follow_one_another() -> None:
    for turn in (Turn(), Turn(is_shared=True), *shared_turns(2)):
        assert [turn.take(), turn.take(3), turn.take()] == [0, 1, 4]
        assert turn.now() == 5
        turn.pinned = 2
        assert (turn.now(), turn.take()) == (2, 5)
        turn.close()
        turn.close()


def test_only_shared_turns_are_shared() -> None:
    assert [turn.is_shared for turn in (Turn(), Turn(is_shared=True), *shared_turns(1))] == [False, True, True]
    assert shared_turns(0) == []


def test_no_turn_is_taken_twice_by_several_processes_and_none_is_left_out() -> None:
    turn, other = shared_turns(2)
    workers, times = 3, 30_000
    reading, writing = os.pipe()
    pids = []
    for _ in range(workers):
        pid = os.fork()
        if pid == 0:
            taken = [turn.take() for _ in range(times)]
            os.write(writing, struct.pack("qqq", len(set(taken)), sum(taken), taken == sorted(taken)))
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    told = [struct.unpack("qqq", os.read(reading, 24)) for _ in range(workers)]
    os.close(reading)
    os.close(writing)
    total = workers * times
    assert [(count, in_order) for count, _, in_order in told] == [(times, 1)] * workers
    assert sum(each for _, each, _ in told) == total * (total - 1) // 2
    assert (turn.now(), other.now()) == (total, 0)
    turn.close()
    other.close()
