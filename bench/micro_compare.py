"""The micro-benchmarks, compiled and pure side by side, beside what they gave when their results were last stored.

    python -m bench.micro_compare [--store] [--beside NAME=TREE] [-k WORD]

Runs bench/micro with pytest-benchmark, on the machine code and on the sources (PYPROXY_PURE=1), and compares the least time of
each, which is what the code costs when nothing else runs. `--beside` runs those of another tree too, e.g. of an older commit.
`--store` makes this run the stored one. Exit status 1 when something became dearer than LIMIT by the machine that the stored
figures are of.
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
from proxy.base.machine_code import is_machine_code

STORED = results.FOLDER / "micro.json"
COMPILED, PURE = "compiled", "pure"
LIMIT = 1.15
RUN_S = 900


def times_us(report: Mapping[str, Any]) -> dict[str, float]:
    """The least time of each benchmark in pytest-benchmark's JSON."""
    return {f"{Path(one['fullname'].partition('::')[0]).stem}: {one['name']}": one["stats"]["min"] * 1e6
            for one in report["benchmarks"]}


Times = Mapping[str, Mapping[str, float]]
"""Microseconds by column (a build, a tree) and benchmark."""


def compared(stored: Times, columns: Times) -> str:
    """The table: a line a benchmark; each column's time and, where it was stored, the time now by the time then."""
    names = sorted({name for found in columns.values() for name in found})
    head = ["benchmark", *(cell for name in columns for cell in (f"{name} µs", "by stored"))]
    lines = []
    for name in names:
        cells = [name]
        for column, found in columns.items():
            now, before = found.get(name), stored.get(column, {}).get(name)
            cells += [figure(now), NOTHING if now is None or not before else f"{now / before:.2f}"]
        lines.append(cells)
    return aligned(head, lines)


def dearer(stored: Times, columns: Times) -> list[str]:
    """The benchmarks that became dearer than LIMIT, with their columns."""
    return [f"{name} ({column})" for column, found in columns.items() for name, value in found.items()
            if value > stored.get(column, {}).get(name, value) * LIMIT]


def run(tree: Path, words: Sequence[str], pure: bool = False) -> dict[str, float]:
    """Run a tree's micro-benchmarks, on its machine code or on its sources.

    Raises: RuntimeError with what pytest said.
    """
    with tempfile.TemporaryDirectory(prefix="pyproxy-bench-") as folder:
        file = Path(folder, "report.json")
        command = [sys.executable, "-m", "pytest", "bench/micro", "-q", "-p", "no:cacheprovider", "--benchmark-only",
                   f"--benchmark-json={file}", *words]
        environment = {**os.environ, "PYTHONPATH": str(tree), "PYPROXY_PURE": "1" if pure else "0"}
        done = subprocess.run(command, env=environment, cwd=tree, capture_output=True, text=True,
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
    columns = {COMPILED: run(ROOT, words)} if is_machine_code() else {}
    columns[PURE] = run(ROOT, words, pure=True)
    for text in found.beside:
        name, _, tree = text.partition("=")
        columns[name] = run(Path(tree).resolve(), words)
    times: dict[str, dict[str, float]] = stored["times_us"]
    print(compared(times, columns))
    machine = results.machine()
    same = stored["machine"] == machine
    if times and not same:
        print("The stored figures are of another machine: only their proportions mean anything.", file=sys.stderr)
    if found.store:
        before = times if same else {}
        kept = {build: {name: round(value, 4) for name, value in sorted({**before.get(build, {}), **columns[build]}.items())}
                for build in (COMPILED, PURE) if build in columns}
        STORED.parent.mkdir(exist_ok=True)
        STORED.write_text(json.dumps({"commit": results.commit(), "machine": machine, "times_us": kept}, indent=1) + "\n")
        return 0
    worse = dearer(times, columns) if same else []
    for name in worse:
        print(f"dearer than {LIMIT:.0%} of the stored figure: {name}", file=sys.stderr)
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
