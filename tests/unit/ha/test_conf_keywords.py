"""Every row of keepalived.conf's keyword table proves itself: its examples load, or are warned about as they must."""

from __future__ import annotations

import pytest

from proxy.base.errors import Diagnostic
from proxy.ha.conf.keywords import TABLES
from proxy.ha.conf.keywords.row import Acts, Keyword, Table
from proxy.ha.conf.load import load

ROWS = [(table, row) for table in TABLES for row in table.rows]
LOADS = [(table, row, lines) for table, row in ROWS for lines in row.loads]
FAILS = [(table, row, lines) for table, row in ROWS for lines in row.fails]


def names(examples: list[tuple[Table, Keyword, str]]) -> list[str]:
    return [f"{table.name}: {lines}".replace("\n", " ; ") for table, _, lines in examples]


def found(table: Table, lines: str) -> list[Diagnostic]:
    """What is said about the example that is not said about the text around it."""
    around = {item.message for item in load(text=table.around.format(""))[0].diagnostics}
    return [item for item in load(text=table.around.format(lines))[0].diagnostics if item.message not in around]


@pytest.mark.parametrize(("table", "row", "lines"), LOADS, ids=names(LOADS))
def test_a_good_line_loads(table: Table, row: Keyword, lines: str) -> None:
    said = [item.message for item in found(table, lines)]
    if row.acts is Acts.YES:
        assert not said
    else:
        assert len(said) == 1, said
        assert row.word in said[0]


@pytest.mark.parametrize(("table", "row", "lines"), FAILS, ids=names(FAILS))
def test_a_bad_line_is_warned_about(table: Table, row: Keyword, lines: str) -> None:
    said = found(table, lines)
    assert said, "nothing was said"
    for item in said:
        assert item.where.line, item.message
        assert item.where.column, item.message
        assert "Traceback" not in item.message
    assert any(item.hint for item in said), [item.message for item in said]


@pytest.mark.parametrize(("table", "row"), ROWS, ids=[f"{table.name}: {row.word}" for table, row in ROWS])
def test_a_row_proves_itself(table: Table, row: Keyword) -> None:
    assert row.loads or row.word == "nb_get_retry"
    assert row.fails or row.acts is not Acts.YES
    assert (row.acts is Acts.YES) or row.instead
