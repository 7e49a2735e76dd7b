"""The tables as a reader sees them."""

from bench.figures import Measurement, Series
from bench.rounds import Growth, RowResult
from bench.rows import BY_NAME
from bench.table import aligned, comparison, figure, growth_table, notes, side_figures


def result(name: str, **values: list[float]) -> RowResult:
    return RowResult(BY_NAME[name], {program: Series(program, [Measurement(value, 2**20, 1000.0) for value in found])
                                     for program, found in values.items()})


def cells(text: str, line: int) -> list[str]:
    return [cell.strip() for cell in text.splitlines()[line].strip("|").split("|")]


def test_figures_have_three_digits() -> None:
    shown = {0.123: "0.12", 9.876: "9.88", 15.51: "15.5", 123.4: "123", 12345.0: "12,345", None: "-"}
    assert [figure(value) for value in shown] == list(shown.values())


def test_columns_are_aligned_and_figures_stand_right() -> None:
    assert aligned(["row", "µs"], [["a", "1"], ["long", "100"]]) == (
        "| row  |  µs |\n"
        "|------|----:|\n"
        "| a    |   1 |\n"
        "| long | 100 |\n"
    )


def test_a_row_shows_figures_ratio_and_target() -> None:
    text = comparison([result("http-keepalive", haproxy=[10, 10, 10], pyproxy=[9, 10, 8])])
    assert cells(text, 0) == ["row", "unit", "haproxy", "pyproxy", "pyproxy ÷ haproxy", "target"]
    assert cells(text, 2) == ["http-keepalive", "µs CPU/request", "10.0", "9.00", "0.90 (0.80-1.00)", "≤ 1.00 met"]


def test_a_missed_target_is_shown() -> None:
    assert cells(comparison([result("http-keepalive", haproxy=[10], pyproxy=[11])]), 2)[-1] == "≤ 1.00 missed"
    assert cells(comparison([result("idle", haproxy=[1], pyproxy=[4])]), 2)[-1] == "≤ 3 KiB missed"


def test_a_program_that_takes_no_part_or_failed_leaves_its_cell() -> None:
    failed = result("http-1m", haproxy=[10])
    failed.series["pyproxy"] = Series("pyproxy", failure="no answer")
    measured = [result("http-minimal", haproxy=[10], pyproxy=[10], nginx=[5]), failed]
    text = comparison(measured)
    assert cells(text, 3) == ["http-1m", "µs CPU/request", "10.0", "failed", "-", "-", "-", "≤ 0.60"]
    assert notes(measured) == ["http-1m: pyproxy failed: no answer"]


def test_disturbed_figures_are_marked_and_explained() -> None:
    noisy = RowResult(BY_NAME["http-minimal"], {"haproxy": Series("haproxy", [Measurement(10.0, others=0.3)])})
    assert cells(comparison([noisy]), 2)[2] == "10.0*"
    assert [line[0] for line in notes([noisy])] == ["*"]


def test_rates_and_memory() -> None:
    text = side_figures([result("http-minimal", haproxy=[10], pyproxy=[10])])
    assert cells(text, 0) == ["row", "haproxy /s", "pyproxy /s", "haproxy MiB", "pyproxy MiB"]
    assert cells(text, 2) == ["http-minimal", "1,000", "1,000", "1.00", "1.00"]


def test_growth_names_what_is_flat() -> None:
    sizes = {1: result("http-minimal", haproxy=[10], pyproxy=[10]), 1000: result("http-minimal", haproxy=[11], pyproxy=[20])}
    text = growth_table([Growth(BY_NAME["http-minimal"], "servers", sizes)], "servers")
    assert cells(text, 0) == ["row", "program", "1 servers", "1,000 servers", "growth"]
    assert cells(text, 2) == ["http-minimal", "haproxy", "10.0", "11.0", "+10% flat"]
    assert cells(text, 3) == ["http-minimal", "pyproxy", "10.0", "20.0", "+100%"]


def test_growth_without_one_of_its_sizes_has_no_verdict() -> None:
    sizes = {1: result("http-minimal", haproxy=[10]), 10: result("http-minimal", haproxy=[])}
    assert cells(growth_table([Growth(BY_NAME["http-minimal"], "servers", sizes)], "servers"), 2)[-1] == "-"
