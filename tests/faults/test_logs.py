"""Logs that nobody takes: the disk is full, the daemon is gone or does not read. Traffic goes on, each lost line is counted."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.crowd import Crowd
from tests.faults.figures import IS_SOAK, Judge
from tests.faults.programs import Program
from tests.soak.stage import Origin

pytestmark = pytest.mark.fault(14)
REQUESTS = 5000 if IS_SOAK else 600
LONG = "x" * 300                    # a pipe is full sooner
CONFIGURATION = """\
global
    nbthread 1
    maxconn 500
    stats socket {stats} mode 600 level admin
defaults
    mode http
    log {target} local0
    option httplog
    timeout connect 5s
    timeout client 300s
    timeout server 300s
listen site
    bind 127.0.0.1:{port}
    server a 127.0.0.1:{server}
listen quiet
    bind 127.0.0.1:{quiet}
    no log
    server a 127.0.0.1:{server}
"""


@pytest.fixture(scope="module")
def web() -> Iterator[Origin]:
    with Origin() as made:
        yield made


class Drain:
    """Where the lines go, and how many of them got there."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._kind = kind
        self._path = str(folder / "log")
        self.target, self.stdout = "stdout format raw", -1
        self._daemon: socket.socket | None = None
        self._read = -1
        if kind == "a full disk":
            self.stdout = os.open("/dev/full", os.O_WRONLY)
        elif kind == "a pipe nobody reads":
            self._read, self.stdout = os.pipe()
        else:
            self.target = self._path
            self._daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._daemon.bind(self._path)
            if kind == "a daemon that goes":
                self._daemon.settimeout(20)

    def strike(self) -> None:
        """Now it happens."""
        if self._kind == "a daemon that goes" and self._daemon is not None:
            self._daemon.close()
            os.unlink(self._path)

    def arrived(self) -> int:
        """Lines of requests that are there to be read, and are read now; those of events are others."""
        octets = b""
        if self._read >= 0:
            os.set_blocking(self._read, False)
            try:
                while more := os.read(self._read, 1 << 20):
                    octets += more
            except BlockingIOError:
                pass
        elif self._daemon is not None and self._daemon.fileno() >= 0:
            self._daemon.setblocking(False)
            try:
                while True:
                    octets += self._daemon.recv(65536)
            except BlockingIOError:
                pass
        return octets.count(b" site ")

    def close(self) -> None:
        for descriptor in (self._read, self.stdout):
            if descriptor >= 0:
                os.close(descriptor)
        if self._daemon is not None:
            self._daemon.close()


@pytest.mark.parametrize("what", ["a full disk", "a pipe nobody reads", "a daemon that does not read", "a daemon that goes"])
def test_lost_lines_cost_nothing_but_themselves(
    program: Program, judge: Judge, free_port: Callable[[], int], web: Origin, crowd: Callable[..., Crowd], tmp_path: Path,
    what: str,
) -> None:
    address, quiet, stats = ("127.0.0.1", free_port()), ("127.0.0.1", free_port()), tmp_path / "stats"
    drain = Drain(what, tmp_path)
    try:
        program.start(CONFIGURATION.format(stats=stats, target=drain.target, port=address[1], quiet=quiet[1], server=web.port),
                      **({"stdout": drain.stdout} if drain.stdout >= 0 else {}))

        def dropped() -> int:
            found = re.search(r"^DroppedLogs: (\d+)$", program.say(stats, "show info"), re.MULTILINE)
            assert found
            return int(found[1])

        without = crowd(quiet, keep=True, target=f"/{LONG}")
        without.await_more(REQUESTS)
        without.stop()
        drain.strike()
        drain.arrived()
        before = dropped()
        load = crowd(address, keep=True, target=f"/{LONG}")
        load.await_more(REQUESTS)
        load.stop()
        lost = dropped() - before
        arrived = drain.arrived()
    finally:
        drain.close()
    judge.none(f"{what}: requests that failed", load.failed, load.total)
    judge.in_time(f"{what}: p99 of requests",
                  load.p99_s() * 1000, max(20.0, 2 * without.p99_s() * 1000), "ms",
                  bound="≤ twice that without a log, or 20 ms")
    judge.all(f"{what}: lines that arrived or were counted as lost", lost + arrived, load.total)
    judge.tell(f"{what}: of which lost", str(lost))
    assert not judge.is_ours or lost > 0
