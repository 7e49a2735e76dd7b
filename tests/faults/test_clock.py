"""The wall clock is stepped while the program runs: nothing that waits may notice, and what is written down must.

HAProxy keeps its own time where the system's jumps, and lets it drift back.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.faults.figures import Judge
from tests.faults.programs import Program

pytestmark = pytest.mark.fault(15)
HOUR_S = 3600
CONFIGURATION = """\
global
    nbthread 1
    maxconn 500
defaults
    mode http
    log 127.0.0.1:{log} local0
    option httplog
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    timeout http-keep-alive 300s
listen site
    bind 127.0.0.1:{port}
    option httpchk GET /check
    server a 127.0.0.1:{server} check inter 100ms rise 2 fall 2
listen hasty
    bind 127.0.0.1:{hasty}
    timeout server 1s
    server a 127.0.0.1:{server}
listen slow-head
    bind 127.0.0.1:{slow_head}
    timeout http-request 1s
    server a 127.0.0.1:{server}
"""


@pytest.fixture
def stepping(tmp_path: Path) -> tuple[dict[str, str], Callable[[int], None]]:
    """What to add to a program's environment, and step(seconds): its wall clock is off by so much from now on."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("no C compiler")
    library, offset = tmp_path / "clock_step.so", tmp_path / "step"
    source = Path(__file__).parent / "clock_step.c"
    subprocess.run([compiler, "-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
    offset.write_bytes(struct.pack("q", 0))

    def step(seconds: int) -> None:
        with offset.open("r+b") as file:
            file.write(struct.pack("q", seconds))

    return {"LD_PRELOAD": str(library), "CLOCK_STEP": str(offset)}, step


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    began_s = time.monotonic()
    return call(), time.monotonic() - began_s


def status_of(connection: HTTPConnection, path: str) -> int:
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def is_answered(connection: HTTPConnection, path: str) -> bool:
    try:
        return status_of(connection, path) == 200
    except OSError:
        return False


def without_an_end_of_the_head(address: tuple[str, int]) -> bytes:
    with socket.create_connection(address, timeout=20) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n")
        return sock.recv(12)


def logged_hour(syslog: socket.socket, target: str) -> datetime:
    """When a request was accepted, as its log line says."""
    while True:
        line = syslog.recv(4096).decode()
        if f" {target} " in line:
            found = re.search(r"\[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d)\.\d{3}\]", line)
            assert found, line
            return datetime.strptime(found[1], "%d/%b/%Y:%H:%M:%S").replace(tzinfo=UTC)


def test_a_step_is_not_noticed(
    program: Program, judge: Judge, free_port: Callable[[], int], origin: Any, ask: Any, eventually: Any, stepping: Any
) -> None:
    environment, step = stepping
    web = origin("a")
    web.holding = threading.Event()
    address, hasty, slow_head = (("127.0.0.1", free_port()) for _ in range(3))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as syslog:
        syslog.bind(("127.0.0.1", 0))
        syslog.settimeout(20)
        program.start(CONFIGURATION.format(port=address[1], hasty=hasty[1], slow_head=slow_head[1], server=web.port,
                                           log=syslog.getsockname()[1]), environment=environment)
        statuses: list[int] = []
        held = threading.Thread(target=lambda: statuses.append(ask(address, "/hold", patience_s=120).status))
        held.start()
        kept = HTTPConnection(*address, timeout=20)
        try:
            assert status_of(kept, "/kept") == 200
            kept.auto_open = 0                          # only this connection is meant
            eventually(lambda: any(path == "/hold" for _, path, _ in list(web.seen)), "the request to arrive")
            for name, seconds in (("an hour forward", HOUR_S), ("two hours back", -HOUR_S), ("and forward again", 0)):
                step(seconds)
                checks = sum(path == "/check" for _, path, _ in list(web.seen))
                answer, took_s = timed(lambda: ask(hasty, "/hold"))
                assert answer.status == 504
                judge.in_time(f"{name}: timeout server 1s", took_s, 1.3, least=0.95)
                said, took_s = timed(lambda: without_an_end_of_the_head(slow_head))
                assert said == b"HTTP/1.1 408"
                judge.in_time(f"{name}: timeout http-request 1s", took_s, 1.3, least=0.95)
                made = sum(path == "/check" for _, path, _ in list(web.seen)) - checks
                judge.at_least(f"{name}: checks in these two seconds, 100 ms apart", made, 5)
                assert ask(address, f"/step{seconds}").status == 200
                apart_s = (logged_hour(syslog, f"/step{seconds}") - datetime.now(UTC)).total_seconds() - seconds
                assert not judge.is_ours or abs(apart_s) < 60, "the wall clock that is logged did not follow"
            ended = int(not is_answered(kept, "/kept"))
        finally:
            web.holding.set()
            held.join()
            kept.close()
    judge.none("connections that an hour's step ended", ended + int(statuses != [200]), 2)
    row = program.row("site", "a")
    assert (row["status"], row["chkdown"]) == ("UP", "0")
