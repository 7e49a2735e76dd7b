"""The state table, line by line, on a clock that moves when told."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from proxy.ha.vrrp.actions import (
    Action,
    Announce,
    HeardLower,
    PriorityChanged,
    ReleaseAddresses,
    SendAdvert,
    State,
    TakeAddresses,
    Transition,
)
from proxy.ha.vrrp.packet import Advert
from proxy.ha.vrrp.router import RouterSettings, VirtualRouter

HIGH, US, LOW = b"\x0a\0\0\x09", b"\x0a\0\0\x05", b"\x0a\0\0\x01"


def router(**settings: object) -> VirtualRouter:
    return VirtualRouter(RouterSettings(**settings), US)  # type: ignore[arg-type]


def advert(priority: int, interval_s: float = 1.0, version: int = 2) -> Advert:
    return Advert(version, 51, priority, interval_s, ())


def kinds(actions: list[Action]) -> list[type[Action]]:
    return [type(action) for action in actions]


def as_master(**settings: object) -> VirtualRouter:
    made = router(**settings)
    made.start(0.0)
    made.handle_timer(made.deadline)
    assert made.state is State.MASTER
    return made


def test_it_begins_as_backup_whatever_it_wishes_and_waits_three_adverts_and_its_skew() -> None:
    for wish in (False, True):
        made = router(priority=150, wants_master=wish)
        made.start(10.0)
        assert made.state is State.BACKUP
        assert made.deadline == pytest.approx(13 + 106 / 256)


def test_only_an_owner_that_wishes_it_is_master_at_once() -> None:
    made = router(priority=255, wants_master=True)
    assert SendAdvert(255) in made.start(0.0)
    assert made.state is State.MASTER
    other = router(priority=255)
    other.start(0.0)
    assert other.state is State.BACKUP


def test_becoming_master_is_advert_addresses_announcements_in_this_order() -> None:
    made = router()
    made.start(0.0)
    assert made.handle_timer(made.deadline - 0.001) == []
    actions = made.handle_timer(made.deadline)
    assert kinds(actions) == [SendAdvert, TakeAddresses, Announce, Transition]
    assert actions[0] == SendAdvert(100)
    assert actions[2] == Announce(5)


def test_the_skew_of_version_3_is_a_part_of_the_interval() -> None:
    made = router(version=3, advert_int_s=0.1, priority=100)
    made.start(0.0)
    assert made.deadline == pytest.approx(0.3 + 0.1 * 156 / 256)


def test_a_better_or_equal_master_holds_a_backup_back_a_worse_one_does_not() -> None:
    made = router(priority=100)
    made.start(0.0)
    for priority in (100, 150):
        made.hear(2.0, advert(priority), LOW)
        assert made.deadline == pytest.approx(2 + 3 + 156 / 256)
    made.hear(3.0, advert(99), HIGH)
    assert made.deadline == pytest.approx(2 + 3 + 156 / 256)


def test_a_master_that_stops_is_followed_after_the_skew_alone() -> None:
    made = router(priority=100)
    made.start(0.0)
    made.hear(1.0, advert(150), HIGH)
    made.hear(1.5, advert(0), HIGH)
    assert made.deadline == pytest.approx(1.5 + 156 / 256)
    assert made.handle_timer(made.deadline)[-1] == Transition(State.BACKUP, State.MASTER, "the master has stopped")


def test_nopreempt_leaves_a_worse_master_alone_but_not_a_silent_one() -> None:
    made = router(priority=150, nopreempt=True)
    made.start(0.0)
    made.hear(1.0, advert(50), HIGH)
    assert made.deadline == pytest.approx(1 + 3 + 106 / 256)
    assert made.handle_timer(made.deadline)[0] == SendAdvert(150)


def test_preempt_delay_counts_from_the_first_worse_advert() -> None:
    made = router(priority=150, preempt_delay_s=5.0)
    made.start(0.0)
    assert made.deadline == pytest.approx(3 + 106 / 256)            # nobody there: not held back
    for second in range(1, 7):
        made.hear(float(second), advert(50), HIGH)
    # The delay began at 1 and was over at 6: the advert of second 6 moved nothing any more.
    assert made.deadline == pytest.approx(5 + 3 + 106 / 256)
    made.hear(6.5, advert(200), HIGH)                               # a better one: the delay begins anew
    made.hear(7.0, advert(50), HIGH)
    assert made.deadline == pytest.approx(7 + 3 + 106 / 256)


def test_a_backup_lives_by_the_masters_interval_and_a_master_by_its_own() -> None:
    made = router(version=3, advert_int_s=0.1, priority=100)
    made.start(0.0)
    made.hear(0.1, advert(150, 2.0, 3), HIGH)
    assert made.interval_s == 2.0
    assert made.deadline == pytest.approx(0.1 + 6 + 2.0 * 156 / 256)
    made.handle_timer(made.deadline)
    assert made.interval_s == 0.1


def test_a_master_sends_on_its_grid_and_once_for_what_it_missed() -> None:
    made = as_master(garp_master_delay_s=0.0)
    begun = made.since
    assert made.deadline == begun + 1
    assert made.handle_timer(begun + 1.2) == [SendAdvert(100)]
    assert made.deadline == pytest.approx(begun + 2)
    assert made.handle_timer(begun + 7.5) == [SendAdvert(100)]
    assert made.deadline == pytest.approx(begun + 8.5)


def test_a_master_answers_one_that_stops_and_one_that_is_worse_at_once() -> None:
    made = as_master()
    now = made.since + 0.4
    assert made.hear(now, advert(0), HIGH) == [SendAdvert(100)]
    assert made.hear(now, advert(50), HIGH) == [HeardLower(50), SendAdvert(100), Announce(5)]
    assert made.hear(now, advert(100), LOW) == [HeardLower(100), SendAdvert(100), Announce(5)]
    assert made.state is State.MASTER
    quiet = as_master(lower_prio_no_advert=True, garp_lower_prio_repeat=0)
    assert quiet.hear(now, advert(50), HIGH) == [HeardLower(50)]


@pytest.mark.parametrize(("priority", "source"), [(101, LOW), (100, HIGH)])
def test_a_better_one_makes_a_master_step_down_with_a_last_word(priority: int, source: bytes) -> None:
    made = as_master()
    now = made.since + 0.4
    assert kinds(made.hear(now, advert(priority), source)) == [SendAdvert, ReleaseAddresses, Transition]
    assert made.state is State.BACKUP
    assert made.deadline == pytest.approx(now + 3 + 156 / 256)
    silent = as_master(higher_prio_send_advert=False)
    assert kinds(silent.hear(now, advert(priority), source)) == [ReleaseAddresses, Transition]


def test_announcements_again_after_the_delay_then_refreshed() -> None:
    made = as_master(advert_int_s=100.0, garp_master_delay_s=5.0, garp_master_refresh_s=60.0, garp_master_refresh_repeat=2,
                     garp_extra_if_s=30.0)
    begun = made.since
    seen = []
    while made.deadline < begun + 95:
        due = made.deadline
        seen += [(round(due - begun), action) for action in made.handle_timer(due)]
    assert seen == [(5, Announce(5)), (30, Announce(1, True)), (60, Announce(2)), (60, Announce(1, True)),
                    (90, Announce(1, True))]


def test_a_fault_gives_up_first_and_comes_back_as_backup() -> None:
    made = as_master()
    now = made.since + 0.5
    assert made.fault(now, "interface eth0 is down") == [
        SendAdvert(0), ReleaseAddresses(), Transition(State.MASTER, State.FAULT, "interface eth0 is down")]
    assert made.deadline == math.inf
    assert made.hear(now, advert(0), HIGH) == []
    assert made.fault(now, "another") == []
    assert made.reason == "another"
    assert kinds(made.recover(now + 1)) == [Transition]
    assert made.state is State.BACKUP


def test_after_the_stop_nothing_happens_any_more() -> None:
    made = as_master()
    now = made.since + 0.5
    assert kinds(made.stop(now)) == [SendAdvert, ReleaseAddresses, Transition]
    assert made.stop(now) == made.fault(now, "x") == made.recover(now) == made.hear(now, advert(0), HIGH) == []
    assert made.force_master(now, "x") == made.force_backup(now, "x") == made.handle_timer(now + 100) == []
    assert made.state is State.STOP
    backup = router()
    backup.start(0.0)
    assert kinds(backup.stop(1.0)) == [Transition]


def test_a_new_priority_moves_what_is_left_of_the_skew() -> None:
    made = router(priority=100)
    made.start(0.0)
    assert made.set_priority(1.0, 200) == [PriorityChanged(100, 200)]
    assert made.deadline == pytest.approx(3 + 56 / 256)
    assert made.set_priority(1.0, 200) == []
    made.hear(2.0, advert(150), HIGH)
    assert made.deadline == pytest.approx(3 + 56 / 256)             # 150 is worse now


def test_new_settings_are_taken_as_it_runs() -> None:
    master = as_master()
    assert master.reconfigure(master.since + 0.2, replace(master.settings, advert_int_s=0.5)) == []
    assert master.state is State.MASTER
    assert master.deadline == pytest.approx(master.since + 0.7)
    backup = router()
    backup.start(0.0)
    backup.reconfigure(1.0, replace(backup.settings, advert_int_s=2.0))
    assert backup.deadline == pytest.approx(1 + 6 + 156 / 256)


def test_a_worse_master_that_stops_beside_a_live_one_is_not_followed() -> None:
    made = router(priority=100)
    made.start(0.0)
    made.hear(1.0, advert(200), HIGH)
    made.hear(1.1, advert(0), LOW)
    assert made.deadline == pytest.approx(1 + 3 + 156 / 256)
    made.hear(2.5, advert(0), LOW)                                  # the live one has not been heard for longer than its interval
    assert made.deadline == pytest.approx(2.5 + 156 / 256)


def test_the_last_word_of_a_worse_master_does_not_shorten_the_wait_for_the_better_one() -> None:
    made = router(version=3, advert_int_s=0.1, priority=1)
    made.start(0.0)
    made.hear(1.0, advert(103, 1.0, 3), HIGH)
    made.hear(1.001, advert(1, 0.1, 3), LOW)
    assert made.interval_s == 1.0
    assert made.deadline > 4.0
