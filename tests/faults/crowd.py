"""Clients that ask again and again, in an event loop and a thread of their own, and what became of each request."""

from __future__ import annotations

import asyncio
import select
import threading
import time
from collections import Counter

from tests.e2e.conftest import PATIENCE_S

Address = tuple[str, int] | str


class Cut(Exception):
    """An answer ended before it was whole."""


async def opened(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to a TCP address, or to the path of a unix socket."""
    if isinstance(address, str):
        return await asyncio.open_unix_connection(address)
    return await asyncio.open_connection(*address)


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of one response that has a length or is chunked.

    Raises: Cut.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head[:-4].lower().split(b"\r\n")
        fields = dict(line.split(b": ", 1) for line in lines[1:])
        status = int(lines[0].split()[1])
        if fields.get(b"transfer-encoding") == b"chunked":
            body = b""
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readuntil(b"\r\n")
            return status, body
        return status, await reader.readexactly(int(fields.get(b"content-length", b"0")))
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise Cut(repr(error)) from error


class Crowd:
    """So many clients, each asking as fast as it is answered; on connections that stay (`keep`) or on new ones."""

    def __init__(self, address: Address, clients: int = 8, keep: bool = False, target: str = "/", pause_s: float = 0.0) -> None:
        self._address, self._clients, self._keep, self._pause_s = address, clients, keep, pause_s
        closes = "" if keep else "connection: close\r\n"
        self._request = f"GET {target} HTTP/1.1\r\nhost: test\r\n{closes}\r\n".encode()
        self.seen: Counter[str] = Counter()
        self.times_s: list[float] = []
        self.at_s: list[float] = []
        self._over = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()))
        self._thread.start()

    async def _all(self) -> None:
        await asyncio.gather(*(self._one() for _ in range(self._clients)))

    async def _one(self) -> None:
        connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self._over:
            began_s = time.monotonic()
            try:
                async with asyncio.timeout(PATIENCE_S):
                    if connection is None:
                        connection = await opened(self._address)
                    connection[1].write(self._request)
                    status, _ = await answer(connection[0])
                    outcome = str(status)
            except Exception as error:              # whatever it is, it counts as a request that failed
                outcome = type(error).__name__
            now_s = time.monotonic()
            self.seen[outcome] += 1
            self.times_s.append(now_s - began_s)
            self.at_s.append(now_s)
            if connection is not None and (not self._keep or outcome != "200"):
                connection[1].transport.abort()
                connection = None
            await asyncio.sleep(self._pause_s)
        if connection is not None:
            connection[1].transport.abort()
            await asyncio.sleep(0)

    @property
    def good(self) -> int:
        return self.seen["200"]

    @property
    def failed(self) -> int:
        return self.total - self.good

    @property
    def total(self) -> int:
        return sum(self.seen.values())

    def await_more(self, requests: int) -> None:
        """Until so many more were answered with 200."""
        wanted = self.good + requests
        until_s = time.monotonic() + PATIENCE_S * 6
        while self.good < wanted:
            assert time.monotonic() < until_s, f"waited in vain for {requests} more requests to be answered ({dict(self.seen)})"
            select.select([], [], [], 0.005)

    def p99_s(self, since: int = 0) -> float:
        """The time within which 99 % of the requests were over, from that one on."""
        times = sorted(self.times_s[since:])
        return times[len(times) * 99 // 100]

    def stop(self) -> Crowd:
        self._over = True
        self._thread.join()
        return self
