"""Thousands of connections at a time: all are served, and those that say nothing cost next to nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.soak.loads import Client, drive, on_kept_connections, opened
from tests.soak.stage import Stage

CONNECTIONS = 9_500
AT_A_TIME = 250
ROUNDS = 2
EACH_OCTETS = 3 << 10


def test_9500_connections_are_served_twice_around(stage: Stage, figure: Callable[[str], None]) -> None:
    stage.start(maxconn=9_600)
    drive(on_kept_connections(stage.port, 20_000, 32))
    before = stage.rss_octets()
    grown = 0

    async def around() -> None:
        nonlocal grown
        clients: list[Client] = []
        for _ in range(0, CONNECTIONS, AT_A_TIME):
            clients += await asyncio.gather(*(opened(stage.port) for _ in range(AT_A_TIME)))
        for _ in range(ROUNDS):
            for first in range(0, CONNECTIONS, AT_A_TIME):
                await asyncio.gather(*(client.ask() for client in clients[first:first + AT_A_TIME]))
        grown = stage.rss_octets() - before
        for client in clients:
            assert not client.ended.done()
            client.transport.close()
        await asyncio.gather(*(client.ended for client in clients))

    drive(around())
    each = grown / CONNECTIONS
    figure(f"{each:.0f} octets of memory a connection")
    assert each <= EACH_OCTETS
