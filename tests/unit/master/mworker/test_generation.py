"""A worker as its master sees it: what comes over the line, what is asked, how it ended."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from proxy.config.model import Global
from proxy.master.mworker.generation import TOLD_MAX, Generation, exit_status, exit_text
from proxy.master.mworker.line import ANSWER, READY, MasterLine
from proxy.master.workers.channel import LineBroken


@pytest.fixture
def pair() -> Iterator[tuple[Generation, MasterLine]]:
    ours, theirs = socket.socketpair()
    generation, line = Generation(7, ours, 0), MasterLine(theirs)
    yield generation, line
    generation.channel.close()
    line.close()


def test_ready_is_heard_once_with_what_concerns_the_master(pair: tuple[Generation, MasterLine]) -> None:
    generation, line = pair
    line.told("a line\n")
    assert not generation.heard()
    line.ready(Global(mworker_max_reloads=3, no_exit_on_failure=True))
    line.told("not any more")
    assert generation.heard()
    assert not generation.heard()
    assert (generation.max_reloads, generation.no_exit_on_failure, generation.told) == (3, True, "a line\n")


def test_what_is_told_is_bounded(pair: tuple[Generation, MasterLine]) -> None:
    generation, line = pair
    for _ in range(4):
        line.told("x" * (TOLD_MAX // 2))
        generation.heard()
    assert len(generation.told) == TOLD_MAX


def test_answers_find_who_asked_and_nobody_waits_for_one_who_has_gone(pair: tuple[Generation, MasterLine]) -> None:
    generation, line = pair
    answers: list[str | None] = []
    generation.ask("show info", "admin", answers.append)
    generation.ask("show stat", "user", answers.append)
    line._channel.send_values(ANSWER, 2, "second")
    line._channel.send_values(ANSWER, 9, "nobody's")
    generation.heard()
    assert answers == ["second"]
    generation.gone()
    assert answers == ["second", None]


@pytest.mark.parametrize(("kind", "values"), [(b"?", ()), (READY, (1, 2)), (ANSWER, ("one", "two"))])
def test_a_line_that_makes_no_sense_is_broken(
    pair: tuple[Generation, MasterLine], kind: bytes, values: tuple[object, ...]
) -> None:
    generation, line = pair
    line._channel.send_values(kind, *values)
    with pytest.raises(LineBroken):
        generation.heard()


def test_how_it_ended_in_haproxys_words() -> None:
    assert [exit_status(code) for code in (0, 1, -9, -15)] == [0, 1, 137, 143]
    assert exit_text(5, 137) == "(5) exited with code 137 (Killed)"
    assert exit_text(5, 1) == "(5) exited with code 1 (Exit)"
