"""The turns of a row: every program started, then driven in rounds A B, B A."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.figures import Series, turn_order
from bench.measures import Turn, turns_of
from bench.programs import BenchError, Program
from bench.rows import GROWTH_CONNECTIONS, GROWTH_SERVERS, Row
from bench.stage import Stage

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long and how often."""

    rounds: int = 5
    seconds: int = 2
    warm_up_s: int = 1


@dataclass(slots=True)
class RowResult:
    """A row with one series a program, in the order of the programs."""

    row: Row
    series: dict[str, Series]


@dataclass(slots=True)
class Growth:
    """A row at several sizes: what varied ("servers" or "connections") and the row at each size."""

    row: Row
    varied: str
    sizes: dict[int, RowResult]


def programs_for(row: Row, programs: Sequence[Program]) -> list[Program]:
    """Those that take part: large buffers only where bulk flows, nginx only where it can do the row."""
    return [program for program in programs
            if (program.bufsize is None or row.bulk) and (program.flavour != "nginx" or row.nginx)]


def measure_row(stage: Stage, row: Row, programs: Sequence[Program], effort: Effort, say: Say) -> RowResult:
    """All turns of a row; a program that fails keeps its reason instead of figures, the others go on."""
    result = RowResult(row, {program.name: Series(program.name) for program in programs_for(row, programs)})
    turns: dict[str, Turn] = {}
    with contextlib.ExitStack() as started:
        for program in programs_for(row, programs):
            try:
                turns[program.name] = started.enter_context(turns_of(stage, row, program, effort.seconds, effort.warm_up_s))
            except BenchError as error:
                _failed(result, program.name, error, say)
        for number in range(effort.rounds):
            for name in turn_order(list(turns), number):
                try:
                    result.series[name].turns.append(turns[name]())
                except BenchError as error:
                    _failed(result, name, error, say)
                    del turns[name]
    return result


def measure_growth(stage: Stage, row: Row, programs: Sequence[Program], effort: Effort, say: Say) -> list[Growth]:
    """The row at growing numbers of servers, then of connections."""
    by_servers = Growth(row, "servers", {})
    by_connections = Growth(row, "connections", {})
    for count in GROWTH_SERVERS:
        say(f"{row.name}, {count} servers")
        by_servers.sizes[count] = measure_row(stage, row.sized(servers=count), programs, effort, say)
    for count in GROWTH_CONNECTIONS:
        say(f"{row.name}, {count} connections")
        # Opening thousands takes a while: the first answer may come after it.
        slower = Effort(effort.rounds, effort.seconds, effort.warm_up_s + count // 1000)
        by_connections.sizes[count] = measure_row(stage, row.sized(connections=count), programs, slower, say)
    return [by_servers, by_connections]


def _failed(result: RowResult, name: str, error: BenchError, say: Say) -> None:
    result.series[name] = Series(name, failure=str(error))
    say(f"{result.row.name}: {name} failed: {error}")
