"""What is kept of a run: its figures and where they were made, as JSON that two runs can be compared by."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.figures import Measurement, Series
from bench.programs import ROOT, Program
from bench.rounds import Growth, RowResult
from bench.rows import BY_NAME

FOLDER = Path(__file__).parent / "results"
FORMAT = 1


def machine() -> dict[str, Any]:
    """The machine a run was made on, without its name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {"cpu": models[0] if models else platform.machine(), "cores": len(models), "kernel": platform.release(),
            "python": platform.python_version()}


def commit() -> str:
    """The commit of this tree, with a plus sign when the proxy's sources differ from it; empty outside of git."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
        return name + ("+" if _git("status", "--porcelain", "--", "proxy", "grammar") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def version(program: Program, environment: Mapping[str, str]) -> list[str]:
    """What a program says of itself, as far as it concerns speed: its version, and which modules are machine code."""
    words = ["-v"] if program.flavour == "nginx" else ["-vv"]
    try:
        done = subprocess.run([*program.command, *words], capture_output=True, timeout=20, check=False, env=dict(environment))
    except (OSError, subprocess.SubprocessError) as error:
        return [str(error)]
    lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
    return [line for number, line in enumerate(lines) if number == 0 or line.startswith("Compiled modules")]


def as_json(results: Sequence[RowResult], growths: Sequence[Growth], about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything measured, every turn of it."""
    return {
        "format": FORMAT,
        "about": dict(about),
        "rows": {result.row.name: _row(result) for result in results},
        "growth": [{"row": growth.row.name, "varied": growth.varied,
                    "sizes": {str(size): _row(result) for size, result in growth.sizes.items()}} for growth in growths],
    }


def from_json(stored: Mapping[str, Any]) -> tuple[list[RowResult], list[Growth]]:
    """The inverse of `as_json`, for rows that are still in the table.

    Raises: ValueError for another format.
    """
    if stored.get("format") != FORMAT:
        raise ValueError(f"results of format {stored.get('format')!r}; this reads {FORMAT}")
    results = [_result(name, row) for name, row in stored["rows"].items() if name in BY_NAME]
    growths = [_growth(one) for one in stored["growth"] if one["row"] in BY_NAME]
    return results, growths


def save(name: str, stored: Mapping[str, Any], chart: str, folder: Path = FOLDER) -> Path:
    """Write NAME.json and NAME.svg."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.svg").write_text(chart)
    file = folder / f"{name}.json"
    file.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n")
    return file


def _row(result: RowResult) -> dict[str, Any]:
    return {
        "unit": result.row.unit, "servers": result.row.servers, "connections": result.row.connections,
        "programs": {name: _series(series) for name, series in result.series.items()},
    }


def _series(series: Series) -> dict[str, Any]:
    return {"median": _short(series.value), "failure": series.failure, "turns": [_turn(turn) for turn in series.turns]}


def _turn(turn: Measurement) -> dict[str, Any]:
    return {name: _short(value) for name, value in asdict(turn).items() if value is not None}


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _result(name: str, row: Mapping[str, Any]) -> RowResult:
    series = {program: Series(program, [Measurement(**turn) for turn in found["turns"]], found["failure"])
              for program, found in row["programs"].items()}
    return RowResult(BY_NAME[name].sized(row["servers"], row["connections"]), series)


def _growth(one: Mapping[str, Any]) -> Growth:
    return Growth(BY_NAME[one["row"]], one["varied"], {int(size): _result(one["row"], row) for size, row in one["sizes"].items()})


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
