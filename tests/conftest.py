"""What every test may rely on: peers that are there or skipped by name, both event loops, nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("fast", max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", max_examples=20_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:       # run in the background by a shell: programs we start inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

SYSTEM_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
DEBIAN_PACKAGE = {"varnishtest": "varnish", "chromedriver": "chromium-driver", "nginx": "nginx-light", "nft": "nftables",
                  "ip": "iproute2"}
REAL = ("e2e", "differential", "browser", "faults", "ha")          # folders whose tests use real sockets and processes


def find_peer(name: str) -> str | None:
    """The path of a peer program, also where an ordinary user's PATH does not look."""
    return shutil.which(name, path=SYSTEM_PATH)


def is_real(item: pytest.Item) -> bool:
    """Whether a test is in one of the folders REAL."""
    return item.path.relative_to(Path(__file__).parent).parts[0] in REAL


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With PYPROXY_SECOND_LOOK=1 (`.ci/run`) a test among real processes that failed is judged once more, and both are told."""
    if os.environ.get("PYPROXY_SECOND_LOOK") == "1":
        for item in items:
            if is_real(item):
                item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("rerun", ()):
        terminalreporter.section(f"needed a second look: {report.nodeid}", sep="_")
        terminalreporter.write_line(report.longreprtext)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("peer"):
        for name in mark.args:
            if find_peer(name) is None:
                reason = f"{name} is not installed (Debian package: {DEBIAN_PACKAGE.get(name, name)})"
                if os.environ.get("PYPROXY_REQUIRE_PEERS") == "1":
                    pytest.fail(f"peer test not run: {reason}", pytrace=False)
                pytest.skip(reason)
    if item.get_closest_marker("root") is not None and os.geteuid() != 0:
        pytest.skip("needs to be root")


@pytest.fixture(scope="session")
def peer() -> Callable[[str], str]:
    """peer(name): the path of a peer program that the test's marker asked for."""

    def path_of(name: str) -> str:
        path = find_peer(name)
        assert path is not None, f"mark the test with pytest.mark.peer({name!r})"
        return path

    return path_of


@pytest.fixture(params=["uvloop", "asyncio"])
def loop_kind(request: pytest.FixtureRequest) -> str:
    """The event loop to run on: a test that asks for it runs on both."""
    return str(request.param)


@pytest.fixture
def new_loop(loop_kind: str) -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop of the asked kind, closed afterwards; a task still pending then is a failure."""
    if loop_kind == "uvloop":
        import uvloop

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    yield loop
    pending = asyncio.all_tasks(loop)
    loop.close()
    assert not pending, f"left pending: {pending}"


def descriptors() -> list[int]:
    """The open descriptors of this process, without those of what is garbage already."""
    gc.collect()
    return sorted(map(int, os.listdir("/proc/self/fd")))


def open_sockets() -> set[str]:
    """The sockets of this process, as the kernel names them."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:           # the descriptor of the listing itself
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """No thread and no socket outlives a test that uses real ones."""
    if not is_real(request.node):
        yield
        return
    threads, sockets = set(threading.enumerate()), open_sockets()
    yield
    gc.collect()
    left_threads = set(threading.enumerate()) - threads
    assert not left_threads, f"threads left: {left_threads}"
    left_sockets = open_sockets() - sockets
    assert not left_sockets, f"sockets left: {left_sockets}"
