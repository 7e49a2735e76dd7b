"""`Proxy`: the load balancer on a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import IO, Any, Self, TypeVar

from proxy.base.errors import StartError
from proxy.master.assemble import Instance
from proxy.master.lifecycle import new_loop
from proxy.testing.embedded import Embedded, NotStartedError, Path, matcher, waited_too_long

POLL_S = 0.005
T = TypeVar("T")


class Proxy(Embedded):
    """A load balancer for synchronous programs and tests.

        with Proxy("listen web\\n mode http\\n bind 127.0.0.1:0\\n server s1 127.0.0.1:8000") as proxy:
            urllib.request.urlopen(proxy.url)

    `loop` is "uvloop" or "asyncio". Every method may be called from any thread.
    """

    def __init__(
        self, text: str | bytes | None = None, *, path: Path | Sequence[Path] | None = None, file: IO[Any] | None = None,
        environment: Mapping[str, str] | None = None, loop: str = "uvloop",
    ) -> None:
        super().__init__(text, path=path, file=file, environment=environment)
        self._loop_kind = loop
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Start; when this returns, it serves.

        Raises: StartError, with nothing left behind.
        """
        instance = self._assemble()
        started: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._instance = instance
        self._thread = threading.Thread(target=self._run, args=(instance, started), name="pyproxy", daemon=True)
        self._thread.start()
        try:
            started.result()
        except BaseException as error:
            self._thread.join()
            self._thread, self._instance = None, None
            if isinstance(error, Exception) and not isinstance(error, StartError):
                raise StartError("start", f"{type(error).__name__}: {error}") from error
            raise
        return self

    def stop(self, grace_s: float = 0.0, timeout_s: float = 10.0) -> None:
        """Stop. Sessions get `grace_s` seconds to end by themselves; harmless when it does not run.

        Raises: TimeoutError when the thread does not end.
        """
        thread = self._thread
        if thread is None:
            return
        if grace_s > 0:
            self._tell(Instance.soft_stop)
            thread.join(grace_s)
        self._tell(self._hard_stop)
        thread.join(timeout_s)
        if thread.is_alive():
            raise TimeoutError(f"the load balancer's thread did not end within {timeout_s} s")
        self._thread, self._instance = None, None

    def reload(
        self, text: str | bytes | None = None, *, path: Path | Sequence[Path] | None = None, file: IO[Any] | None = None
    ) -> None:
        """Serve another configuration, or the one of the same `path` read again; when this returns, new clients meet it.

        Listeners that stay keep their sockets and ports, streams at work end under the old configuration, counters and the states
        of servers go on by name.
        Raises: ConfigError, StartError, and nothing has changed; ValueError for no configuration; NotStartedError.
        """
        self._running()
        configuration = self._load_again(text, path, file)

        def swap(instance: Instance) -> None:
            self._swap(configuration)
            if self._loop is not None:
                self._loop.set_exception_handler(self._running().callback_failed)

        self._ask(swap)

    def soft_stop(self) -> None:
        """Stop listening; `is_running` becomes false when the last session has ended."""
        self._running()
        self._tell(Instance.soft_stop)

    def wait_until(
        self, condition: Callable[[Proxy], bool] | str, state: str | None = None, timeout_s: float = 10.0
    ) -> None:
        """Wait until a predicate over this proxy is true, or a server (`backend/server`) is in a state ("UP", "DOWN", "MAINT").

        Raises: TimeoutError, naming the states of all servers.
        """
        is_reached = matcher(condition, state)
        deadline_s = time.monotonic() + timeout_s
        while not is_reached(self):
            if time.monotonic() >= deadline_s:
                raise waited_too_long(condition, state, timeout_s, self.servers())
            time.sleep(POLL_S)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _hard_stop(self, instance: Instance) -> None:
        self._end_retired()
        instance.hard_stop()

    def _run(self, instance: Instance, started: concurrent.futures.Future[None]) -> None:
        loop = self._loop = new_loop(self._loop_kind)
        try:
            loop.set_exception_handler(instance.callback_failed)
            instance.on_stopped = self._stopped
            instance.start(loop)
        except BaseException as error:
            self._close(instance)
            loop.close()
            started.set_exception(error)
            return
        loop.call_soon(started.set_result, None)
        try:
            loop.run_forever()
        finally:
            self._close(self._instance or instance)
            loop.close()

    def _all_over(self) -> None:
        if self._loop is not None:
            self._loop.stop()

    def _tell(self, order: Callable[[Instance], None]) -> None:
        instance, loop = self._instance, self._loop
        if instance is None or loop is None or instance.is_stopped:
            return
        try:
            loop.call_soon_threadsafe(order, instance)
        except RuntimeError:                # the loop ended by itself in the meantime
            return

    def _ask(self, question: Callable[[Instance], T]) -> T:
        instance, thread, loop = self._running(), self._thread, self._loop
        if thread is None or loop is None:
            raise NotStartedError("it does not run: call start() first")
        if instance.is_stopped or threading.current_thread() is thread:
            return question(instance)
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()

        def on_loop() -> None:
            try:
                answer.set_result(question(instance))
            except BaseException as error:
                answer.set_exception(error)

        try:
            loop.call_soon_threadsafe(on_loop)
        except RuntimeError:                # it has stopped just now: nobody else touches the instance any more
            thread.join()
            return question(instance)
        while True:
            try:
                return answer.result(timeout=0.1)
            except concurrent.futures.TimeoutError:
                if answer.done():
                    return answer.result()
                if not thread.is_alive():
                    return question(instance)
