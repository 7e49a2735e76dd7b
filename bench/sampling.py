"""Where a pyproxy's time goes, sampled by py-spy while wrk runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.loads import drive
from bench.programs import SYSTEM_PATH, BenchError, Program, pinned
from bench.rows import Row
from bench.stage import Stage
from bench.table import aligned

RATE_HZ = 250
SHOWN = 25


def shares(stacks: str) -> tuple[Counter[str], Counter[str], int]:
    """From py-spy's raw format (`a;b;c 12`): samples that ended in a function, samples it was anywhere in, and all samples.

    A function is counted once a sample however often it is on the stack.
    """
    own: Counter[str] = Counter()
    cumulative: Counter[str] = Counter()
    total = 0
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        if not stack or not count.isdigit():
            continue
        frames = [frame.rpartition(":")[0] + ")" if frame.endswith(")") and ":" in frame else frame for frame in stack.split(";")]
        own[frames[-1]] += int(count)
        for frame in set(frames):
            cumulative[frame] += int(count)
        total += int(count)
    return own, cumulative, total


def dearest(stacks: str, shown: int = SHOWN) -> str:
    """Two tables: the functions most samples ended in, and those most samples passed through."""
    own, cumulative, total = shares(stacks)
    text = []
    for title, counted in (("self", own), ("cumulative", cumulative)):
        lines = [[function, f"{count / total:.1%}"] for function, count in counted.most_common(shown)]
        text.append(aligned([f"function ({total} samples)", title], lines))
    return "\n".join(text)


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
        drive(row, ports.proxy, 1, stage.cores.rest)
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
