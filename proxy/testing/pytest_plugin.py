"""A pytest fixture: `pytest_plugins = ["proxy.testing.pytest_plugin"]` in a conftest.py, then ask for `pyproxy`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from proxy.testing.proxy import Proxy


@pytest.fixture
def pyproxy() -> Iterator[Callable[..., Proxy]]:
    """pyproxy(text, **how) starts a load balancer; all are stopped at the end of the test."""
    started: list[Proxy] = []

    def start(*arguments: Any, **how: Any) -> Proxy:
        proxy = Proxy(*arguments, **how)
        started.append(proxy)
        return proxy.start()

    yield start
    for proxy in reversed(started):
        proxy.stop()
