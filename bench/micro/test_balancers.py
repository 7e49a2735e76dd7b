"""What choosing a server costs: one pick, its stream begun and ended, among few servers and among many.

    python -m pytest bench/micro/test_balancers.py --benchmark-only --benchmark-columns=min,median,ops
"""

from __future__ import annotations

import itertools
import random

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from proxy.base.addresses import Address, Family
from proxy.core.balance import ALGORITHMS, Farm, make_balancer
from proxy.core.balance.hashing import avalanche
from proxy.runtime.backend import Backend
from proxy.runtime.server import WEIGHT_SCALE, Server

CASES = [*((name, "map-based") for name in ALGORITHMS), ("source", "consistent")]


def backend_of(algorithm: str, hash_type: str, servers: int) -> Backend:
    backend = Backend("app", 2)
    for index in range(servers):
        server = Server(backend, f"s{index}", index + 1, Address(Family.IPV4, "127.0.0.1", 1))
        server.index = index
        server.weight_now = WEIGHT_SCALE
        backend.servers.append(server)
    backend.balancer = make_balancer(algorithm, argument="" if algorithm == "random" else "x", hash_type=hash_type,
                                     random=random.Random(1).randrange)
    backend.farm = Farm(backend)
    return backend


@pytest.mark.parametrize("servers", [4, 1000])
@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_pick(benchmark: BenchmarkFixture, case: tuple[str, str], servers: int) -> None:
    backend = backend_of(*case, servers)
    farm, balancer = backend.farm, backend.balancer
    keys = itertools.cycle([avalanche(number) if balancer.needs_key else None for number in range(997)])

    def stream() -> None:
        server = farm.pick(next(keys), None)
        server.served += 1
        balancer.opened(server)
        server.served -= 1
        balancer.closed(server)

    benchmark(stream)
