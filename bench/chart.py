"""A chart of the ratios, as SVG text. Pure functions; readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from bench.figures import Ratio, ratio
from bench.rounds import RowResult
from bench.rows import Kind

LEFT, RIGHT, TOP, BOTTOM = 130, 60, 46, 34
BAR, GAP, WIDTH = 16, 8, 760
COLOURS = {"met": "#2a9d8f", "missed": "#e07a5f", "": "#7d8597"}
INK = "#808080"             # of lines and letters: seen on white and on black


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of the chart."""

    label: str
    compared: Ratio
    target: float | None

    @property
    def colour(self) -> str:
        if self.target is None:
            return COLOURS[""]
        return COLOURS["met" if self.compared.middle <= self.target else "missed"]


def bars(results: Sequence[RowResult], program: str = "pyproxy", reference: str = "haproxy") -> list[Bar]:
    """The rows under load in which both were measured: their figures mean the same."""
    found = []
    for result in results:
        ours, theirs = result.series.get(program), result.series.get(reference)
        compared = ratio(ours, theirs) if ours is not None and theirs is not None and result.row.kind is Kind.LOAD else None
        if compared is not None:
            found.append(Bar(result.row.name, compared, result.row.target))
    return found


def longest(drawn: Sequence[Bar]) -> float:
    """Where the scale ends: a whole number of halves that every median fits in, never under 1.5, never over 6."""
    most = max((bar.compared.middle for bar in drawn), default=1.0)
    return min(6.0, max(1.5, -(-most * 2 // 1) / 2))


def svg(drawn: Sequence[Bar], title: str) -> str:
    """One bar a row from 0 to its ratio, a whisker over its rounds, a tick at its target, a line at 1: as much as HAProxy.

    A bar longer than the scale is cut, its figure says how long it is.
    """
    end = longest(drawn)
    scale = (WIDTH - LEFT - RIGHT) / end
    height = TOP + len(drawn) * (BAR + GAP) + BOTTOM

    def at(value: float) -> float:
        return round(LEFT + min(value, end) * scale, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<text x="{LEFT}" y="20" font-size="14">{escape(title)}</text>',
    ]
    for half in range(int(end * 2) + 1):
        x = at(half / 2)
        strong = half == 2
        parts.append(f'<line x1="{x}" y1="{TOP - 6}" x2="{x}" y2="{height - BOTTOM}" stroke="{INK}" '
                     f'stroke-width="{1.5 if strong else 0.5}" opacity="{1 if strong else 0.4}"/>')
        parts.append(f'<text x="{x}" y="{height - BOTTOM + 16}" text-anchor="middle">{half / 2:g}</text>')
    for number, bar in enumerate(drawn):
        parts += _bar(bar, TOP + number * (BAR + GAP), at)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(bar: Bar, y: float, at: Callable[[float], float]) -> list[str]:
    middle = y + BAR / 2
    x, low, high = at(bar.compared.middle), at(bar.compared.low), at(bar.compared.high)
    parts = [
        f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(bar.label)}</text>',
        f'<rect x="{LEFT}" y="{y}" width="{round(x - LEFT, 1)}" height="{BAR}" fill="{bar.colour}"/>',
        f'<line x1="{low}" y1="{middle}" x2="{high}" y2="{middle}" stroke="{INK}" stroke-width="1.5"/>',
        f'<text x="{max(x, high) + 6}" y="{middle + 4}">{bar.compared.middle:.2f}</text>',
    ]
    if bar.target is not None:
        tick = at(bar.target)
        parts.append(f'<line x1="{tick}" y1="{y - 2}" x2="{tick}" y2="{y + BAR + 2}" stroke="{INK}" stroke-width="2.5"/>')
    return parts
