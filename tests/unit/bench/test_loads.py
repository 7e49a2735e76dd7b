"""What wrk reports, and what counts as a failure."""

import pytest

from bench.loads import parse_report, served
from bench.programs import BenchError

REPORT = (b"Running 2s test\nBENCH requests=5000 duration_us=2000000 bytes=9 connect=1 read=2 write=3 status=4 timeout=5 "
          b"p50_us=900 p99_us=1800\n")


def test_a_report() -> None:
    load = parse_report(REPORT)
    assert (load.requests, load.rate, load.failures, load.p99_us) == (5000, 2500.0, 15, 1800)


def test_no_report_shows_what_wrk_said() -> None:
    with pytest.raises(BenchError, match="unable to connect"):
        parse_report(b"unable to connect to 127.0.0.1\n")


def test_the_servers_count() -> None:
    page = b"Active connections: 2 \nserver accepts handled requests\n 11 12 345 \nReading: 0 Writing: 1 Waiting: 1 \n"
    assert served(page) == 345
