"""What a caller sees of what runs: plain values, read at one instant."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.runtime.status_text import status
from proxy.stats.fields import FIELDS, values_of
from proxy.stats.readings import Kind, Reading

WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class ServerView:
    """One server.

    `state` is the statistics' word: "UP", "UP 1/3", "DOWN", "DRAIN", "MAINT", "no check" and so on. `address` is what is
    connected to, "" while its name does not resolve.
    """

    name: str
    state: str
    is_up: bool
    weight: int
    sessions: int
    address: str


def view_of(server: Server) -> ServerView:
    """The server as it is now."""
    address = server.sockaddr
    if isinstance(address, tuple):
        text = f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
    else:
        text = address or ""
    return ServerView(
        f"{server.backend.name}/{server.name}", status(server).word, server.is_up, server.user_weight, server.served_by_all(),
        text,
    )


def find_server(process: Process, name: str) -> Server:
    """The server called `backend/server`.

    Raises: KeyError, naming the nearest there is.
    """
    by_name = {f"{server.backend.name}/{server.name}": server for back in process.backends for server in back.servers}
    if name not in by_name:
        raise KeyError(_missing("server", name, by_name))
    return by_name[name]


def bound_address(process: Process, frontend: str, listener: int = 0) -> tuple[str, int]:
    """The (host, port) that a frontend's listener really has; a wildcard becomes the loopback address.

    Raises: KeyError for an unknown frontend; LookupError for a unix socket or a listener that is not bound.
    """
    found = process.frontend(frontend)
    if found is None:
        raise KeyError(_missing("frontend", frontend, [each.name for each in process.frontends]))
    bound: Any = found.listeners[listener].bound if listener < len(found.listeners) else None
    if not isinstance(bound, tuple):
        raise LookupError(f"frontend '{frontend}' has no TCP listener number {listener} at work")
    host = str(bound[0])
    return WILDCARDS.get(host, host), int(bound[1])


def url_of(process: Process, frontend: str, listener: int = 0) -> str:
    """`http://host:port` of a frontend's listener."""
    host, port = bound_address(process, frontend, listener)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def counters_of(process: Process, now_ms: int, proxy: str, service: str) -> dict[str, int | str]:
    """A row of the statistics by CSV column; columns that do not apply are left out. `service` is FRONTEND, BACKEND or a server.

    Raises: KeyError, naming the nearest there is.
    """
    kind, subject = _row(process, proxy, service)
    values = values_of(Reading(process, kind, subject, now_ms))
    return {field.name: value for field, value in zip(FIELDS, values, strict=True) if value is not None}


def _row(process: Process, proxy: str, service: str) -> tuple[Kind, Any]:
    frontend, backend = process.frontend(proxy), process.backend(proxy)
    if frontend is None and backend is None:
        names = [front.name for front in process.frontends] + [back.name for back in process.backends]
        raise KeyError(_missing("proxy", proxy, names))
    choices: dict[str, Callable[[], tuple[Kind, Any]]] = {}
    if frontend is not None:
        choices["FRONTEND"] = lambda: (Kind.FRONTEND, frontend)
    if backend is not None:
        choices["BACKEND"] = lambda: (Kind.BACKEND, backend)
        for server in backend.servers:
            choices[server.name] = lambda server=server: (Kind.SERVER, server)  # type: ignore[misc]
    if service not in choices:
        raise KeyError(_missing(f"row of '{proxy}'", service, choices))
    return choices[service]()


def _missing(what: str, name: str, there: Iterable[str]) -> str:
    names = list(there)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(names) or 'none'}"
    return f"no {what} '{name}'; {hint}"
