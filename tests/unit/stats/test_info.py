"""The process in numbers."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from proxy.runtime.cells import CONN_RATE_AT, INDEX
from proxy.stats.info import INFO_FIELDS, LoadMeter, ProcessReading, info_values, uptime_text

# "show info typed" of HAProxy 2.6.12: position, name, tags and type of every line; behind them what later versions have
LATER = ["72.BlockedTrafficWarnings.1:MCP:u32"]
GOLDEN = (Path(__file__).with_name("golden_2_6_info.txt")).read_text().splitlines()


def test_lines_are_haproxys(lab: Any, process: Any) -> None:
    now = ProcessReading(process, lab.NOW_MS, LoadMeter())
    ours = [f"{position}.{entry.name}.1:{entry.tags}:{entry.type}" for position, entry, _ in info_values(now)]
    assert ours == GOLDEN + LATER


def test_values(lab: Any, process: Any) -> None:
    process.settings = SimpleNamespace(maxconnrate=7)
    process.served = 5
    lab.count(process.frontend("web"), conn_tot=16, req_tot=20, bout=2090)
    row = process.frontend("web").counters
    row[CONN_RATE_AT], row[CONN_RATE_AT + 1] = lab.NOW_MS // 1000, 9
    lab.count(process.frontend("web"), conn_rate_max=12)
    values = {entry.name: value for _, entry, value in info_values(ProcessReading(process, lab.NOW_MS, LoadMeter(lambda: 3)))}
    expected = {
        "Pid": 4242, "Uptime": "0d 0h00m08s", "Uptime_sec": 8, "Maxconn": 200, "CurrConns": 5, "CumConns": 16, "CumReq": 20,
        "ConnRate": 9, "MaxConnRate": 12, "ConnRateLimit": 7, "SessRateLimit": 0, "node": "lab", "Stopping": 0, "Listeners": 3,
        "DroppedLogs": 3, "TotalBytesOut": 2090,
    }
    assert {name: values[name] for name in expected} == expected


def test_no_description_no_line(lab: Any, process: Any) -> None:
    process.description = ""
    names = [entry.name for _, entry, _ in info_values(ProcessReading(process, lab.NOW_MS, LoadMeter()))]
    assert "description" not in names
    assert len(names) == len(INFO_FIELDS) - 3


def test_totals_are_over_all_workers(lab: Any) -> None:
    process = lab.Process()
    frontend = lab.add_frontend(process, "web", 2, 80)
    keys = [lab.PROCESS_ROW, lab.RowKey("frontend", "web")]
    process.board = lab.Board(keys, columns=3)
    for column in range(3):
        row = process.board.row(keys[1], column)
        row[INDEX["conn_tot"]] = 10
        process.board.row(keys[0], column)[INDEX["conn_cur"]] = 2
        row[CONN_RATE_AT], row[CONN_RATE_AT + 1] = lab.NOW_MS // 1000 - (column == 2) * 50, 4
    frontend.counters = process.board.row(keys[1], 0)
    now = ProcessReading(process, lab.NOW_MS, LoadMeter())
    assert (now.connections_total, now.connections, now.conn_rate) == (30, 6, 8)


def test_meter_measures_over_a_second_or_more() -> None:
    meter = LoadMeter()
    meter.look(1000, 0)
    meter.look(1500, 10_000)
    assert (meter.idle_percent, meter.octets_per_s) == (100, 0)
    meter.look(3000, 10_000)
    assert meter.octets_per_s == 5000
    assert 0 <= meter.idle_percent <= 100


@pytest.mark.parametrize(("seconds", "text"), [(7, "0d 0h00m07s"), (59, "0d 0h00m59s"), (90_061, "1d 1h01m01s")])
def test_uptime(seconds: int, text: str) -> None:
    assert uptime_text(seconds) == text
    assert re.fullmatch(r"\d+d \d+h\d\dm\d\ds", text)
