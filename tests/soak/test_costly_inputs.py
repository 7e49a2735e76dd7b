"""What costly inputs cost, and who notices: processor time for n and for 2n, a neighbour's wait, HAProxy's figures beside."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import procfs
from tests.e2e.conftest import Command, eventually
from tests.e2e.costly import PATIENCE_S, Input, Neighbour, Sink, exchange, inputs

PROGRAMS = ["pyproxy", "haproxy"]
SMALL, LARGE = inputs(2), inputs(4)
RATIO_MAX = 3.0             # 2 is linear, 4 quadratic
LEAST_S = 0.05              # of processor time: below, the clock's ticks (10 ms) are all one sees
WAIT_MAX_S = 0.1
CONFIG = """
global
    nbthread 1
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
frontend fe
    bind 127.0.0.1:{port}
    monitor-uri /monitor
    default_backend be
backend be
    server s1 127.0.0.1:{server}
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.close()


@pytest.fixture(params=PROGRAMS)
def proxy(
    request: pytest.FixtureRequest, sink: Sink, tmp_path: Path, free_port: Callable[[], int], peer: Callable[[str], str]
) -> Iterator[tuple[str, int, int]]:
    """(its name, its port, its pid) of a proxy before the sink."""
    port = free_port()
    file = tmp_path / "costly.cfg"
    file.write_text(CONFIG.format(port=port, server=sink.port))
    if request.param == "pyproxy":
        command = Command(tmp_path, "-f", str(file))
        yield request.param, port, command.pid
        command.stop()
        return
    process = subprocess.Popen([peer("haproxy"), "-f", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None, "HAProxy")
    yield request.param, port, process.pid
    process.kill()
    process.wait(PATIENCE_S)


def cpu_s(pid: int, port: int, costly: Input) -> float:
    """Processor time that one input takes a proxy."""
    before = procfs.cpu(procfs.tree(pid)).total_s
    exchange(("127.0.0.1", port), costly.pieces, costly.until)
    return procfs.cpu(procfs.tree(pid)).total_s - before


def worst_wait_s(port: int, costly: Input | None) -> float:
    """How long a neighbour has waited at most while that input was dealt with, or (None) nothing."""
    neighbour = Neighbour(("127.0.0.1", port))
    try:
        if costly is None:
            eventually(lambda: neighbour.served > 500, "500 answers")
        else:
            exchange(("127.0.0.1", port), costly.pieces, costly.until)
    finally:
        neighbour.stop()
    assert not neighbour.failure
    return neighbour.worst_s


@pytest.mark.peer("haproxy")
@pytest.mark.parametrize("name", SMALL)
def test_costly_input(name: str, proxy: tuple[str, int, int], figure: Callable[[str], None]) -> None:
    program, port, pid = proxy
    cpu_s(pid, port, inputs()[name])                        # what is made once
    small_s, large_s = cpu_s(pid, port, SMALL[name]), cpu_s(pid, port, LARGE[name])
    alone_s, wait_s = worst_wait_s(port, None), worst_wait_s(port, SMALL[name])
    figure(f"CPU {small_s * 1000:.0f} ms, twice as much: {large_s * 1000:.0f} ms; a neighbour waits {wait_s * 1000:.1f} ms,"
           f" alone {alone_s * 1000:.1f} ms")
    if program == "pyproxy":
        assert large_s < LEAST_S or large_s <= max(small_s, LEAST_S / 2) * RATIO_MAX
        assert wait_s <= WAIT_MAX_S + alone_s
