"""System calls a request costs, counted by strace while wrk runs."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Sequence

from bench.loads import drive
from bench.programs import BenchError, Program, Running, find, pinned
from bench.rounds import programs_for
from bench.rows import Row
from bench.stage import Stage
from bench.table import aligned, figure

# % time, seconds, usecs/call, calls, errors (or blanks), name
LINE = re.compile(r"^\s*[0-9.]+\s+[0-9.]+\s+[0-9]+\s+([0-9]+)\s+(?:[0-9]+\s+)?([a-z_0-9]+)$", re.MULTILINE)
ATTACH_S = 5.0


def counts(summary: str) -> dict[str, int]:
    """How often each call was made, from the table that `strace -c` prints."""
    return {name: int(calls) for calls, name in LINE.findall(summary) if name != "total"}


def per_request(calls: dict[str, dict[str, float]]) -> str:
    """The table: a line a system call, a column a program, the sum first, then the most frequent."""
    programs = list(calls)
    names = sorted({name for found in calls.values() for name in found},
                   key=lambda name: (-max(found.get(name, 0.0) for found in calls.values()), name))
    lines = [["all", *(figure(sum(calls[program].values())) for program in programs)]]
    lines += [[name, *(figure(calls[program].get(name)) for program in programs)] for name in names
              if max(found.get(name, 0.0) for found in calls.values()) >= 0.005]
    return aligned(["system call", *programs], lines)


def syscalls_of(stage: Stage, row: Row, programs: Sequence[Program], seconds: int) -> str:
    """The table of a row.

    Raises: BenchError.
    """
    found: dict[str, dict[str, float]] = {}
    for program in programs_for(row, programs):
        with stage.running(program, row) as (running, ports):
            drive(row, ports.proxy, 1 + row.connections // 1000, stage.cores.rest)
            with pinned(stage.cores.rest):
                tracer = subprocess.Popen([find("strace"), "-c", "-f", "-p", str(running.pid)], stdin=subprocess.DEVNULL,
                                          stderr=subprocess.PIPE, start_new_session=True)
            try:
                _wait_until_traced(running)
                load = drive(row, ports.proxy, seconds, stage.cores.rest)
                tracer.send_signal(signal.SIGINT)
                _, summary = tracer.communicate(timeout=ATTACH_S)
            finally:
                if tracer.poll() is None:
                    tracer.kill()
                    tracer.communicate()
            found[program.name] = {name: calls / load.requests for name, calls in counts(summary.decode()).items()}
    return per_request(found)


def _wait_until_traced(running: Running) -> None:
    deadline = time.monotonic() + ATTACH_S
    while time.monotonic() < deadline:
        with open(f"/proc/{running.pid}/status") as status:
            if any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in status):
                return
        time.sleep(0.01)
    raise BenchError("strace may not attach here")
