"""Figures of the faults: judged where they are ours, kept beside HAProxy's, printed as one table.

A bound of time or CPU holds where nothing else runs, so it is asked for under `make soak` only; at other times the same test asks
whether the thing comes about at all. HAProxy's figure is never judged: the bounds are ours.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults.rows import ROWS

KEPT = Path(__file__).parents[2] / ".cache" / "faults.jsonl"
IS_SOAK = os.environ.get("PYPROXY_SOAK") == "1"
PROGRAMS = ("compiled", "pure", "haproxy")


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of one program: what was measured, and what it may be at most."""

    row: int
    what: str
    program: str
    value: str
    bound: str
    held: bool


class Judge:
    """What a test says of what it measured, of which the bad makes it fail."""

    def __init__(self, row: int, program: str) -> None:
        self._row = row
        self._program = program

    @property
    def is_ours(self) -> bool:
        return self._program != "haproxy"

    def none(self, what: str, number: int, of: int) -> None:
        """So many of so many went wrong, and none may."""
        self._keep(what, f"{number} of {of}", "0", number == 0)
        assert of > 0
        assert number == 0 or not self.is_ours, f"{what}: {number} of {of}"

    def all(self, what: str, number: int, of: int) -> None:
        """So many of so many went as they must, and all have to."""
        self._keep(what, f"{number} of {of}", "all", number == of)
        assert of > 0
        assert number == of or not self.is_ours, f"{what}: {number} of {of}"

    def at_most(self, what: str, value: float, bound: float, unit: str) -> None:
        """A size that does not depend on what else the machine does."""
        self._keep(what, f"{value:.4g} {unit}", f"≤ {bound:g} {unit}", value <= bound)
        assert value <= bound or not self.is_ours, f"{what}: {value:.4g} {unit} where {bound:g} is the most"

    def at_least(self, what: str, value: int, least: int) -> None:
        """So many, or more."""
        self._keep(what, str(value), f"≥ {least}", value >= least)
        assert value >= least or not self.is_ours, f"{what}: {value} where {least} is the least"

    def in_time(
        self, what: str, value: float, most: float, unit: str = "s", least: float = 0.0, bound: str = "",
    ) -> None:
        """A time or a share of CPU: its upper bound is asked for when nothing else runs."""
        held = least <= value <= most
        bound = bound or f"{least:g} to {most:g} {unit}" if least else f"≤ {most:g} {unit}"
        self._keep(what, f"{value:.3g} {unit}", bound, held)
        assert value >= least or not self.is_ours, f"{what}: {value:.4g} {unit} where {least:g} is the least"
        assert held or not self.is_ours or not IS_SOAK, f"{what}: {value:.4g} {unit} where {most:g} is the most"

    def tell(self, what: str, value: str) -> None:
        """A figure without a bound."""
        self._keep(what, value, "", True)

    def _keep(self, what: str, value: str, bound: str, held: bool) -> None:
        if IS_SOAK:
            KEPT.parent.mkdir(exist_ok=True)
            with KEPT.open("a") as file:
                file.write(json.dumps(asdict(Figure(self._row, what, self._program, value, bound, held))) + "\n")


def kept() -> list[Figure]:
    """The latest of each figure."""
    latest: dict[tuple[int, str, str], Figure] = {}
    if KEPT.exists():
        for line in KEPT.read_text().splitlines():
            figure = Figure(**json.loads(line))
            latest[figure.row, figure.what, figure.program] = figure
    return list(latest.values())


def table(figures: Iterable[Figure]) -> str:
    """The figures as a table in Markdown; what is out of bounds has a `!`."""
    lines = ["| scenario | figure | bound | compiled | pure | HAProxy 2.6 |", "|---|---|---|---|---|---|"]
    found: dict[tuple[int, str], dict[str, Figure]] = {}
    for figure in figures:
        found.setdefault((figure.row, figure.what), {})[figure.program] = figure
    shown = 0
    for (row, what), by_program in sorted(found.items(), key=lambda item: item[0][0]):
        cells = [
            (by_program[name].value + ("" if by_program[name].held else " !")) if name in by_program else "-"
            for name in PROGRAMS
        ]
        bound = next(iter(by_program.values())).bound
        lines.append(f"| {f'{row}. {ROWS[row]}' if row != shown else ''} | {what} | {bound} | {' | '.join(cells)} |")
        shown = row
    return "\n".join(lines)
