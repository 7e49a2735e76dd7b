"""What both faces share: how a configuration is given, how an instance is made of it, what can be asked of it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, TypeVar

from proxy.base.errors import Diagnostic, StartError
from proxy.config.load import load
from proxy.config.load_options import LoadOptions
from proxy.config.model import Configuration
from proxy.master.assemble import Instance, assemble
from proxy.master.swapping import Retired, swap
from proxy.testing.socket_files import SocketFiles
from proxy.testing.views import ServerView, bound_address, counters_of, find_server, url_of, view_of

MESSAGES_KEPT = 1000
Path = str | os.PathLike[str]
T = TypeVar("T")


class NotStartedError(RuntimeError):
    """The load balancer does not run (yet, or any more)."""


class Embedded:
    """A configuration and, while it runs, its instance. The base of `Proxy` and `AsyncProxy`.

    Give exactly one of `text`, `path` (one or several files or directories) and `file` (an open file). `environment` is what
    variables are replaced from, the process's own by default; it is never changed.
    Raises: ConfigError, with every fault found; ValueError for no configuration at all.
    """

    def __init__(
        self, text: str | bytes | None = None, *, path: Path | Sequence[Path] | None = None, file: IO[Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._environment = environment
        self._path = path
        self.configuration: Configuration = self._load(text, path, file)
        self.messages: deque[tuple[str, str]] = deque(maxlen=MESSAGES_KEPT)
        self._instance: Instance | None = None
        self._retired: list[Retired] = []
        self._socket_files: SocketFiles | None = None

    def _load(
        self, text: str | bytes | None, path: Path | Sequence[Path] | None, file: IO[Any] | None
    ) -> Configuration:
        """Read a configuration.

        Raises: ConfigError; ValueError for none, or more than one.
        """
        if sum(source is not None for source in (text, path, file)) != 1:
            raise ValueError("give the configuration as one of: text, path=..., file=...")
        options = LoadOptions(port_zero=True)
        if path is not None:
            paths = [path] if isinstance(path, str | os.PathLike) else list(path)
            names = [os.fspath(each) for each in paths]
            return load(names, environment=self._environment, options=options)
        name = "<text>"
        given: Any = text
        if file is not None:
            given = file.read()
            name = str(getattr(file, "name", name))
        if isinstance(given, bytes):
            given = given.decode("utf-8", "surrogateescape")
        if not isinstance(given, str):
            raise TypeError(f"a configuration is a text, not {type(given).__name__}; a file is given as path=... or file=...")
        ended = given if given.endswith("\n") else given + "\n"
        return load(text=ended, environment=self._environment, options=options, name=name)

    def _load_again(
        self, text: str | bytes | None, path: Path | Sequence[Path] | None, file: IO[Any] | None
    ) -> Configuration:
        """Read another configuration; the one of the first `path` again where nothing is given.

        Raises: ConfigError; ValueError for none, or more than one.
        """
        if text is None and path is None and file is None:
            path = self._path
        return self._load(text, path, file)

    # what both know without running

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The warnings that the configuration gave."""
        return self.configuration.diagnostics

    @property
    def is_running(self) -> bool:
        """Whether it serves, or still ends its last sessions."""
        return self._instance is not None and (not self._instance.is_stopped or bool(self._retired))

    # while it runs

    @property
    def url(self) -> str:
        """`http://host:port` of the first listener."""
        names = [front.name for front in self._running().process.frontends if front.listeners and not front.disabled]
        return self.url_of(names[0])

    def url_of(self, frontend: str, listener: int = 0) -> str:
        """`http://host:port` of a frontend's listener.

        Raises: KeyError, LookupError.
        """
        return url_of(self._running().process, frontend, listener)

    def address(self, frontend: str, listener: int = 0) -> tuple[str, int]:
        """(host, port) of a frontend's listener, as bound.

        Raises: KeyError, LookupError.
        """
        return bound_address(self._running().process, frontend, listener)

    def port(self, frontend: str, listener: int = 0) -> int:
        """The port that a frontend's listener really has.

        Raises: KeyError, LookupError.
        """
        return self.address(frontend, listener)[1]

    def servers(self) -> dict[str, ServerView]:
        """Every server by `backend/server`."""
        def read(instance: Instance) -> dict[str, ServerView]:
            views = [view_of(server) for backend in instance.process.backends for server in backend.servers]
            return {view.name: view for view in views}

        return self._ask(read)

    def server(self, name: str) -> ServerView:
        """The server called `backend/server`.

        Raises: KeyError.
        """
        return self._ask(lambda instance: view_of(find_server(instance.process, name)))

    def state(self, server: str) -> str:
        """The statistics' word for a server's state, e.g. "UP" or "DOWN 1/2".

        Raises: KeyError.
        """
        return self.server(server).state

    def counters(self, proxy: str, service: str = "FRONTEND") -> dict[str, int | str]:
        """A row of the statistics by the names of its CSV columns; `service` is FRONTEND, BACKEND or a server's name.

        Raises: KeyError.
        """
        return self._ask(lambda instance: counters_of(instance.process, instance.clock.monotonic_ms(), proxy, service))

    def set_state(self, server: str, wanted: str) -> None:
        """Put a server to "ready", "drain" or "maint".

        Raises: KeyError; ValueError for another word.
        """
        self._ask(lambda instance: instance.actions.set_admin(find_server(instance.process, server), wanted))

    def set_weight(self, server: str, weight: int | str) -> None:
        """Give a server another weight, 0 to 256 or a percentage of the configured one as in "50%".

        Raises: KeyError; ValueError.
        """
        self._ask(lambda instance: instance.set_weight(find_server(instance.process, server), weight))

    def check_now(self, server: str) -> None:
        """Let the next health check of a server come at once.

        Raises: KeyError.
        """
        self._ask(lambda instance: instance.wake_checks(find_server(instance.process, server)))

    # for the two faces

    def _assemble(self) -> Instance:
        """Make the instance and open its listeners and logs.

        Raises: StartError, with nothing left open.
        """
        if self.is_running:
            raise StartError("start", "it runs already")
        instance = assemble(self.configuration, say=self._said)
        if not any(front.listeners for front in instance.process.frontends if not front.disabled):
            raise StartError("listeners", "nothing to listen on", "add a 'bind' line to a frontend or listen section")
        try:
            instance.bind()
            self._socket_files = SocketFiles(instance.process)
            instance.open()
        except BaseException:
            self._close(instance)
            raise
        return instance

    def _close(self, instance: Instance) -> None:
        """Leave nothing open and nothing lying about."""
        self._end_retired()
        instance.close()
        if self._socket_files is not None:
            self._socket_files.remove()
            self._socket_files = None

    def _swap(self, configuration: Configuration) -> None:
        """Serve another configuration; on the loop's thread.

        Raises: StartError, with nothing changed.
        """
        old = self._running()
        new, retired = swap(old, configuration, self._said, self._retirement_over)
        for earlier in self._retired:
            earlier.pay_to(new.process)
        self._retired.append(retired)
        new.on_stopped, self._instance, self.configuration = old.on_stopped, new, configuration
        files = SocketFiles(new.process)
        if self._socket_files is not None:
            self._socket_files.remove(files)
        self._socket_files = files
        retired.begin()

    def _retirement_over(self, retired: Retired) -> None:
        self._retired.remove(retired)
        if not self._retired and self._instance is not None and self._instance.is_stopped:
            self._all_over()

    def _stopped(self) -> None:
        """The instance has ended; those before it may not have."""
        if not self._retired:
            self._all_over()

    def _all_over(self) -> None:
        """Nothing runs any more."""

    def _end_retired(self) -> None:
        for retired in list(self._retired):
            retired.end()

    def _said(self, severity: str, text: str) -> None:
        self.messages.append((severity, text))

    def _running(self) -> Instance:
        if self._instance is None:
            raise NotStartedError("it does not run: call start() first, or use it as a context manager")
        return self._instance

    def _ask(self, question: Callable[[Instance], T]) -> T:
        """Ask on the thread of the loop."""
        return question(self._running())


def matcher(condition: Any, state: str | None) -> Callable[[Any], bool]:
    """What `wait_until` waits for: a predicate over the proxy, or a server's name and a state.

    "UP" is a server in full health; any other state is also reached with something behind it ("DOWN 1/2", "MAINT (via b/s)").
    """
    if isinstance(condition, str):
        if state is None:
            raise TypeError("wait_until needs the state to wait for: wait_until('backend/server', 'UP')")
        wanted = state

        def reached(proxy: Any) -> bool:
            word = str(proxy.state(condition))
            return word == wanted or (wanted != "UP" and word.startswith(wanted + " "))

        return reached
    if not callable(condition):
        raise TypeError("wait_until takes a predicate, or a server's name and a state")
    return lambda proxy: bool(condition(proxy))


def waited_too_long(condition: Any, state: str | None, timeout_s: float, servers: dict[str, ServerView]) -> TimeoutError:
    """What to raise when it did not come true."""
    states = ", ".join(f"{view.name} is {view.state}" for view in servers.values())
    what = f"{condition} to become {state}" if isinstance(condition, str) else "the condition"
    return TimeoutError(f"waited {timeout_s} s for {what}; {states or 'there are no servers'}")
