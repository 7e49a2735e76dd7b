"""What a second worker costs: CPU per request with `nbthread 1` and `nbthread 2`, in turns, on the same core.

    PYTHONPATH=. python bench/workers_cost.py [--rows http-keepalive,...] [--rounds 3] [--seconds 5] [--spread]

One core for either: what is measured is the cost of sharing (the board, the turns, the bells), not that of two cores that want
the same memory; `--spread` lets proxy, load and servers use all cores. Source of the target: 2 workers within 10 % of one.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import statistics
from collections.abc import Iterator

from bench import procfs
from bench.measures import measure_load
from bench.programs import Cores, Program, Running, find, standard_programs
from bench.rows import Row, chosen
from bench.stage import Stage, alone, stage

ALL_CONNECTIONS = 32


@contextlib.contextmanager
def running(where: Stage, program: Program, row: Row, workers: int) -> Iterator[tuple[Running, int]]:
    """A proxy with so many workers."""
    ports = where.ports()
    file = where.write(program, row, ports)
    file.write_text(file.read_text().replace("nbthread 1\n", f"nbthread {workers}\n"))
    process = where.start(program, file)
    try:
        process.wait_for(ports.proxy)
        yield process, ports.proxy
    finally:
        process.stop()


def main(arguments: argparse.Namespace) -> None:
    programs = [standard_programs()[name] for name in arguments.programs.split(",")]
    find("wrk")
    with alone(print), stage() as where:
        if arguments.spread:
            everything = frozenset(where.cores.proxy | where.cores.rest)
            where.cores = Cores(everything, everything)
        for row in chosen(arguments.rows):
            sized = dataclasses.replace(row, servers=max(row.servers, 2), connections=max(row.connections, ALL_CONNECTIONS))
            for program in programs:
                measure(where, program, sized, arguments.rounds, arguments.seconds)


def measure(where: Stage, program: Program, row: Row, rounds: int, seconds: int) -> None:
    found: dict[int, list[float]] = {1: [], 2: []}
    rates: dict[int, list[float]] = {1: [], 2: []}
    shares: list[float] = []
    for number in range(rounds):
        for workers in (1, 2) if number % 2 == 0 else (2, 1):
            with running(where, program, row, workers) as (process, port):
                measure_load(where, row, process, port, 1)
                before = {pid: procfs.cpu([pid]) for pid in procfs.tree(process.pid)}
                result = measure_load(where, row, process, port, seconds)
                if result.failures:
                    print(f"   {result.failures} requests failed")
                found[workers].append(result.value)
                rates[workers].append(result.rate)
                used = sorted((procfs.cpu([pid]) - cpu).total_s for pid, cpu in before.items())
                if workers == 2 and len(used) > 1:
                    shares.append(used[-1] / (used[-1] + used[-2]))
    one, two = statistics.median(found[1]), statistics.median(found[2])
    spread = " ".join(f"{value:.1f}" for value in found[1]) + " | " + " ".join(f"{value:.1f}" for value in found[2])
    busier = f", the busier worker did {statistics.median(shares):.0%}" if shares else ""
    print(f"{row.name:15} {program.name:10} 1: {one:6.1f} us, 2: {two:6.1f} us per request, ratio {two / one:.3f}   ({spread}); "
          f"{statistics.median(rates[1]):.0f} and {statistics.median(rates[2]):.0f} requests/s{busier}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="http-keepalive")
    parser.add_argument("--programs", default="pyproxy")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--spread", action="store_true")
    main(parser.parse_args())
