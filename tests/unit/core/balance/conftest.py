"""Servers to choose among."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from proxy.base.addresses import Address, Family
from proxy.runtime.backend import Backend
from proxy.runtime.server import WEIGHT_SCALE, Server

NOWHERE = Address(Family.IPV4, "127.0.0.1", 1)


def make_servers(weights: Sequence[int], ids: Sequence[int] | None = None, maxconn: Sequence[int] | None = None) -> list[Server]:
    """Running servers a, b, c… of these weights."""
    backend = Backend("app", 2)
    for index, weight in enumerate(weights):
        server = Server(backend, "abcdefghijklmnop"[index], ids[index] if ids else index + 1, NOWHERE)
        server.configured_weight = server.user_weight = weight
        server.weight_now = weight * WEIGHT_SCALE
        server.maxconn = maxconn[index] if maxconn else 0
        backend.servers.append(server)
    return backend.servers


@pytest.fixture
def servers_of() -> Callable[..., list[Server]]:
    return make_servers
