"""Clients by the thousand in one event loop: each request is answered, or the run fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import uvloop

MARK = b"<end>"
REQUEST = (
    b"GET /small?x=1 HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: soak/1.0\r\nAccept: text/html,*/*;q=0.8\r\n"
    b"Cookie: session=0123456789abcdef; SRV=s1\r\n\r\n"
)
PATIENCE_S = 120.0


class Client(asyncio.Protocol):
    """One connection that asks one thing at a time; `ended` is settled when the far end has closed it."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.got = b""
        self.asked: asyncio.Future[None] | None = None
        self.ended = asyncio.get_running_loop().create_future()

    def ask(self) -> asyncio.Future[None]:
        """Send a request; done with the last octet of the answer."""
        self.got = b""
        self.asked = asyncio.get_running_loop().create_future()
        self.transport.write(REQUEST)
        return self.asked

    def data_received(self, data: bytes) -> None:
        self.got += data
        if self.got.endswith(MARK) and self.asked is not None:
            asked, self.asked = self.asked, None
            if self.got.startswith(b"HTTP/1.1 200 "):
                asked.set_result(None)
            else:
                asked.set_exception(ConnectionError(f"answered {self.got[:200]!r}"))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        if self.asked is not None and not self.asked.done():
            self.asked.set_exception(ConnectionError(f"the connection ended after {self.got[:200]!r}"))


async def opened(port: int) -> Client:
    _, client = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)
    return client


async def on_kept_connections(port: int, requests: int, connections: int) -> None:
    """So many requests in all, over connections that stay."""
    async def one() -> None:
        client = await opened(port)
        for _ in range(requests // connections):
            await client.ask()
        client.transport.close()
        await client.ended

    await everybody([one() for _ in range(connections)])


async def on_new_connections(port: int, requests: int, connections: int, closes: bool) -> None:
    """A connection for each request, so many at a time; `closes`: the client is the one that ends it."""
    async def one() -> None:
        for _ in range(requests // connections):
            client = await opened(port)
            await client.ask()
            if closes:
                client.transport.close()
            await client.ended

    await everybody([one() for _ in range(connections)])


async def everybody(tasks: list[Awaitable[None]]) -> None:
    async with asyncio.timeout(PATIENCE_S * 10):
        await asyncio.gather(*tasks)


def drive(work: Awaitable[None]) -> None:
    """Run a load to its end.

    Raises: ConnectionError when a request was not answered as it should be.
    """
    async def run() -> None:
        await work

    uvloop.run(run())
