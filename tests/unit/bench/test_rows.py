"""The table of rows agrees with the files and with the issue's names."""

import pytest

from bench.loads import SCRIPTS
from bench.rows import BY_NAME, GROWTH_ROWS, ROWS, Kind, chosen


def test_all_rows_are_there_once() -> None:
    assert [row.name for row in ROWS] == [
        "http-keepalive", "http-minimal", "http-log", "http-close", "http-64k", "http-1m", "http-upload-1m", "http-chunked",
        "tcp-small", "tcp-64k", "tcp-1m", "tcp-connect", "idle", "checks", "config", "start"]


def test_scripts_exist() -> None:
    assert all((SCRIPTS / row.script).is_file() for row in ROWS)


def test_rows_are_chosen_in_the_order_of_the_table() -> None:
    assert [row.name for row in chosen("tcp-small, http-keepalive")] == ["http-keepalive", "tcp-small"]
    assert chosen("") == ROWS


def test_an_unknown_row_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no row is called http-fast; there are http-keepalive"):
        chosen("http-fast,idle")


def test_growth_varies_one_number() -> None:
    row = BY_NAME[GROWTH_ROWS[0]]
    assert (row.sized(servers=1000).servers, row.sized(servers=1000).connections) == (1000, row.connections)
    assert all(BY_NAME[name].kind is Kind.LOAD for name in GROWTH_ROWS)
