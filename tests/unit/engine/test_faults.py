"""A broken invariant: counted each time, told once for each place."""

from proxy.base.clock import SystemClock
from proxy.engine.worker import FAULTS_TOLD, Worker
from proxy.runtime.process import Process


def fault() -> BaseException:
    try:
        raise AssertionError("this can not be")
    except AssertionError as error:
        return error


def test_a_fault_is_told_to_the_operator_once_however_often_it_is_met():
    worker, said = Worker(Process(), SystemClock()), []
    worker.say = lambda severity, text: said.append((severity, text))
    for _ in range(3):
        worker.broken(None, fault())
    assert worker.broken_invariants == 3
    assert len(said) == 1
    severity, text = said[0]
    assert severity == "ALERT"
    assert "AssertionError: this can not be" in text
    assert "test_faults.py:" in text


def test_faults_without_a_place_are_told_too_and_their_number_is_bounded():
    worker, said = Worker(Process(), SystemClock()), []
    worker.say = lambda severity, text: said.append(text)
    worker.broken(None, ValueError("no traceback"))
    assert len(said) == 1
    worker._told_faults |= {("elsewhere", line) for line in range(FAULTS_TOLD)}
    worker.broken(None, fault())
    assert len(said) == 1
