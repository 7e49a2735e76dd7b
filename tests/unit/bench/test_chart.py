"""The chart: well-formed, to scale, in the right colours."""

import xml.etree.ElementTree as ElementTree

from bench.chart import COLOURS, Bar, bars, longest, svg
from bench.figures import Measurement, Ratio, Series
from bench.rounds import RowResult
from bench.rows import BY_NAME

SVG = "{http://www.w3.org/2000/svg}"


def test_lengths_are_to_scale_and_long_bars_are_cut() -> None:
    drawn = [Bar("a", Ratio(1.0, 0.9, 1.1), 1.0), Bar("b", Ratio(0.5, 0.5, 0.5), None), Bar("c", Ratio(50.0, 50.0, 50.0), 1.0)]
    rectangles = ElementTree.fromstring(svg(drawn, "a < b")).findall(f"{SVG}rect")
    widths = [float(rectangle.attrib["width"]) for rectangle in rectangles]
    assert abs(widths[1] * 2 - widths[0]) < 0.3
    assert abs(widths[2] - widths[0] * 6) < 0.6
    assert [rectangle.attrib["fill"] for rectangle in rectangles] == [COLOURS["met"], COLOURS[""], COLOURS["missed"]]


def test_the_scale_holds_every_median() -> None:
    assert longest([]) == 1.5
    assert longest([Bar("a", Ratio(1.5, 1, 9), None)]) == 1.5
    assert longest([Bar("a", Ratio(1.51, 1, 2), None)]) == 2.0
    assert longest([Bar("a", Ratio(40, 1, 2), None)]) == 6.0


def test_only_rows_that_both_did_under_load() -> None:
    one = Series("haproxy", [Measurement(10.0)])
    results = [RowResult(BY_NAME["http-minimal"], {"haproxy": one, "pyproxy": Series("pyproxy", [Measurement(20.0)])}),
               RowResult(BY_NAME["http-close"], {"haproxy": one, "pyproxy": Series("pyproxy", failure="no")}),
               RowResult(BY_NAME["start"], {"haproxy": one, "pyproxy": one})]
    assert [(bar.label, bar.compared.middle) for bar in bars(results)] == [("http-minimal", 2.0)]
