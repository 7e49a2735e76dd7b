"""The programs that a fault is tried on, and the figures that come of it.

As part of `make test` each test runs on pyproxy as it is built at that moment (the suite runs both ways). Under `make soak`
it runs on machine code, on the sources and on HAProxy, with the bounds of the table, and the figures are printed side by side.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import find_peer
from tests.e2e.conftest import ask_fixture, command, eventually_fixture, free_port, origin, wait_gone_fixture
from tests.faults.crowd import Crowd
from tests.faults.figures import IS_SOAK, PROGRAMS, Judge, kept, table
from tests.faults.programs import Program

__all__ = ["ask_fixture", "command", "eventually_fixture", "free_port", "origin", "wait_gone_fixture"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent)
    long = [item for item in items if str(item.path).startswith(here) and item.get_closest_marker("soak") is not None]
    if not IS_SOAK and long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" in metafunc.fixturenames:
        marks = {"haproxy": [pytest.mark.peer("haproxy")]}
        kinds = PROGRAMS if IS_SOAK else ("as-built",)
        metafunc.parametrize("kind", [pytest.param(kind, marks=marks.get(kind, [])) for kind in kinds])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if IS_SOAK:
        terminalreporter.write_line(table(kept()))


@pytest.fixture(autouse=True)
def _many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def judge(request: pytest.FixtureRequest, kind: str) -> Judge:
    """What was measured is told to it."""
    mark = request.node.get_closest_marker("fault")
    return Judge(mark.args[0], kind)


@pytest.fixture
def program(kind: str, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Program]:
    """A program, not yet started."""
    made = Program(kind, tmp_path, find_peer("haproxy") or "", free_port)
    yield made
    made.close()


@pytest.fixture
def crowd() -> Iterator[Callable[..., Crowd]]:
    """crowd(address, ...) are clients that begin to ask at once; all are stopped at the end."""
    made: list[Crowd] = []

    def make(*arguments: Any, **how: Any) -> Crowd:
        made.append(Crowd(*arguments, **how))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def is_root() -> bool:
    return os.geteuid() == 0
