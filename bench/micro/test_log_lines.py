"""What one log line costs: formatting alone, and formatted, enveloped and sent over loopback.

    pytest bench/micro/test_log_lines.py --benchmark-columns=min,median --benchmark-sort=name
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.base.addresses import Address, Family
from proxy.base.clock import SystemClock
from proxy.base.log_format_text import CLF, HTTPLOG, TCPLOG, parse_log_format
from proxy.core.logformat import Site, compile_items, template_line
from proxy.engine.log_outlets import Outlets
from proxy.engine.logsink import LogSink
from proxy.runtime.log import LogRecord
from proxy.runtime.log_plan import LogDestination, LogPlan
from tests.unit.core.logformat.sample_records import record

TEXTS = {"http": HTTPLOG, "tcp": TCPLOG, "clf": CLF}


@pytest.fixture
def stream() -> LogRecord:
    return record(captured_request_headers=[b"www.example.com"], captured_response_headers=[b"nginx/1.22.1"],
                  target=b"/some/page.html?with=a&query=too")


@pytest.mark.parametrize("name", TEXTS)
def test_format(benchmark: Any, stream: LogRecord, name: str) -> None:
    """What a stream's line costs as it is."""
    benchmark(compile_items(parse_log_format(TEXTS[name], http=True).items, Site()).line, stream)


@pytest.mark.parametrize("name", TEXTS)
def test_format_as_any_custom_one(benchmark: Any, stream: LogRecord, name: str) -> None:
    """What it costs when the text is not one that is spelled out."""
    benchmark(template_line(parse_log_format(TEXTS[name], http=True).items, Site()), stream)


@pytest.fixture
def outlets() -> Iterator[Outlets]:
    made = Outlets()
    yield made
    made.close()


@pytest.mark.parametrize("envelope", ["local", "rfc5424"])
@pytest.mark.parametrize("name", TEXTS)
def test_send(benchmark: Any, stream: LogRecord, outlets: Outlets, name: str, envelope: str) -> None:
    """The whole way to a daemon on loopback that does not read: its queue is full, so the kernel drops."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        target = LogDestination(Address(Family.IPV4, "127.0.0.1", daemon.getsockname()[1]), 16, 7, 0, 1024, envelope)
        plan = LogPlan((target,), parse_log_format(TEXTS[name], http=True).items)
        benchmark(LogSink(plan, SystemClock(), 1, outlets).record, stream)
