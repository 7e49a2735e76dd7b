"""What reading a configuration costs: 100 and 1,000 lines, plain ones and such as the grammar is asked about.

(10,000 lines, and memory, are a row of `make bench`.)

    python -m pytest bench/micro/test_configuration.py --benchmark-only --benchmark-columns=min,median
"""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from proxy.config.load import load

HEAD = """global
    log 127.0.0.1 local0
    maxconn 4000
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend www
    bind 127.0.0.1:8080
    default_backend b0
"""
BACKEND = """backend b{n}
    balance roundrobin
    cookie SRV insert indirect nocache
    server s1 192.0.2.1:{port} cookie c1 check inter 2000 rise 2 fall 5 weight 10
    server s2 192.0.2.2:{port} cookie c2 check inter 2000 rise 2 fall 5 backup
"""


QUOTED = BACKEND.replace("SRV", '"SRV"').replace("cookie c", "cookie 'c'")


@pytest.mark.parametrize("backend", [BACKEND, QUOTED], ids=["plain", "quoted"])
@pytest.mark.parametrize("lines", [100, 1000])
def test_read(benchmark: BenchmarkFixture, lines: int, backend: str) -> None:
    backends = (lines - HEAD.count("\n")) // BACKEND.count("\n")
    text = HEAD + "".join(backend.format(n=n, port=8000 + n) for n in range(backends))
    model = benchmark(load, text=text, environment={})
    assert len(model.proxies) == backends + 1
