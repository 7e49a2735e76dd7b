"""Results come back as they were kept."""

import json
from pathlib import Path

import pytest

from bench.figures import Measurement, Series
from bench.results import as_json, from_json, save
from bench.rounds import Growth, RowResult
from bench.rows import BY_NAME


def test_kept_results_come_back() -> None:
    row = BY_NAME["http-keepalive"]
    series = {"haproxy": Series("haproxy", [Measurement(15.5, 1000, 60000.0, 4.7, 10.8, 0.01, 2)]),
              "pyproxy": Series("pyproxy", failure="no answer")}
    results = [RowResult(row, series)]
    growths = [Growth(row, "servers", {10: RowResult(row.sized(servers=10), series)})]
    stored = json.loads(json.dumps(as_json(results, growths, {"commit": "abc"})))
    assert from_json(stored) == (results, growths)
    assert stored["about"] == {"commit": "abc"}
    assert stored["rows"]["http-keepalive"]["programs"]["haproxy"]["median"] == 15.5


def test_rows_that_are_no_more_are_left_out() -> None:
    stored = as_json([RowResult(BY_NAME["idle"], {})], [], {})
    stored["rows"]["gone"] = stored["rows"]["idle"]
    assert [result.row.name for result in from_json(stored)[0]] == ["idle"]


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="format 99"):
        from_json({"format": 99})


def test_files_are_named_after_the_run(tmp_path: Path) -> None:
    file = save("mine", as_json([], [], {}), "<svg/>", tmp_path / "results")
    assert json.loads(file.read_text())["rows"] == {}
    assert sorted(path.name for path in file.parent.iterdir()) == ["mine.json", "mine.svg"]
