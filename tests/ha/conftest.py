"""The lab, built once for all tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ha.lab import Lab, unavailable


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("PYPROXY_SOAK") == "1":
        return
    here = str(Path(__file__).parent)
    long = [item for item in items if str(item.path).startswith(here) and item.get_closest_marker("soak") is not None]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session")
def _lab() -> Iterator[Lab]:
    reason = unavailable()
    if reason:
        if os.environ.get("PYPROXY_REQUIRE_PEERS") == "1":
            pytest.fail(f"test not run: {reason}", pytrace=False)
        pytest.skip(reason)
    lab = Lab()
    yield lab
    lab.close()


@pytest.fixture
def lab(_lab: Lab) -> Iterator[Lab]:
    """Five hosts on a bridge, as new; whatever a test has started ends with it."""
    yield _lab
    _lab.reset()
