"""The command line of `python -m bench`."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
import time
from collections.abc import Sequence

from bench import chart, results, table
from bench.programs import BenchError, Program, named_program, proxy_environment, standard_programs
from bench.rounds import Effort, Growth, RowResult, measure_growth, measure_row
from bench.rows import BY_NAME, GROWTH_ROWS, ROWS, Kind, Row, chosen
from bench.sampling import profile_row
from bench.stage import Stage, alone, stage
from bench.syscalls import syscalls_of

LOAD_LIMIT = 0.5            # of the machine's cores busy before we start: say so
USUAL = Effort()
FEW_CONNECTIONS = 16
PROFILE_S = 5
QUICK = Effort(rounds=1, seconds=1, warm_up_s=1)


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """What the words ask for."""
    rows = "".join(f"  {row.name:15} {row.what}\n" for row in ROWS)
    parser = argparse.ArgumentParser("python -m bench", description="HAProxy, pyproxy and nginx side by side.",
                                     epilog=f"rows:\n{rows}", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="", metavar="NAME,NAME", help="these rows only; nothing is saved then unless --save")
    parser.add_argument("--rounds", type=int, default=USUAL.rounds, help="turns of each program in each row (%(default)s)")
    parser.add_argument("--seconds", type=int, default=USUAL.seconds, help="length of a turn, whole seconds (%(default)s)")
    parser.add_argument("--connections", type=int, help="instead of each row's own number")
    parser.add_argument("--servers", type=int, help="instead of each row's own number")
    parser.add_argument("--quick", action="store_true", help="one short round: does everything run?")
    parser.add_argument("--program", action="append", default=[], metavar="NAME=COMMAND",
                        help="another proxy beside them, started with -f FILE -db; a known name is replaced")
    parser.add_argument("--only", default="", metavar="NAME,NAME", help="these programs only")
    parser.add_argument("--growth", action=argparse.BooleanOptionalAction, default=None,
                        help=f"the growth tables too (of {', '.join(GROWTH_ROWS)}; with --rows, of those)")
    parser.add_argument("--save", metavar="NAME", help="write bench/results/NAME.json and NAME.svg ('latest' for a full run)")
    parser.add_argument("--syscalls", metavar="ROW", help="system calls a request of each program, instead")
    parser.add_argument("--profile", metavar="ROW", help="pyproxy's dearest functions in a row, instead (py-spy)")
    found = parser.parse_args(argv)
    for name in (found.syscalls, found.profile):
        if name is not None and (name not in BY_NAME or BY_NAME[name].kind is not Kind.LOAD):
            parser.error(f"{name!r} is no row under load")
    if min(found.rounds, found.seconds, found.connections or 1, found.servers or 1) < 1:
        parser.error("--rounds, --seconds, --connections and --servers are at least 1")
    try:
        found.chosen = tuple(row.sized(found.servers, found.connections) for row in chosen(found.rows))
        found.extra = [named_program(text) for text in found.program]
    except ValueError as error:
        parser.error(str(error))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when every program managed every row."""
    found = arguments(sys.argv[1:] if argv is None else argv)
    try:
        programs = selected(standard_programs(), found.extra, found.only)
        with contextlib.nullcontext() if found.quick else alone(say), stage() as prepared:
            warn_of_load(prepared)
            if found.syscalls is not None:
                # Few connections: a traced proxy is slow, and opening them is to count little.
                row = BY_NAME[found.syscalls].sized(found.servers, found.connections or FEW_CONNECTIONS)
                print(syscalls_of(prepared, row, programs, found.seconds))
                return 0
            if found.profile is not None:
                row = BY_NAME[found.profile].sized(found.servers, found.connections)
                print(profile_row(prepared, row, programs, max(PROFILE_S, found.seconds)))
                return 0
            return compare(prepared, found, programs)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: stopped", file=sys.stderr)
        return 130


def selected(standard: dict[str, Program], extra: Sequence[Program], only: str) -> list[Program]:
    """The programs of a run.

    Raises: BenchError when `only` names none of them.
    """
    programs = {**standard, **{program.name: program for program in extra}}
    names = [name.strip() for name in only.split(",") if name.strip()] or list(programs)
    unknown = [name for name in names if name not in programs]
    if unknown:
        raise BenchError(f"no program is called {', '.join(unknown)}; there are {', '.join(programs)}")
    return [programs[name] for name in programs if name in names]


def compare(prepared: Stage, found: argparse.Namespace, programs: list[Program]) -> int:
    """The rows, the growth tables, the notes, the files."""
    effort = QUICK if found.quick else Effort(found.rounds, found.seconds)
    began = time.monotonic()
    measured: list[RowResult] = []
    for row in found.chosen:
        say(f"{row.name}: {row.what}")
        measured.append(measure_row(prepared, row, programs, effort, say))
    grown = growths(prepared, found, programs, effort)
    reference = programs[0].name
    print(table.comparison(measured, reference))
    print(table.side_figures(measured))
    for varied in ("servers", "connections"):
        if grown:
            print(table.growth_table(grown, varied))
    for line in table.notes([*measured, *(result for growth in grown for result in growth.sizes.values())]):
        print(line)
    say(f"{time.monotonic() - began:.0f} s in all")
    partly = found.rows or found.only or found.quick or found.connections or found.servers
    name = found.save or ("" if partly else "latest")
    if name:
        about = {"command": shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
                 "date": time.strftime("%Y-%m-%d", time.gmtime()), "commit": results.commit(), "machine": results.machine(),
                 "rounds": effort.rounds, "seconds": effort.seconds,
                 "programs": {program.name: results.version(program, proxy_environment(program, prepared.folder))
                              for program in programs}}
        drawn = chart.svg(chart.bars(measured, reference=reference), f"pyproxy's cost, {reference}'s = 1 (less is better)")
        say(f"written: {os.path.relpath(results.save(name, results.as_json(measured, grown, about), drawn))}, and its chart")
    return 1 if any(series.failure for result in measured for series in result.series.values()) else 0


def growths(prepared: Stage, found: argparse.Namespace, programs: list[Program], effort: Effort) -> list[Growth]:
    """The growth tables a run is to have: of a full run, or where asked for; HAProxy and pyproxies only."""
    wanted = found.growth if found.growth is not None else not (found.rows or found.quick)
    if not wanted:
        return []
    rows: list[Row] = [row for row in found.chosen if row.kind is Kind.LOAD and (found.rows or row.name in GROWTH_ROWS)]
    taking_part = [program for program in programs if program.flavour == "haproxy" and program.bufsize is None]
    shorter = Effort(min(effort.rounds, 3), max(1, effort.seconds // 2), effort.warm_up_s)
    return [growth for row in rows for growth in measure_growth(prepared, row, taking_part, shorter, say)]


def warn_of_load(prepared: Stage) -> None:
    """One line when others keep this machine busy."""
    cores = len(prepared.cores.proxy | prepared.cores.rest)
    if (load := os.getloadavg()[0]) > LOAD_LIMIT * cores:
        say(f"warning: load average {load:.1f} on {cores} cores: others are at work here, figures will be noisy")
    if prepared.cores.proxy == prepared.cores.rest:
        say("warning: one core only: the proxies share it with load and servers")


def say(text: str) -> None:
    """What is being done, beside the tables."""
    print(text, file=sys.stderr, flush=True)
