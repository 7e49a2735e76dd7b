"""Medians, ratios and spreads of what was measured. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

BUSY_SHARE = 0.10           # others took this much of the proxy's core: the figure is marked as disturbed


@dataclass(frozen=True, slots=True)
class Measurement:
    """One turn of one program. `value` is in the row's unit; the rest is there where it means something."""

    value: float
    rss_bytes: int = 0
    rate: float | None = None               # requests a second
    user: float | None = None               # the programs' own part of value
    kernel: float | None = None             # the kernel's part of value
    others: float = 0.0                     # share of the proxy's core that somebody else used
    failures: int = 0


@dataclass(slots=True)
class Series:
    """All turns of one program in one row, or why there are none."""

    program: str
    turns: list[Measurement] = field(default_factory=list)
    failure: str = ""

    @property
    def value(self) -> float | None:
        return middle([turn.value for turn in self.turns])

    @property
    def rate(self) -> float | None:
        return middle([turn.rate for turn in self.turns if turn.rate is not None])

    @property
    def rss_mib(self) -> float | None:
        found = middle([turn.rss_bytes for turn in self.turns])
        return None if found is None else found / 2**20

    @property
    def disturbed(self) -> bool:
        """Whether half of the turns or more shared their core with others."""
        shares = middle([turn.others for turn in self.turns])
        return shares is not None and shares > BUSY_SHARE


@dataclass(frozen=True, slots=True)
class Ratio:
    """A program's median over the reference's, and the least and the most of single rounds."""

    middle: float
    low: float
    high: float


def middle(values: Sequence[float]) -> float | None:
    """The median, or nothing of nothing."""
    return median(values) if values else None


def ratio(series: Series, reference: Series) -> Ratio | None:
    """How the medians compare; the spread is over rounds, each round against its own reference turn."""
    ours, theirs = series.value, reference.value
    if ours is None or not theirs:
        return None
    rounds = [turn.value / other.value for turn, other in zip(series.turns, reference.turns, strict=False) if other.value > 0]
    if not rounds:
        return None
    return Ratio(ours / theirs, min(rounds), max(rounds))


def spread(values: Sequence[float]) -> float | None:
    """How much more the dearest of these costs than the cheapest: 0.15 is 15 %."""
    if not values or min(values) <= 0:
        return None
    return max(values) / min(values) - 1


def turn_order(names: Sequence[str], round_number: int) -> list[str]:
    """A B, then B A, and so on: what drifts over time meets all alike."""
    return list(names) if round_number % 2 == 0 else list(reversed(names))


def met(series: Series, reference: Series | None, target: float | None, target_value: float | None) -> bool | None:
    """Whether a row's target is reached; nothing where there is none to reach or nothing was measured."""
    if target is not None:
        compared = ratio(series, reference) if reference is not None else None
        return None if compared is None else compared.middle <= target
    if target_value is not None and series.value is not None:
        return series.value <= target_value
    return None
