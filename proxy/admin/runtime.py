"""What a process answers: the commands of the runtime API that there are so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from proxy.admin.commands import Answer, Caller, Command, Commands
from proxy.base.clock import Clock
from proxy.base.version import HAPROXY_VERSION
from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.stats.actions import RuntimeActions
from proxy.stats.csv_output import csv_chunks
from proxy.stats.info import LoadMeter, ProcessReading, info_values
from proxy.stats.snapshot import Selection, batches


class RuntimeSpeaker:
    """Answers for one process (`conversation.Speaker`). `set_weight` raises ValueError with HAProxy's text."""

    def __init__(
        self, process: Process, clock: Clock, actions: RuntimeActions, meter: LoadMeter,
        set_weight: Callable[[Server, str], None],
    ) -> None:
        self._process = process
        self._clock = clock
        self._actions = actions
        self._meter = meter
        self._set_weight = set_weight
        self._commands = Commands((
            Command(("show", "version"), "show version", "show version of the current process",
                    lambda words, caller: HAPROXY_VERSION + "\n"),
            Command(("show", "info"), "show info", "report information about the running process", self._info),
            Command(("show", "stat"), "show stat", "report counters for each proxy and server", self._stat),
            Command(("get", "weight"), "get weight <bk>/<srv>", "report a server's current weight", self._weight),
            Command(("set", "weight"), "set weight <bk>/<srv> <weight>", "change a server's weight", self._change_weight,
                    "admin"),
            Command(("set", "server"), "set server <bk>/<srv> {state|weight|health} <value>", "change a server's state or weight",
                    self._set_server, "admin"),
            Command(("disable", "server"), "disable server <bk>/<srv>", "disable a server for maintenance",
                    lambda words, caller: self._state(words, "maint"), "admin"),
            Command(("enable", "server"), "enable server <bk>/<srv>", "enable a disabled server",
                    lambda words, caller: self._state(words, "ready"), "admin"),
        ))

    def answer(self, command: str, caller: Caller) -> Answer:
        return self._commands.answer(command.split(), caller)

    def prompt(self) -> str:
        return "> "

    def end_line(self, is_interactive: bool) -> None:
        """Nothing lasts for a line only."""

    def _info(self, words: Sequence[str], caller: Caller) -> str:
        reading = ProcessReading(self._process, self._clock.monotonic_ms(), self._meter)
        return "".join(f"{entry.name}: {value}\n" for _, entry, value in info_values(reading))

    def _stat(self, words: Sequence[str], caller: Caller) -> str:
        chunks = csv_chunks(batches(self._process, self._clock.monotonic_ms(), Selection()))
        return b"".join(chunks).decode("utf-8", "surrogateescape")

    def _weight(self, words: Sequence[str], caller: Caller) -> str:
        server = self._server(words)
        return server if isinstance(server, str) else f"{server.user_weight} (initial {server.configured_weight})\n"

    def _change_weight(self, words: Sequence[str], caller: Caller) -> str:
        return self._with_server(words, lambda server: self._set_weight(server, words[1] if len(words) > 1 else ""))

    def _set_server(self, words: Sequence[str], caller: Caller) -> str:
        actions: dict[str, Callable[[Server, str], None]] = {
            "state": self._actions.set_admin, "weight": self._set_weight, "health": self._actions.set_health,
        }
        what, value = [*words[1:3], "", ""][:2]
        if what not in actions:
            return "usage: set server <backend>/<server> {state|weight|health} <value>\n"
        return self._with_server(words, lambda server: actions[what](server, value))

    def _state(self, words: Sequence[str], wanted: str) -> str:
        return self._with_server(words, lambda server: self._actions.set_admin(server, wanted))

    def _with_server(self, words: Sequence[str], act: Callable[[Server], None]) -> str:
        server = self._server(words)
        if isinstance(server, str):
            return server
        try:
            act(server)
        except ValueError as error:
            return f"{error}\n"
        return ""

    def _server(self, words: Sequence[str]) -> Server | str:
        """The server that the first word names, or what is wrong with it."""
        backend_name, slash, name = (words[0] if words else "").partition("/")
        if not slash or not name:
            return "Require 'backend/server'.\n"
        backend = self._process.backend(backend_name)
        if backend is None:
            return "No such backend.\n"
        return backend.server(name) or "No such server.\n"
