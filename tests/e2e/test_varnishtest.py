"""pyproxy in the place of haproxy under varnishtest: inherited descriptors, -d, its way of stopping, checks of configurations."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXCHANGE = """\
varnishtest "requests through pyproxy"
feature ignore_unknown_macro
server s1 -repeat 2 {
    rxreq
    expect req.http.x-forwarded-for == "127.0.0.1"
    txresp -hdr "X-S: 1" -body "hello"
} -start
haproxy h1 -conf {
    defaults
        mode http
        option forwardfor
        option http-server-close
        timeout connect "${HAPROXY_TEST_TIMEOUT-5s}"
        timeout client  "${HAPROXY_TEST_TIMEOUT-5s}"
        timeout server  "${HAPROXY_TEST_TIMEOUT-5s}"
    frontend fe
        bind "fd@${fe}"
        default_backend be
    backend be
        server s1 ${s1_addr}:${s1_port}
} -start
client c1 -connect ${h1_fe_sock} {
    txreq -url "/"
    rxresp
    expect resp.status == 200
    expect resp.http.x-s == 1
    txreq -url "/2"
    rxresp
    expect resp.body == "hello"
} -run
"""
CHECKS = """\
varnishtest "configurations checked by pyproxy"
feature ignore_unknown_macro
haproxy h1 -conf-OK {
    frontend f
        mode http
        timeout client 5s
        bind "fd@${fe}"
}
haproxy h2 -conf-BAD {unknown keyword 'nonsense'} {
    frontend f
        nonsense
        bind "fd@${fe}"
}
"""


@pytest.mark.peer("varnishtest")
@pytest.mark.parametrize("script", [EXCHANGE, CHECKS], ids=["exchange", "checks"])
def test_under_varnishtest(script: str, tmp_path: Path, peer: Callable[[str], str]) -> None:
    program = tmp_path / "haproxy"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m proxy "$@"\n')
    program.chmod(0o755)
    (tmp_path / "test.vtc").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HAPROXY_PROGRAM": str(program), "HAPROXY_ARGS": "-dM -dI -dW"}
    done = subprocess.run(
        [peer("varnishtest"), "-v", "test.vtc"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
