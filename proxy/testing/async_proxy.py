"""`AsyncProxy`: the load balancer on the caller's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import IO, Any, Self

from proxy.testing.embedded import Embedded, Path, matcher, waited_too_long

POLL_S = 0.005


class AsyncProxy(Embedded):
    """A load balancer for asynchronous programs and tests; it runs on the loop that `start` is awaited on.

        async with AsyncProxy(path="haproxy.cfg") as proxy:
            ...

    Its methods are to be called on that loop.
    """

    async def start(self) -> Self:
        """Start; when this returns, it serves.

        Raises: StartError, with nothing left behind.
        """
        instance = self._assemble()
        self._ended = asyncio.Event()
        instance.on_stopped = self._stopped
        try:
            instance.start(asyncio.get_running_loop())
        except BaseException:
            self._close(instance)
            raise
        self._instance = instance
        return self

    async def stop(self, grace_s: float = 0.0) -> None:
        """Stop. Sessions get `grace_s` seconds to end by themselves; harmless when it does not run."""
        instance = self._instance
        if instance is None:
            return
        try:
            if grace_s > 0 and not instance.is_stopped:
                instance.soft_stop()
                try:
                    async with asyncio.timeout(grace_s):
                        await self._ended.wait()
                except TimeoutError:
                    self._end_retired()
                    instance.hard_stop()
        finally:
            self._close(instance)
            self._instance = None
        await asyncio.sleep(0)              # lets the loop forget what was closed

    async def reload(
        self, text: str | bytes | None = None, *, path: Path | Sequence[Path] | None = None, file: IO[Any] | None = None
    ) -> None:
        """Serve another configuration, or the one of the same `path` read again; when this returns, new clients meet it.

        Listeners that stay keep their sockets and ports, streams at work end under the old configuration, counters and the states
        of servers go on by name. The text is read on a thread, so that nobody waits for that.
        Raises: ConfigError, StartError, and nothing has changed; ValueError for no configuration; NotStartedError.
        """
        self._running()
        configuration = await asyncio.to_thread(self._load_again, text, path, file)
        self._swap(configuration)

    def _all_over(self) -> None:
        self._ended.set()

    def soft_stop(self) -> None:
        """Stop listening; `wait_stopped` returns when the last session has ended."""
        self._running().soft_stop()

    async def wait_stopped(self) -> None:
        """Wait for the end of a soft stop."""
        self._running()
        await self._ended.wait()

    async def wait_until(
        self, condition: Callable[[AsyncProxy], bool] | str, state: str | None = None, timeout_s: float = 10.0
    ) -> None:
        """Wait until a predicate over this proxy is true, or a server (`backend/server`) is in a state ("UP", "DOWN", "MAINT").

        Raises: TimeoutError, naming the states of all servers.
        """
        is_reached = matcher(condition, state)
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        while not is_reached(self):
            if loop.time() >= deadline_s:
                raise waited_too_long(condition, state, timeout_s, self.servers())
            await asyncio.sleep(POLL_S)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
