"""Counting: what a session, a stream and a server connection leave on the board.

Rows count as HAProxy's columns do (management guide, section 9.1). A row is what `Counted.cells` gives; where a peak is concerned
its owner is asked for, because a peak is that of all workers together.
"""

from __future__ import annotations

from typing import Any

from proxy.runtime import averages, rates
from proxy.runtime.cells import (
    CONN_CUR,
    CONN_MAX,
    CONN_RATE_AT,
    CONN_RATE_MAX,
    CONN_TOT,
    CTIME_MAX,
    CTIME_SUM,
    HRSP_1XX,
    HRSP_OTHER,
    LASTSESS_MS,
    QTIME_MAX,
    QTIME_SUM,
    RATE_AT,
    RATE_MAX,
    REQ_RATE_AT,
    REQ_RATE_MAX,
    REQ_TOT,
    RTIME_MAX,
    RTIME_SUM,
    STOT,
    TIME_SAMPLES,
    TTIME_MAX,
    TTIME_SUM,
)
from proxy.runtime.counted import Counted


def connection_opened(counted: Counted, now_ms: int) -> None:
    """A client connection was accepted by a frontend."""
    row = counted.cells
    row[CONN_TOT] += 1
    rates.rate_add(counted, CONN_RATE_AT, CONN_RATE_MAX, now_ms)
    counted.grow(CONN_CUR, CONN_MAX, row[CONN_CUR] + 1)


def session_opened(counted: Counted, now_ms: int) -> None:
    """A session began on a frontend or a listener."""
    counted.cells[STOT] += 1
    rates.rate_add(counted, RATE_AT, RATE_MAX, now_ms)


def stream_given(counted: Counted, now_ms: int) -> None:
    """A backend was given a stream, or a server: anew or over an idle connection."""
    row = counted.cells
    row[STOT] += 1
    row[LASTSESS_MS] = now_ms
    rates.rate_add(counted, RATE_AT, RATE_MAX, now_ms)


def request_received(counted: Counted, now_ms: int) -> None:
    """A whole request head came, good or bad."""
    counted.cells[REQ_TOT] += 1
    rates.rate_add(counted, REQ_RATE_AT, REQ_RATE_MAX, now_ms)


def response_cell(status: int) -> int:
    """Where final responses with this status are counted."""
    return HRSP_1XX + status // 100 - 1 if 100 <= status < 600 else HRSP_OTHER


def response_counted(row: Any, status: int) -> None:
    """A final response left with this status."""
    row[response_cell(status)] += 1


def times_counted(row: Any, queue_ms: int, connect_ms: int, response_ms: int, total_ms: int) -> None:
    """The times of a finished stream that reached a server; negative ones were not measured."""
    samples = row[TIME_SAMPLES] + 1
    row[TIME_SAMPLES] = samples
    # nothing is added to nothing, and nearly all queues are empty
    if queue_ms > 0 or row[QTIME_SUM]:
        averages.average_add(row, QTIME_SUM, QTIME_MAX, samples, queue_ms)
    if connect_ms > 0 or row[CTIME_SUM]:
        averages.average_add(row, CTIME_SUM, CTIME_MAX, samples, connect_ms)
    if response_ms > 0 or row[RTIME_SUM]:
        averages.average_add(row, RTIME_SUM, RTIME_MAX, samples, response_ms)
    if total_ms > 0 or row[TTIME_SUM]:
        averages.average_add(row, TTIME_SUM, TTIME_MAX, samples, total_ms)
