"""Old processes: told the right signals, given back what was taken."""

from __future__ import annotations

import errno
import os
import signal

import pytest

from proxy.base.errors import StartError
from proxy.master.predecessors import PATIENCE_S, Predecessors, bind_beside

OLD, OLDER = 4001, 4002


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Every signal that is sent; nobody gets it."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    return sent


def in_use() -> StartError:
    return StartError("bind", "Some protocols failed to start their listeners! Exiting.", address_in_use=True)


class Address:
    """Becomes free after some attempts, on a clock that only sleeping moves."""

    def __init__(self, taken: int, error: StartError) -> None:
        self.left, self.error, self.attempts, self.now_s = taken, error, 0, 100.0

    def bind(self) -> None:
        self.attempts += 1
        if self.left:
            self.left -= 1
            raise self.error

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def beside(self, old: Predecessors) -> None:
        bind_beside(self.bind, old, self.sleep, lambda: self.now_s)


def test_each_is_told_its_own_signal(told: list[tuple[int, int]]) -> None:
    Predecessors([OLD], [OLDER]).dismiss()
    assert told == [(OLD, signal.SIGUSR1), (OLDER, signal.SIGTERM)]


def test_a_process_never_tells_itself(told: list[tuple[int, int]]) -> None:
    old = Predecessors([os.getpid()], [os.getpid()])
    old.dismiss()
    assert not old
    assert told == []


def test_a_free_address_asks_nobody_to_pause(told: list[tuple[int, int]]) -> None:
    Address(0, in_use()).beside(Predecessors([OLD]))
    assert told == []


def test_an_address_in_use_is_asked_for_once_and_tried_again(told: list[tuple[int, int]]) -> None:
    address = Address(5, in_use())
    old = Predecessors([OLD])
    address.beside(old)
    assert address.attempts == 6
    assert told == [(OLD, signal.SIGTTOU)]
    old.dismiss()
    old.resume()
    assert told == [(OLD, signal.SIGTTOU), (OLD, signal.SIGUSR1)]


def test_after_two_seconds_the_old_one_gets_its_address_back(told: list[tuple[int, int]]) -> None:
    address = Address(10_000, in_use())
    with pytest.raises(StartError):
        address.beside(Predecessors([OLD]))
    assert told == [(OLD, signal.SIGTTOU), (OLD, signal.SIGTTIN)]
    assert address.now_s - 100 == pytest.approx(PATIENCE_S, abs=0.02)


def test_without_old_processes_there_is_nothing_to_wait_for(told: list[tuple[int, int]]) -> None:
    address = Address(1, in_use())
    with pytest.raises(StartError):
        address.beside(Predecessors())
    assert address.attempts == 1


def test_another_failure_is_not_waited_for(told: list[tuple[int, int]]) -> None:
    address = Address(1, StartError("bind", "Permission denied"))
    with pytest.raises(StartError):
        address.beside(Predecessors([OLD]))
    assert (address.attempts, told) == (1, [])


def test_one_that_is_gone_is_as_good_as_told_and_one_that_may_not_be_told_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(pid: int, number: int) -> None:
        raise ProcessLookupError if pid == OLD else PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "kill", kill)
    warnings: list[str] = []
    Predecessors([OLD, OLDER], (), warnings.append).dismiss()
    assert warnings == [f"cannot send SIGUSR1 to the old process {OLDER}: Operation not permitted"]
