"""Where a run happens: the cores, a temporary folder, the servers behind the proxies, a syslog that listens."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from bench.configurations import STREAM_MODULE, Ports, haproxy_cfg, nginx_conf, origin_conf
from bench.programs import (
    BenchError,
    Cores,
    Program,
    Running,
    allow_many_files,
    find,
    free_port,
    pinned,
    proxy_environment,
    share_out,
)
from bench.rows import Row

BODIES = {"small": 612, "16k": 16384, "64k": 65536, "1m": 1048576}
DESCRIPTORS_LEFT = 1000
ALONE_S = 3600.0


@dataclass(slots=True)
class Stage:
    """What all measurements of a run share."""

    folder: Path
    cores: Cores
    origin_port: int
    syslog: socket.socket
    files: int

    def ports(self) -> Ports:
        """A new port for a proxy, beside the ports of what is there already."""
        return Ports(free_port(), self.origin_port, self.syslog.getsockname()[1])

    def maxconn(self, row: Row) -> int:
        """The most connections a proxy may take with the descriptors there are: two each, and two for each server's check."""
        return (self.files - DESCRIPTORS_LEFT) // 2 - row.servers

    def write(self, program: Program, row: Row, ports: Ports) -> Path:
        """The configuration file of a program for a row."""
        file = Path(tempfile.mkstemp(prefix=f"{program.name}-", suffix=".cfg", dir=self.folder)[1])
        if program.flavour == "nginx":
            if row.mode == "tcp" and not STREAM_MODULE.exists():
                raise BenchError("nginx has no stream module here (libnginx-mod-stream)")
            file.write_text(nginx_conf(row, ports, self._state(program), self.files - DESCRIPTORS_LEFT))
        else:
            file.write_text(haproxy_cfg(row, ports, self.maxconn(row), program.bufsize))
        return file

    def start(self, program: Program, file: Path) -> Running:
        """A proxy on its core."""
        words = ["-p", str(self._state(program)), "-c", str(file)] if program.flavour == "nginx" else ["-f", str(file), "-db"]
        return Running(program.name, [*program.command, *words], self.cores.proxy, self.folder,
                       proxy_environment(program, self.folder))

    @contextlib.contextmanager
    def running(self, program: Program, row: Row) -> Iterator[tuple[Running, Ports]]:
        """A proxy that listens, ended afterwards."""
        ports = self.ports()
        process = self.start(program, self.write(program, row, ports))
        try:
            process.wait_for(ports.proxy)
            yield process, ports
        finally:
            process.stop()

    def log_lines(self) -> int:
        """How many datagrams the syslog still holds; they are dropped."""
        count = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                self.syslog.recv(65536)
                count += 1
        return count

    def _state(self, program: Program) -> Path:
        folder = self.folder / f"{program.name}.state"
        folder.mkdir(exist_ok=True)
        return folder


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind like Ctrl-C, so that what was started is ended."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)


@contextlib.contextmanager
def alone(say: Callable[[str], None]) -> Iterator[None]:
    """Only one at a time on a machine: wait for another to end.

    Raises: BenchError when it does not within ALONE_S.
    """
    deadline = time.monotonic() + ALONE_S
    told = False
    with socket.socket(socket.AF_UNIX) as taken:
        while True:
            try:
                taken.bind("\0pyproxy-bench")          # an abstract name: it goes when its process goes
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise BenchError("another bench is still at work here") from None
            if not told:
                say("another bench is at work here: waiting for it to end")
                told = True
            time.sleep(1)
        yield


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """A stage with its servers running; nothing of it is left afterwards.

    Raises: BenchError.
    """
    cores = share_out(os.sched_getaffinity(0))
    folder = Path(tempfile.mkdtemp(prefix="pyproxy-bench-"))
    with contextlib.ExitStack() as open_parts:
        open_parts.callback(shutil.rmtree, folder, ignore_errors=True)
        open_parts.enter_context(ended_by_signals())
        open_parts.enter_context(pinned(cores.rest))
        syslog = open_parts.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        syslog.bind(("127.0.0.1", 0))
        syslog.setblocking(False)
        prepared = Stage(folder, cores, free_port(), syslog, allow_many_files())
        origin = _start_origin(prepared)
        open_parts.callback(origin.stop)
        origin.wait_for(prepared.origin_port)
        yield prepared


def _start_origin(prepared: Stage) -> Running:
    site, state = prepared.folder / "site", prepared.folder / "origin.state"
    site.mkdir()
    state.mkdir()
    for name, size in BODIES.items():
        (site / name).write_bytes((b"0123456789abcdef" * (size // 16 + 1))[:size])
    file = prepared.folder / "origin.conf"
    file.write_text(origin_conf(prepared.ports(), state, site, prepared.files - DESCRIPTORS_LEFT))
    return Running("origin", [find("nginx"), "-p", str(state), "-c", str(file)], prepared.cores.rest, prepared.folder)
