"""Where a pyproxy's time goes, sampled by py-spy while wrk runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.loads import drive
from bench.programs import SYSTEM_PATH, BenchError, Program, pinned
from bench.rows import Row
from bench.stage import Stage
from bench.table import aligned

RATE_HZ = 250
SHOWN = 25
LINE_NUMBER = re.compile(r":[0-9]+\)$")
OURS = re.compile(r" \(proxy/")


@dataclass(slots=True)
class Shares:
    """Samples by function; each counts once a sample, however often it is on the stack."""

    leaf: Counter[str] = field(default_factory=Counter)         # the sample ended in it, machine code included
    own: Counter[str] = field(default_factory=Counter)          # the last of ours on the stack: itself and the C it called
    cumulative: Counter[str] = field(default_factory=Counter)   # anywhere on the stack, ours only
    total: int = 0


def shares(stacks: str) -> Shares:
    """Count py-spy's raw format, `outermost;...;innermost 12`, where a frame is `function (file:line)`."""
    counted = Shares()
    for line in stacks.splitlines():
        stack, _, digits = line.rpartition(" ")
        if not stack or not digits.isdigit():
            continue
        frames = [f"{frame.rpartition(':')[0]})" if LINE_NUMBER.search(frame) else frame for frame in stack.split(";")]
        ours = [frame for frame in frames if OURS.search(frame)]
        count = int(digits)
        counted.total += count
        counted.leaf[frames[-1]] += count
        if ours:
            counted.own[ours[-1]] += count
        for frame in set(ours):
            counted.cumulative[frame] += count
    return counted


def dearest(stacks: str, shown: int = SHOWN) -> str:
    """Three tables, dearest first; what is on every stack says nothing and is left out."""
    counted = shares(stacks)
    everywhere = {frame for frame, count in counted.cumulative.items() if count >= 0.99 * counted.total}
    tables = []
    titled = {"self, with the C it calls": counted.own, "cumulative": counted.cumulative, "innermost": counted.leaf}
    for title, found in titled.items():
        told = [(frame, count) for frame, count in found.most_common() if title != "cumulative" or frame not in everywhere]
        lines = [[frame, f"{count / counted.total:.1%}"] for frame, count in told[:shown]]
        tables.append(aligned([f"function ({counted.total} samples)", title], lines))
    return "\n".join(tables)


def profile_row(stage: Stage, row: Row, programs: Sequence[Program], seconds: int) -> str:
    """The tables of pyproxy in a row.

    Raises: BenchError.
    """
    program = next((program for program in programs if program.name == "pyproxy"), None)
    if program is None:
        raise BenchError("no program is called pyproxy")
    spy = shutil.which("py-spy", path=f"{Path(sys.executable).parent}:{SYSTEM_PATH}")
    if spy is None:
        raise BenchError("py-spy is not installed: pip install py-spy")
    stacks = stage.folder / "stacks.txt"
    with stage.running(program, row) as (running, ports):
        drive(row, ports.proxy, 1 + row.connections // 1000, stage.cores.rest)
        with pinned(stage.cores.rest):
            command = [spy, "record", "--pid", str(running.pid), "--format", "raw", "--output", str(stacks), "--native",
                       "--rate", str(RATE_HZ), "--duration", str(seconds)]
            sampler = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                       start_new_session=True)
        try:
            began = time.monotonic()
            drive(row, ports.proxy, seconds + 1, stage.cores.rest)
            _, messages = sampler.communicate(timeout=max(5.0, began + 3 * seconds + 20 - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise BenchError("py-spy did not end") from None
        finally:
            if sampler.poll() is None:
                sampler.kill()
                sampler.communicate()
    if not stacks.exists():
        raise BenchError(f"py-spy gave no samples: {messages.decode(errors='replace')[-300:]}")
    return dearest(stacks.read_text())
