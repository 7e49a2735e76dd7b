"""The CSV against one that HAProxy 2.6.12 gave for the same proxies."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from proxy.stats.csv_output import csv_chunks, csv_text
from proxy.stats.snapshot import Selection, batches

GOLDEN = (Path(__file__).with_name("golden_2_6.csv")).read_text().splitlines()
COLUMNS = GOLDEN[0].removeprefix("# ").split(",")
# what does not depend on time or traffic
STEADY = (
    "pxname", "svname", "qcur", "slim", "status", "weight", "act", "bck", "chkfail", "chkdown", "lastchg", "qlimit", "pid", "iid",
    "sid", "throttle", "tracked", "type", "rate_lim", "check_status", "check_code", "check_duration", "last_chk", "check_desc",
    "check_rise", "check_fall", "check_health", "agent_status", "addr", "cookie", "mode", "algo", "src_ilim", "uweight", "-",
    "agg_server_status", "hanafail", "ssl_sess", "h2_open_connections", "h1_spliced_bytes_in",
)


def rows_of(text: str) -> dict[tuple[str, str], list[str]]:
    return {(row[0], row[1]): row for row in csv.reader(text.splitlines()) if not row[0].startswith("#")}


GOLDEN_ROWS = rows_of("\n".join(GOLDEN))


@pytest.fixture
def ours(process: Any, lab: Any) -> str:
    return b"".join(csv_chunks(batches(process, lab.NOW_MS, Selection()))).decode()


def test_header_is_haproxys(ours: str) -> None:
    assert ours.splitlines()[0] == GOLDEN[0]


def test_rows_come_in_haproxys_order(ours: str) -> None:
    assert list(rows_of(ours)) == list(GOLDEN_ROWS)


@pytest.mark.parametrize("key", GOLDEN_ROWS, ids="/".join)
def test_fields_apply_where_haproxys_do(key: tuple[str, str], ours: str) -> None:
    mine, theirs = rows_of(ours)[key], GOLDEN_ROWS[key]
    assert len(mine) == len(theirs)
    filled = {name for name, value in zip(COLUMNS, mine, strict=True) if value}
    assert filled == {name for name, value in zip(COLUMNS, theirs, strict=True) if value}


@pytest.mark.parametrize("key", GOLDEN_ROWS, ids="/".join)
def test_steady_fields_have_haproxys_values(key: tuple[str, str], ours: str) -> None:
    mine, theirs = rows_of(ours)[key], GOLDEN_ROWS[key]
    for name in STEADY:
        at = COLUMNS.index(name)
        assert mine[at] == theirs[at], name


def test_counters_are_the_boards(ours: str) -> None:
    row = dict(zip(COLUMNS, rows_of(ours)["web", "FRONTEND"], strict=True))
    assert [row[name] for name in ("stot", "bin", "bout", "dreq", "ereq", "hrsp_2xx")] == ["16", "530", "2090", "1", "3", "7"]


@pytest.mark.parametrize(("value", "text"), [
    (None, ""), (0, "0"), (-1, "-1"), ("plain", "plain"), ('a"b', '"a""b"'), ("a,b", '"a,b"'), ("two\r\nlines", "two  lines"),
])
def test_text_is_quoted_only_where_it_must_be(value: str | int | None, text: str) -> None:
    assert csv_text(value) == text


def test_server_text_cannot_make_a_line(process: Any, lab: Any) -> None:
    lab.checked(process.server("app", "s1"), "L7OK", 200, 1, 'x"\n,evil,row')
    text = b"".join(csv_chunks(batches(process, lab.NOW_MS, Selection()))).decode()
    assert len(text.splitlines()) == len(GOLDEN)
    assert rows_of(text)["app", "s1"][COLUMNS.index("last_chk")] == 'x" ,evil,row'
