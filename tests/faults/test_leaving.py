"""Soft stops, reloads, broken configurations, and what is left when a process is killed."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import refuses
from tests.faults.crowd import Crowd
from tests.faults.figures import IS_SOAK, Judge
from tests.faults.programs import Program

IN_FLIGHT = 40
CONFIGURATION = """\
global
    nbthread {threads}
    maxconn 500
    {in_global}
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
listen site
    bind 127.0.0.1:{port}
    server a 127.0.0.1:{server}
"""


class Held:
    """Requests that their server does not answer until `release`."""

    def __init__(self, web: Any, address: tuple[str, int], ask: Callable[..., Any], number: int) -> None:
        self._web = web
        self.statuses: list[int] = []
        web.holding = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(ask, address)) for _ in range(number)]
        for thread in self._threads:
            thread.start()
        for _ in range(number):
            assert web.arrived.acquire(timeout=60)

    def _ask(self, ask: Callable[..., Any], address: tuple[str, int]) -> None:
        try:
            self.statuses.append(ask(address, "/hold", patience_s=300).status)
        except (OSError, HTTPException):
            self.statuses.append(0)

    def release(self) -> int:
        """Let them be answered; how many failed."""
        self._web.holding.set()
        for thread in self._threads:
            thread.join()
        return len(self._threads) - self.statuses.count(200)


@pytest.mark.fault(8)
def test_usr1_with_requests_in_flight(
    program: Program, judge: Judge, free_port: Callable[[], int], origin: Any, ask: Any, eventually: Any
) -> None:
    web, address = origin("a"), ("127.0.0.1", free_port())
    program.start(CONFIGURATION.format(threads=1, in_global="", port=address[1], server=web.port))
    held = Held(web, address, ask, IN_FLIGHT)
    program.signal(signal.SIGUSR1)
    eventually(lambda: refuses(address), "the address to be free")
    judge.none("requests in flight that failed", held.release(), IN_FLIGHT)
    last_s = time.monotonic()
    assert program.process.wait(60) == 0
    judge.in_time("process gone after the last", time.monotonic() - last_s, 5)


@pytest.mark.soak
@pytest.mark.fault(9)
@pytest.mark.parametrize("way", ["-sf", "-x"])
def test_reloads_of_processes(
    program: Program, judge: Judge, free_port: Callable[[], int], origin: Any, crowd: Callable[..., Crowd], tmp_path: Path,
    way: str,
) -> None:
    """Short ones of the same kind: tests/e2e/test_reload.py."""
    web, address, stats = origin("a"), ("127.0.0.1", free_port()), tmp_path / "stats"
    in_global = f"stats socket {stats} mode 600 level admin expose-fd listeners" if way == "-x" else ""
    program.start(CONFIGURATION.format(threads=2, in_global=in_global, port=address[1], server=web.port))
    load = crowd(address, clients=16)
    for _ in range(3):
        old = program.process
        load.await_more(200)
        program.launch("-db", "-f", "cfg", *(("-x", str(stats)) if way == "-x" else ()), "-sf", str(old.pid))
        assert old.wait(60) == 0
        load.await_more(200)
    load.stop()
    judge.none(f"three reloads with {way}: refused or failed", load.failed, load.total)


@pytest.mark.soak
@pytest.mark.fault(9)
def test_reloads_of_a_master(
    program: Program, judge: Judge, free_port: Callable[[], int], origin: Any, crowd: Callable[..., Crowd], eventually: Any
) -> None:
    """Short ones of the same kind: tests/e2e/test_master_worker.py."""
    web, address = origin("a"), ("127.0.0.1", free_port())
    program.start(CONFIGURATION.format(threads=2, in_global="", port=address[1], server=web.port), "-W")
    load = crowd(address, clients=16)
    for number in (signal.SIGUSR2, signal.SIGHUP) * 5:
        (old,) = program.children()
        load.await_more(100)
        program.signal(number)
        eventually(lambda old=old: len(now := program.children()) == 1 and now != [old], "another worker alone")
        load.await_more(100)
    load.stop()
    judge.none("ten reloads under -W: refused or failed", load.failed, load.total)


@pytest.mark.fault(10)
def test_a_broken_configuration(
    program: Program, judge: Judge, free_port: Callable[[], int], origin: Any, crowd: Callable[..., Crowd], eventually: Any
) -> None:
    web, address = origin("a"), ("127.0.0.1", free_port())
    good = CONFIGURATION.format(threads=1, in_global="", port=address[1], server=web.port)
    program.start(good, "-W")
    workers = program.children()
    load = crowd(address, clients=4)
    program.write(good + "    nonsense\n")
    for number in (signal.SIGUSR2, signal.SIGHUP) * (3 if IS_SOAK else 1):
        failures = program.errors.count("Loading failure!")
        program.signal(number)
        if not program.is_ours:             # it may be too busy with the last one to hear of this
            select.select([], [], [], 0.5)
            program.signal(number)
        eventually(lambda failures=failures: program.errors.count("Loading failure!") > failures, "the failure to be told")
        load.await_more(50)
    assert "unknown keyword 'nonsense' in 'listen' section" in program.errors
    assert program.children() == workers
    load.stop()
    judge.none("under -W: refused or failed", load.failed, load.total)
    program.write(good)
    program.signal(signal.SIGUSR2)
    eventually(lambda: len(program.children()) == 1 and program.children() != workers, "the mended configuration to be served")


@pytest.mark.fault(12)
def test_a_worker_is_killed(
    program: Program, judge: Judge, free_port: Callable[[], int], origin: Any, crowd: Callable[..., Crowd], eventually: Any
) -> None:
    """HAProxy has threads: its whole service is one process, and the master ends with it."""
    web, address = origin("a"), ("127.0.0.1", free_port())
    text = CONFIGURATION.format(threads=2, in_global="", port=address[1], server=web.port)
    if not program.is_ours:
        program.start(text, "-W")
        os.kill(program.children()[0], signal.SIGKILL)
        assert program.process.wait(60) == 137
        judge.tell("back after", "never: the master ends too")
        assert refuses(address)
        return
    program.start(text)
    eventually(lambda: len(program.children()) == 2, "two workers")
    load = crowd(address, clients=16, keep=True)
    kills, back_s = 5 if IS_SOAK else 2, 0.0
    for _ in range(kills):
        load.await_more(200)
        before = int(program.row("site", "a")["hrsp_2xx"])
        victim = program.children()[0]
        killed_s = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        eventually(lambda victim=victim: victim not in program.children() and len(program.children()) == 2, "another worker")
        load.await_more(1)
        back_s = max(back_s, time.monotonic() - killed_s)
        assert int(program.row("site", "a")["hrsp_2xx"]) >= before
    load.stop()
    judge.at_most("failed requests a kill, of 16 clients", load.failed / kills, 16, "")
    judge.in_time("back after", back_s, 1.0)
    counted = int(program.row("site", "a")["hrsp_2xx"])
    judge.none("answers that are not counted any more", max(0, load.good - counted), load.good)


@pytest.mark.fault(13)
@pytest.mark.parametrize("threads", [1, 2])
def test_the_master_is_killed(
    program: Program, judge: Judge, free_port: Callable[[], int], origin: Any, ask: Any, eventually: Any, wait_gone: Any,
    threads: int,
) -> None:
    web, address = origin("a"), ("127.0.0.1", free_port())
    program.start(CONFIGURATION.format(threads=threads, in_global="", port=address[1], server=web.port), "-W")
    others = [pid for pid in program.pids if pid != program.pid]
    assert others
    held = Held(web, address, ask, 10)
    program.signal(signal.SIGKILL)
    program.process.wait(60)
    eventually(lambda: refuses(address), "the address to be free")
    judge.none(f"nbthread {threads}: requests in flight that failed", held.release(), 10)
    last_s = time.monotonic()
    for pid in others:
        wait_gone(pid)
    judge.in_time(f"nbthread {threads}: workers gone after the last", time.monotonic() - last_s, 5)
    assert refuses(address)
