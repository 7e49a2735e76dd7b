"""One figure of one turn, for each kind of row."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import procfs
from bench.configurations import long_cfg
from bench.figures import Measurement
from bench.loads import counting, drive, driving, first_answer, held
from bench.programs import START_S, BenchError, Program, Running, proxy_environment
from bench.rows import Kind, Row
from bench.stage import Stage

CHECK_INTERVAL_S = 1.0
CONFIG_S = 120.0
MANY = 1000             # connections


class Watch:
    """What a process tree used between two moments, and how much of its core others used meanwhile."""

    def __init__(self, pid: int, core: int) -> None:
        self.pids = procfs.tree(pid)
        self.core = core
        self.began_s, self.busy_s, self.used = time.monotonic(), procfs.busy_s(core), procfs.cpu(self.pids)

    def spent(self) -> tuple[procfs.Cpu, float, float]:
        """CPU since, seconds since, others' share of the core."""
        used = procfs.cpu(self.pids) - self.used
        busy, lasted = procfs.busy_s(self.core) - self.busy_s, time.monotonic() - self.began_s
        return used, lasted, max(0.0, (busy - used.total_s) / lasted)


def measure_load(stage: Stage, row: Row, running: Running, port: int, seconds: int) -> Measurement:
    """CPU per request under load.

    Raises: BenchError when requests fail, or a row that logs sent no line.
    """
    if row.connections >= MANY:
        return measure_settled(stage, row, running, port, seconds)
    watch = Watch(running.pid, min(stage.cores.proxy))
    load = drive(row, port, seconds, stage.cores.rest)
    used, _lasted, others = watch.spent()
    if row.syslog and stage.log_lines() == 0:
        raise BenchError("no log line arrived")
    each_us = 1e6 / load.requests
    return Measurement(used.total_s * each_us, procfs.rss_bytes(watch.pids), load.rate, used.user_s * each_us,
                       used.kernel_s * each_us, others, load.failures)


def measure_settled(stage: Stage, row: Row, running: Running, port: int, seconds: int) -> Measurement:
    """CPU per request once so many connections are open that opening them costs more than a little; the servers count requests.

    Raises: BenchError when requests fail.
    """
    opening_s = 1 + row.connections // 1000
    with (counting(stage.origin_port) as requests_served,
          driving(row, port, opening_s + seconds + 1, stage.cores.rest) as ended):
        time.sleep(opening_s)
        watch, before = Watch(running.pid, min(stage.cores.proxy)), requests_served()
        time.sleep(seconds)
        used, lasted, others = watch.spent()
        done = requests_served() - before - 1
        load = ended()
    if done <= 0:
        raise BenchError("no answers once all connections were open")
    each_us = 1e6 / done
    return Measurement(used.total_s * each_us, procfs.rss_bytes(watch.pids), done / lasted, used.user_s * each_us,
                       used.kernel_s * each_us, others, load.failures)


def measure_idle(stage: Stage, row: Row, program: Program, seconds: int) -> Measurement:
    """Memory per connection: a used proxy before and after the row's number of connections."""
    del seconds
    with stage.running(program, row) as (running, ports):
        drive(row.sized(connections=32), ports.proxy, 1, stage.cores.rest)
        pids = procfs.tree(running.pid)
        before = procfs.rss_bytes(pids)
        with held(ports.proxy, row.connections):
            after = procfs.rss_bytes(pids)
        return Measurement((after - before) / row.connections / 1024, after)


def measure_checks(stage: Stage, row: Row, program: Program, seconds: int) -> Measurement:
    """CPU per health check, once all servers have been checked."""
    with stage.running(program, row) as (running, ports):
        time.sleep(3 * CHECK_INTERVAL_S)
        first_answer(ports.proxy, time.monotonic() + START_S)
        watch = Watch(running.pid, min(stage.cores.proxy))
        time.sleep(max(2, seconds) * CHECK_INTERVAL_S)
        used, lasted, others = watch.spent()
        each_us = 1e6 / (row.servers * lasted / CHECK_INTERVAL_S)
        return Measurement(used.total_s * each_us, procfs.rss_bytes(watch.pids), row.servers / CHECK_INTERVAL_S,
                           used.user_s * each_us, used.kernel_s * each_us, others)


def measure_config(stage: Stage, row: Row, program: Program, seconds: int) -> Measurement:
    """CPU to check a long configuration, and the most memory it took."""
    del row, seconds
    file = Path(stage.folder, "long.cfg")
    file.write_text(long_cfg(stage.ports().proxy))
    watched = procfs.busy_s(min(stage.cores.proxy))
    began = time.monotonic()
    running = Running(program.name, [*program.command, "-c", "-q", "-f", str(file)], stage.cores.proxy, stage.folder,
                      proxy_environment(program, stage.folder))
    peak = 0
    try:
        while (ended := os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)) is None:
            peak = max(peak, procfs.peak_rss_bytes(running.pid))
            if time.monotonic() - began > CONFIG_S:
                raise BenchError(f"not read within {CONFIG_S:g} s")
            time.sleep(0.002)
        used = procfs.cpu([running.pid])        # a process that nobody waited for yet still shows its times
        lasted, busy = time.monotonic() - began, procfs.busy_s(min(stage.cores.proxy)) - watched
        if ended.si_status != 0:
            raise BenchError(f"status {ended.si_status}: {running.messages()}")
    finally:
        running.stop()
    return Measurement(used.total_s * 1000, peak, None, used.user_s * 1000, used.kernel_s * 1000,
                       max(0.0, (busy - used.total_s) / lasted))


def measure_start(stage: Stage, row: Row, program: Program, seconds: int) -> Measurement:
    """Time from exec to the first answered request."""
    del seconds
    ports = stage.ports()
    file = stage.write(program, row, ports)
    busy, began = procfs.busy_s(min(stage.cores.proxy)), time.monotonic()
    running = stage.start(program, file)
    try:
        first_answer(ports.proxy, began + START_S)
        lasted = time.monotonic() - began
        pids = procfs.tree(running.pid)
        others = max(0.0, procfs.busy_s(min(stage.cores.proxy)) - busy - procfs.cpu(pids).total_s) / lasted
        return Measurement(lasted * 1000, procfs.rss_bytes(pids), others=others)
    finally:
        running.stop()


FRESH: dict[Kind, Callable[[Stage, Row, Program, int], Measurement]] = {
    Kind.IDLE: measure_idle,
    Kind.CHECKS: measure_checks,
    Kind.CONFIG: measure_config,
    Kind.START: measure_start,
}

Turn = Callable[[], Measurement]


@contextlib.contextmanager
def turns_of(stage: Stage, row: Row, program: Program, seconds: int, warm_up_s: int) -> Iterator[Turn]:
    """What to call for each turn of a program in a row: a proxy that stays and is warm under load, a fresh one otherwise.

    Raises: BenchError.
    """
    if row.kind is not Kind.LOAD:
        if row.kind in (Kind.START, Kind.CONFIG):
            FRESH[row.kind](stage, row, program, seconds)           # files in the page cache, bytecode written
        yield lambda: FRESH[row.kind](stage, row, program, seconds)
        return
    with stage.running(program, row) as (running, ports):
        drive(row, ports.proxy, warm_up_s, stage.cores.rest)
        yield lambda: measure_load(stage, row, running, ports.proxy, seconds)
