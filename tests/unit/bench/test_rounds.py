"""Turns, failures, who takes part."""

import contextlib
from collections.abc import Iterator

import pytest

from bench.figures import Measurement
from bench.measures import Turn
from bench.programs import BenchError, Program
from bench.rounds import Effort, measure_growth, measure_row, programs_for
from bench.rows import BY_NAME, GROWTH_CONNECTIONS, GROWTH_SERVERS, Row

A, B = Program("a", ("a",)), Program("b", ("b",))
LARGE, NGINX = Program("large", ("a",), bufsize=1), Program("n", ("n",), "nginx")
ROW = BY_NAME["http-minimal"]


class Played:
    """Programs that are played: who had a turn is kept, who is in `broken` fails at that turn."""

    def __init__(self) -> None:
        self.turns: list[str] = []
        self.broken: dict[str, int] = {}
        self.warm_ups_s: list[int] = []

    @contextlib.contextmanager
    def turns_of(self, stage: object, row: Row, program: Program, seconds: int, warm_up_s: int) -> Iterator[Turn]:
        if self.broken.get(program.name) == 0:
            raise BenchError("does not start")
        self.warm_ups_s.append(warm_up_s)
        yield lambda: self.turn(program.name)

    def turn(self, name: str) -> Measurement:
        self.turns.append(name)
        if self.turns.count(name) == self.broken.get(name):
            raise BenchError("fell over")
        return Measurement(1.0)


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    one = Played()
    monkeypatch.setattr("bench.rounds.turns_of", one.turns_of)
    return one


def test_turns_alternate(played: Played) -> None:
    measure_row(None, ROW, [A, B], Effort(rounds=3), print)     # type: ignore[arg-type]
    assert "".join(played.turns) == "abbaab"


@pytest.mark.parametrize(("turn", "reason"), [(0, "does not start"), (2, "fell over")])
def test_who_fails_keeps_the_reason_and_the_others_go_on(played: Played, turn: int, reason: str) -> None:
    played.broken["b"] = turn
    said: list[str] = []
    result = measure_row(None, ROW, [A, B], Effort(rounds=3), said.append)      # type: ignore[arg-type]
    assert (len(result.series["a"].turns), result.series["b"].turns, result.series["b"].failure) == (3, [], reason)
    assert said == [f"http-minimal: b failed: {reason}"]


def test_who_takes_part() -> None:
    everyone = [A, LARGE, NGINX]
    assert programs_for(ROW, everyone) == [A, NGINX]
    assert programs_for(BY_NAME["tcp-1m"], everyone) == everyone
    assert programs_for(BY_NAME["checks"], everyone) == [A]


def test_growth_lets_many_connections_be_opened_first(played: Played) -> None:
    servers, connections = measure_growth(None, ROW, [A], Effort(rounds=1, seconds=2), str)     # type: ignore[arg-type]
    assert (servers.varied, tuple(servers.sizes)) == ("servers", GROWTH_SERVERS)
    assert (connections.varied, tuple(connections.sizes)) == ("connections", GROWTH_CONNECTIONS)
    assert played.warm_ups_s == [1, 1, 1, 1, 1, 2, 6]
