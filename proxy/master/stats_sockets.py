"""The `stats socket` lines of a configuration, and a master's `-S`: bound as `bind` lines are, served by `admin`."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from proxy.base.errors import NOWHERE, ConfigError, StartError
from proxy.config.load import load
from proxy.config.model import Bind, StatsSocket
from proxy.engine.handover import Inherited
from proxy.engine.listening import open_listeners
from proxy.runtime.frontend import Frontend, Listener

OWNERS_ONLY = 0o600             # where a line says nothing; HAProxy leaves it to the umask, which seldom lets others in
Opened = list[tuple[StatsSocket, Listener, socket.socket]]


def open_stats_sockets(lines: Iterable[StatsSocket], inherited: Inherited | None = None) -> Opened:
    """Listen for commands.

    Raises: StartError, with none left open.
    """
    frontend = Frontend("GLOBAL", 0)
    lines = list(lines)
    listeners = []
    for number, line in enumerate(lines, 1):
        listener = Listener(frontend, number, line.address)
        listener.bind = Bind(
            line.address, mode=OWNERS_ONLY if line.mode is None else line.mode, user=line.user, group=line.group, uid=line.uid,
            gid=line.gid, where=line.where)
        listeners.append(listener)
    opened = open_listeners(listeners, 1, inherited or Inherited())
    found: Opened = []
    for line, (listener, (first, *others)) in zip(lines, opened, strict=True):
        for sock in others:                 # of a predecessor with more of them: never, as one is opened
            sock.close()
        found.append((line, listener, first))
    return found


def master_socket(words: str) -> StatsSocket:
    """What `-S <address>[,<word>...]` says; everything is allowed there unless it says less.

    Raises: StartError.
    """
    address, *options = words.split(",")
    if "level" not in options:
        options += ["level", "admin"]
    line = " ".join(map(_quoted, (address, *options)))
    try:
        found = load(text=f"global\n stats socket {line}\n", name="-S").global_.stats_sockets[0]
    except ConfigError as error:
        raise StartError("master", f"-S {words}: {error.diagnostics[0].message}", "write: -S /run/pyproxy-master.sock") from None
    return found._replace(where=NOWHERE)


def _quoted(word: str) -> str:
    """A word as a configuration's line has it."""
    return "'" + word.replace("'", "'\\''") + "'"
