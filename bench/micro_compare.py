"""The micro-benchmarks beside what they gave when their results were last stored.

    python -m bench.micro_compare [--store] [--beside NAME=TREE] [-k WORD]

Runs bench/micro with pytest-benchmark and compares the least time of each, which is what the code costs when nothing else runs.
`--beside` runs those of another tree too (an older commit, a build without compiled modules). `--store` makes this run the stored
one. Exit status 1 when something became dearer than LIMIT by the machine that the stored figures are of.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import results
from bench.programs import ROOT
from bench.table import NOTHING, aligned, figure

STORED = results.FOLDER / "micro.json"
LIMIT = 1.15
RUN_S = 900


def times_us(report: Mapping[str, Any]) -> dict[str, float]:
    """The least time of each benchmark in pytest-benchmark's JSON."""
    return {f"{Path(one['fullname'].partition('::')[0]).stem}: {one['name']}": one["stats"]["min"] * 1e6
            for one in report["benchmarks"]}


def compared(stored: Mapping[str, float], columns: Mapping[str, Mapping[str, float]]) -> str:
    """The table: a line a benchmark, the stored time, each tree's time and its ratio to the stored one."""
    names = sorted({name for found in columns.values() for name in found})
    head = ["benchmark", "stored µs", *(cell for name in columns for cell in (f"{name} µs", "ratio"))]
    lines = []
    for name in names:
        cells = [name, figure(stored.get(name))]
        for found in columns.values():
            now, before = found.get(name), stored.get(name)
            cells += [figure(now), NOTHING if now is None or not before else f"{now / before:.2f}"]
        lines.append(cells)
    return aligned(head, lines)


def dearer(stored: Mapping[str, float], now: Mapping[str, float]) -> list[str]:
    """The benchmarks that became dearer than LIMIT."""
    return [name for name, value in now.items() if name in stored and value > stored[name] * LIMIT]


def run(tree: Path, words: Sequence[str]) -> dict[str, float]:
    """Run a tree's micro-benchmarks.

    Raises: RuntimeError with what pytest said.
    """
    with tempfile.TemporaryDirectory(prefix="pyproxy-bench-") as folder:
        file = Path(folder, "report.json")
        command = [sys.executable, "-m", "pytest", "bench/micro", "-q", "-p", "no:cacheprovider", "--benchmark-only",
                   f"--benchmark-json={file}", *words]
        done = subprocess.run(command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, capture_output=True, text=True,
                              timeout=RUN_S, check=False)
        if done.returncode != 0 or not file.exists():
            raise RuntimeError((done.stdout + done.stderr)[-2000:])
        return times_us(json.loads(file.read_text()))


def main(argv: Sequence[str] | None = None) -> int:
    """Run, compare, print, perhaps store."""
    parser = argparse.ArgumentParser("python -m bench.micro_compare")
    parser.add_argument("--store", action="store_true", help=f"keep this run in {STORED.relative_to(ROOT)}")
    parser.add_argument("--beside", action="append", default=[], metavar="NAME=TREE", help="another tree's, too")
    parser.add_argument("-k", default="", metavar="WORD", help="only benchmarks whose names match")
    found = parser.parse_args(argv)
    words = ["-k", found.k] if found.k else []
    stored: dict[str, Any] = json.loads(STORED.read_text()) if STORED.exists() else {"times_us": {}, "machine": None}
    columns = {"now": run(ROOT, words)}
    for text in found.beside:
        name, _, tree = text.partition("=")
        columns[name] = run(Path(tree).resolve(), words)
    print(compared(stored["times_us"], columns))
    machine = results.machine()
    same = stored["machine"] == machine
    if stored["times_us"] and not same:
        print("The stored figures are of another machine: only their proportions mean anything.", file=sys.stderr)
    if found.store:
        times = {name: round(value, 4) for name, value in sorted({**stored["times_us"], **columns["now"]}.items())}
        STORED.write_text(json.dumps({"commit": results.commit(), "machine": machine, "times_us": times}, indent=1) + "\n")
        return 0
    worse = dearer(stored["times_us"], columns["now"]) if same else []
    for name in worse:
        print(f"dearer than {LIMIT:.0%} of the stored figure: {name}", file=sys.stderr)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
