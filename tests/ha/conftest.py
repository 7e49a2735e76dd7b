"""The lab, built once for all tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.ha.lab import Lab, unavailable


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
