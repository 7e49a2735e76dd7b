"""What is logged and how loudly, as observed on haproxy 2.6.12 for the same streams."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.base.syslog import ERR, INFO
from proxy.core.logformat import wanted
from tests.unit.core.logformat.sample_records import bad_request, record

# facts of a stream -> does haproxy call it anomalous
STREAMS: list[tuple[str, dict[str, Any], bool]] = [
    ("answered", {}, False),
    ("404 by the server", {"status": 404}, False),
    ("500 by the server", {"status": 500}, True),
    ("501 by the server", {"status": 501}, True),
    ("redirected", {"status": 302, "termination": b"LR--"}, False),
    ("stats page", {"termination": b"LR--", "server": None, "server_name": "<STATS>"}, False),
    ("denied", {"status": 403, "termination": b"PR--"}, True),
    ("no server", {"status": 503, "termination": b"SC--"}, True),
    ("server too slow", {"status": 504, "termination": b"sH--"}, True),
    ("cut by the server", {"termination": b"sD--"}, True),
    ("cut by the client", {"termination": b"CD--"}, True),
    ("retried", {"retries": 1}, True),
    ("redispatched", {"retries": 1, "redispatched": True}, True),
    ("said to be an error", {"is_error": True}, True),
    ("tcp", {"status": 0, "termination": b"--"}, False),
    ("tcp, client timeout", {"status": 0, "termination": b"cD"}, True),
]


@pytest.mark.parametrize(("name", "facts", "anomalous"), STREAMS)
@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("dontlog_normal", [False, True])
def test_options_that_look_at_how_a_stream_ended(name: str, facts: dict[str, Any], anomalous: bool, separate: bool,
                                                 dontlog_normal: bool) -> None:
    made = record(**facts)
    made.frontend.log_separate_errors, made.frontend.dontlog_normal = separate, dontlog_normal
    expected = None if dontlog_normal and not anomalous else ERR if separate and anomalous else INFO
    assert wanted(made, made.frontend) == expected


@pytest.mark.parametrize(("octets_in", "level"), [(0, None), (1, INFO)])
def test_dontlognull_asks_only_whether_the_client_sent_anything(octets_in: int, level: int | None) -> None:
    for made in (record(octets_in=octets_in), bad_request(octets_in=octets_in, termination=b"cR--", status=408)):
        assert wanted(made, made.frontend) == INFO
        made.frontend.dontlognull = True
        assert wanted(made, made.frontend) == level


def test_what_was_no_request_is_an_anomaly() -> None:
    made = bad_request(octets_in=5, termination=b"----", status=0)
    made.frontend.log_separate_errors = True
    assert wanted(made, made.frontend) == ERR
