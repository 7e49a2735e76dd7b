"""Memory stays where it is: after hundreds of thousands of requests, with logs nobody reads."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.soak.loads import drive, on_kept_connections, on_new_connections
from tests.soak.stage import Stage

REQUESTS = int(os.environ.get("PYPROXY_SOAK_REQUESTS", "200000"))
WARM_UP = min(20_000, REQUESTS)
CONNECTIONS = 32
KIB, MIB = 1 << 10, 1 << 20
RUNS = [
    ("keep-alive", "none"), ("keep-alive", "read"), ("keep-alive", "unread"), ("keep-alive", "full"), ("keep-alive", "pipe"),
    ("keep-alive", "gone"), ("close", "none"), ("close", "full"), ("tcp", "none"), ("tcp", "unread"), ("tcp", "gone"),
]


@pytest.fixture
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where log lines go: to a syslog daemon that reads them (`read`), to a UDP port nobody reads, to a unix socket that is full,
    to a pipe that is full, to a unix socket that is gone."""
    kind = request.param
    if kind in ("none", "pipe"):
        yield "" if kind == "none" else "stdout format raw"
        return
    path = str(tmp_path / "log")
    family = socket.AF_INET if kind in ("read", "unread") else socket.AF_UNIX
    with socket.socket(family, socket.SOCK_DGRAM) as daemon:
        daemon.bind(path if family == socket.AF_UNIX else ("127.0.0.1", 0))
        if kind == "gone":
            daemon.close()
            os.unlink(path)
        yield path if family == socket.AF_UNIX else f"127.0.0.1:{daemon.getsockname()[1]}"


def work(stage: Stage, kind: str, requests: int) -> None:
    if kind == "keep-alive":
        drive(on_kept_connections(stage.port, requests, CONNECTIONS))
    else:
        drive(on_new_connections(stage.port, requests, CONNECTIONS, closes=kind == "tcp"))


@pytest.mark.parametrize(("kind", "log"), RUNS, indirect=["log"])
def test_requests_leave_nothing_behind(stage: Stage, kind: str, log: str, figure: Callable[[str], None]) -> None:
    stage.start("tcp" if kind == "tcp" else "http", *(["option httpclose"] if kind == "close" else []), log=log)
    work(stage, kind, WARM_UP)
    before = stage.rss_octets()
    work(stage, kind, REQUESTS)
    grown = stage.rss_octets() - before
    figure(f"{REQUESTS} requests: {grown / KIB:+.0f} KiB on {before / MIB:.1f} MiB")
    assert grown <= MIB
