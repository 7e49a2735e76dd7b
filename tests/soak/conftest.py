"""Endurance: run by `make soak` only. The figures of a run are printed at its end."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import free_port
from tests.soak.stage import Origin, Stage

__all__ = ["free_port"]

FIGURES = pytest.StashKey[list[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent)
    mine = [item for item in items if str(item.path).startswith(here)]
    for item in mine:
        item.add_marker(pytest.mark.soak)
    if os.environ.get("PYPROXY_SOAK") != "1" and mine:
        config.hook.pytest_deselected(items=mine)
        items[:] = [item for item in items if item not in mine]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(FIGURES, []):
        terminalreporter.write_line(line)


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """figure(text): a line for the end of the run."""
    lines = request.config.stash.setdefault(FIGURES, [])
    return lambda text: lines.append(f"{request.node.name}: {text}")


@pytest.fixture(autouse=True)
def _many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="session")
def origin() -> Iterator[Origin]:
    """A web server in a process of its own."""
    with Origin() as made:
        yield made


@pytest.fixture
def stage(origin: Origin, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Stage]:
    """stage.start(lines) runs a proxy before the web server; it is stopped at the end."""
    made = Stage(origin, tmp_path, free_port())
    yield made
    made.close()
