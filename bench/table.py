"""The tables a reader sees: Markdown, aligned for a terminal as well. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from bench.figures import Ratio, Series, met, ratio, spread
from bench.rounds import Growth, RowResult
from bench.rows import GROWTH_LIMIT

NOTHING = "-"


def aligned(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, figures to the right."""
    widths = [max(len(line[column]) for line in (head, *lines)) for column in range(len(head))]

    def drawn(cells: Sequence[str]) -> str:
        padded = [cell.ljust(width) if number == 0 else cell.rjust(width)
                  for number, (cell, width) in enumerate(zip(cells, widths, strict=True))]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (width + 1) + ("-" if number == 0 else ":") for number, width in enumerate(widths)) + "|"
    return "\n".join([drawn(head), rule, *(drawn(line) for line in lines)]) + "\n"


def figure(value: float | None) -> str:
    """Three significant digits, as a person writes them."""
    if value is None:
        return NOTHING
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio_text(compared: Ratio | None) -> str:
    """`0.92 (0.90-0.95)`."""
    return NOTHING if compared is None else f"{compared.middle:.2f} ({compared.low:.2f}-{compared.high:.2f})"


def program_names(results: Sequence[RowResult]) -> list[str]:
    """Every program that took part anywhere, in the order of appearance."""
    names: list[str] = []
    for result in results:
        names += [name for name in result.series if name not in names]
    return names


def comparison(results: Sequence[RowResult], reference: str = "haproxy") -> str:
    """One line a row: figures, ratios to the reference, target and whether it is met."""
    names = program_names(results)
    others = [name for name in names if name != reference]
    head = ["row", "unit", *names, *(f"{name} ÷ {reference}" for name in others), "target"]
    return aligned(head, [_line(result, names, others, reference) for result in results])


def _line(result: RowResult, names: Sequence[str], others: Sequence[str], reference: str) -> list[str]:
    row, base = result.row, result.series.get(reference)
    cells = [row.name, row.unit]
    cells += [_value(result.series.get(name)) for name in names]
    for name in others:
        series = result.series.get(name)
        cells.append(ratio_text(ratio(series, base) if series is not None and base is not None else None))
    cells.append(_target(result, base))
    return cells


def side_figures(results: Sequence[RowResult]) -> str:
    """One line a row: answers a second and resident memory of each program."""
    names = program_names(results)
    lines = []
    for result in results:
        found = [result.series.get(name) for name in names]
        lines.append([result.row.name, *(figure(series.rate if series else None) for series in found),
                      *(figure(series.rss_mib if series else None) for series in found)])
    return aligned(["row", *(f"{name} /s" for name in names), *(f"{name} MiB" for name in names)], lines)


def _value(series: Series | None) -> str:
    if series is None:
        return NOTHING
    return "failed" if series.failure else figure(series.value) + ("*" if series.disturbed else "")


def _target(result: RowResult, base: Series | None) -> str:
    row, ours = result.row, result.series.get("pyproxy")
    if row.target is None and row.target_value is None:
        return NOTHING
    text = f"≤ {row.target:.2f}" if row.target is not None else f"≤ {row.target_value:g} {row.unit.split()[0]}"
    reached = met(ours, base, row.target, row.target_value) if ours is not None else None
    return text + ("" if reached is None else " met" if reached else " missed")


def growth_table(growths: Sequence[Growth], varied: str) -> str:
    """What a request costs at each size, one line a row and program; the last column is the dearest over the cheapest."""
    chosen = [growth for growth in growths if growth.varied == varied]
    sizes = sorted({size for growth in chosen for size in growth.sizes})
    lines = []
    for growth in chosen:
        for name in program_names(list(growth.sizes.values())):
            found = [growth.sizes[size].series[name].value if size in growth.sizes else None for size in sizes]
            grown = spread([value for value in found if value is not None])
            missing = any(value is None for value in found)
            verdict = NOTHING if grown is None or missing else f"{grown:+.0%}" + (" flat" if grown <= GROWTH_LIMIT else "")
            lines.append([growth.row.name, name, *(figure(value) for value in found), verdict])
    return aligned(["row", "program", *(f"{size:,} {varied}" for size in sizes), "growth"], lines)


def notes(results: Sequence[RowResult]) -> list[str]:
    """What a reader must know beside the figures: failures by their reason, figures that were disturbed."""
    lines = [f"{result.row.name}: {name} failed: {series.failure}"
             for result in results for name, series in result.series.items() if series.failure]
    disturbed = any(series.disturbed for result in results for series in result.series.values())
    if disturbed:
        lines.append("* measured while others used more than a tenth of the proxy's core, half of the turns at least")
    return lines
