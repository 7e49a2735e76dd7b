"""Deadlines: told once, at most one slot late, however often they move."""

import random

from proxy.core.timers import SLOT_MS, Entry, TimerWheel


class Patient(Entry):
    def __init__(self, wheel: TimerWheel | None = None) -> None:
        Entry.__init__(self)
        self.told: list[int] = []
        self.on_told = None

    def deadline_reached(self, now_ms: int) -> None:
        self.told.append(now_ms)
        if self.on_told:
            self.on_told()


def run(wheel: TimerWheel, until_ms: int, step_ms: int = 1, start_ms: int = 0) -> None:
    for now_ms in range(start_ms, until_ms, step_ms):
        wheel.advance(now_ms)


def test_an_entry_is_told_once_and_not_before_its_time():
    wheel, entry = TimerWheel(), Patient()
    wheel.arm(entry, 100)
    run(wheel, 300)
    assert len(entry.told) == 1
    assert 100 <= entry.told[0] <= 100 + SLOT_MS


def test_a_deadline_that_moves_later_is_told_at_the_later_time_only():
    wheel, entry = TimerWheel(), Patient()
    wheel.arm(entry, 100)
    wheel.arm(entry, 250)
    run(wheel, 400)
    assert len(entry.told) == 1
    assert entry.told[0] >= 250


def test_a_deadline_that_moves_earlier_is_told_at_the_earlier_time_only():
    wheel, entry = TimerWheel(), Patient()
    wheel.arm(entry, 250)
    wheel.arm(entry, 100)
    run(wheel, 400)
    assert len(entry.told) == 1
    assert entry.told[0] < 120


def test_a_dropped_or_forgotten_deadline_is_not_told():
    wheel, dropped, forgotten = TimerWheel(), Patient(), Patient()
    wheel.arm(dropped, 50)
    wheel.arm(dropped, 0)
    wheel.arm(forgotten, 50)
    wheel.forget(forgotten)
    run(wheel, 100)
    assert not dropped.told
    assert not forgotten.told
    assert wheel.next_ms() == 0


def test_an_entry_may_arm_itself_again_and_forget_its_neighbours_while_it_is_told():
    wheel, first, second = TimerWheel(), Patient(), Patient()
    first.on_told = lambda: (wheel.forget(second), wheel.forget(first), wheel.arm(first, 200))
    second.on_told = lambda: (wheel.forget(first), wheel.forget(second), wheel.arm(second, 200))
    wheel.arm(first, 50)
    wheel.arm(second, 50)
    run(wheel, 100)
    assert len(first.told) + len(second.told) == 1, "whoever was told first took the other out"


def test_the_owner_is_told_when_a_deadline_is_earlier_than_all_before():
    wheel, asked = TimerWheel(), []
    wheel.on_earlier = asked.append
    wheel.arm(Patient(), 1000)
    wheel.arm(Patient(), 2000)
    wheel.arm(Patient(), 500)
    assert len(asked) == 2
    assert asked == sorted(asked, reverse=True)
    assert wheel.next_ms() == asked[-1]


def test_many_random_deadlines_are_all_told_in_time():
    rng = random.Random(7)
    wheel = TimerWheel()
    entries = [Patient() for _ in range(500)]
    wanted = {}
    for entry in entries:
        for _ in range(rng.randrange(1, 4)):
            wanted[entry] = rng.randrange(1, 5000)
            wheel.arm(entry, wanted[entry])
    run(wheel, 5100, step_ms=3)
    for entry in entries:
        assert len(entry.told) == 1
        assert wanted[entry] <= entry.told[0] <= wanted[entry] + SLOT_MS + 3


def test_slots_stay_few_however_many_deadlines_come_and_go():
    wheel = TimerWheel()
    for now_ms in range(0, 600_000, 3):                 # each lives for a moment, with deadlines far ahead
        wheel.advance(now_ms)
        for timeout_ms in (20_000, 600_000):
            entry = Patient()
            wheel.arm(entry, now_ms + timeout_ms)
            wheel.forget(entry)
    assert len(wheel._slots) == len(wheel._heap) < 1000


def test_far_deadlines_are_told_in_time():
    rng = random.Random(11)
    wheel, now_ms = TimerWheel(), 0
    wanted = {}
    for _ in range(300):
        entry = Patient()
        wanted[entry] = rng.choice((rng.randrange(1, 5_000), rng.randrange(1, 4_000_000)))
        wheel.arm(entry, wanted[entry])
    while (next_ms := wheel.next_ms()):
        assert next_ms > now_ms
        now_ms = next_ms
        wheel.advance(now_ms)
    for entry, deadline_ms in wanted.items():
        assert len(entry.told) == 1
        assert deadline_ms <= entry.told[0] <= deadline_ms + SLOT_MS


def test_a_wheel_that_was_not_turned_for_long_tells_in_time_all_the_same():
    wheel, entry = TimerWheel(), Patient()
    wheel.advance(1_000)
    now_ms = 10_000_000                                 # an hour or three with nothing to wait for
    wheel.arm(entry, now_ms + 500)
    while (next_ms := wheel.next_ms()):
        now_ms = max(now_ms, next_ms)
        wheel.advance(now_ms)
    assert entry.told == [now_ms]
    assert 10_000_500 <= now_ms <= 10_000_500 + SLOT_MS
