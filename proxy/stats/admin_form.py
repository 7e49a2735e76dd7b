"""The page's admin form: which servers, which action, and the code that tells how it went.

| action | what it does | | action | what it does |
|---|---|---|---|---|
| ready, drain, maint | state wanted | | dhlth, ehlth | stop, run health checks |
| shutdown | end its sessions | | hrunn, hnolb, hdown | force the health |
| disable, enable | maint, no more | | dagent, eagent, arunn, adown | agent checks: none here yet, nothing changes |
| stop, start | drain, no more | | | |

Of an action or a backend given twice, the last counts. A browser sends neither twice.

Source: HAProxy configuration manual, "stats admin"; codes as HAProxy's page gives them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from urllib.parse import unquote_to_bytes

from proxy.runtime.backend import Backend
from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.runtime.service import ServiceRequest
from proxy.runtime.states import Admin
from proxy.stats.same_origin import is_same_origin

DONE, NONE, PARTIAL, BAD_PARAMETER = "DONE", "NONE", "PART", "ERRP"
TOO_LARGE, DENIED, INVALID, UNKNOWN = "EXCD", "DENY", "IVAL", "UNKN"

BANNERS: dict[str, tuple[str, str]] = {
    DONE: ("up", "Done: the action was applied to every server chosen."),
    NONE: ("going_down", "Nothing has changed: no server or action was chosen, or the servers were in that state already."),
    PARTIAL: ("going_down", "Done in part: some of the servers are not known in that backend."),
    BAD_PARAMETER: ("down", "Not done: the backend, the servers or the action are not known."),
    TOO_LARGE: ("down", "Not done: the form was larger than one buffer. Choose fewer servers at a time."),
    DENIED: ("down", "Denied: this page may not change the state of servers, or another site's page tried to."),
    INVALID: ("down", "Not done: the request was cut or not a form that can be read."),
    UNKNOWN: ("no_check", "An answer that is not known."),
}


class ServerActions(Protocol):
    """What the form may do to a server; the process gives one that knows clock, events and sessions."""

    def set_admin(self, server: Server, wanted: str) -> None:
        """Want "ready", "drain" or "maint"."""

    def add_admin(self, server: Server, flag: Admin) -> None:
        """Want this, besides what is wanted already."""

    def clear_admin(self, server: Server, flag: Admin) -> None:
        """Want this no more, whatever else is wanted."""

    def set_health(self, server: Server, wanted: str) -> None:
        """Force the health of a server that tracks no other to "up", "stopping" or "down"."""

    def set_check_enabled(self, server: Server, enabled: bool) -> None:
        """Run the health checks of a server that has some, or not."""

    def shutdown_sessions(self, server: Server) -> None:
        """End every session the server has."""


Apply = Callable[[ServerActions, Server], bool]         # true when the server could take the action


def _admin(wanted: str) -> Apply:
    def apply(actions: ServerActions, server: Server) -> bool:
        actions.set_admin(server, wanted)
        return True

    return apply


def _flag(flag: Admin, wanted: bool) -> Apply:
    def apply(actions: ServerActions, server: Server) -> bool:
        if bool(server.admin & flag) == wanted:
            return False
        if wanted:
            actions.add_admin(server, flag)
        else:
            actions.clear_admin(server, flag)
        return True

    return apply


def _checks(enabled: bool) -> Apply:
    def apply(actions: ServerActions, server: Server) -> bool:
        if server.check is None:
            return False
        actions.set_check_enabled(server, enabled)
        return True

    return apply


def _health(wanted: str) -> Apply:
    def apply(actions: ServerActions, server: Server) -> bool:
        if server.track is not None:
            return False
        actions.set_health(server, wanted)
        return True

    return apply


def _shutdown(actions: ServerActions, server: Server) -> bool:
    actions.shutdown_sessions(server)
    return True


def _no_agent(actions: ServerActions, server: Server) -> bool:
    return False


ACTIONS: dict[str, tuple[str, Apply]] = {
    "ready": ("Set state to READY", _admin("ready")),
    "drain": ("Set state to DRAIN", _admin("drain")),
    "maint": ("Set state to MAINT", _admin("maint")),
    "dhlth": ("Health: disable checks", _checks(False)),
    "ehlth": ("Health: enable checks", _checks(True)),
    "hrunn": ("Health: force UP", _health("up")),
    "hnolb": ("Health: force NOLB", _health("stopping")),
    "hdown": ("Health: force DOWN", _health("down")),
    "dagent": ("Agent: disable checks", _no_agent),
    "eagent": ("Agent: enable checks", _no_agent),
    "arunn": ("Agent: force UP", _no_agent),
    "adown": ("Agent: force DOWN", _no_agent),
    "shutdown": ("Kill Sessions", _shutdown),
}
"""What the page offers: the words it shows, and what is done."""
_APPLY: dict[str, Apply] = {word: apply for word, (_, apply) in ACTIONS.items()} | {
    "disable": _flag(Admin.FMAINT, True), "enable": _flag(Admin.FMAINT, False),
    "stop": _flag(Admin.FDRAIN, True), "start": _flag(Admin.FDRAIN, False),
}
"""The same, and the words of old pages, which scripts still send."""


def form_pairs(body: bytes) -> list[tuple[str, str]]:
    """The names and values of a form, decoded."""
    pairs = []
    for part in body.split(b"&"):
        name, _, value = part.partition(b"=")
        pairs.append((_decoded(name), _decoded(value)))
    return pairs


def _decoded(octets: bytes) -> str:
    return unquote_to_bytes(octets.replace(b"+", b" ")).decode("utf-8", "surrogateescape")


def answer_form(process: Process, request: ServiceRequest, actions: ServerActions, allowed: Callable[[Backend], bool]) -> str:
    """Do what a posted form asks and tell the status code of the page that follows.

    `allowed` tells whether a backend is within the scope of this page.
    """
    if not is_same_origin(request):
        return DENIED
    if request.body is None:
        return TOO_LARGE if request.body_error == "too-large" else INVALID
    pairs = form_pairs(request.body)
    names = [value for name, value in pairs if name == "s"]
    last = dict(pairs)                          # of each name
    action, where = last.get("action"), last.get("b")
    backend = None if where is None else _backend(process, where)
    if (action is not None and action not in _APPLY) or (where is not None and (backend is None or not allowed(backend))):
        return BAD_PARAMETER
    if not names or action is None or backend is None:
        return NONE
    return _apply(backend, names, _APPLY[action], actions)


def _backend(process: Process, where: str) -> Backend | None:
    """The backend of that name, or of that number after "#"."""
    if where.startswith("#"):
        number = where[1:]
        if not (number.isascii() and number.isdigit() and len(number) < 12):
            return None
        return next((backend for backend in process.backends if backend.iid == int(number)), None)
    return process.backend(where)


def _apply(backend: Backend, names: list[str], apply: Apply, actions: ServerActions) -> str:
    by_name = {server.name: server for server in backend.servers}
    changed = unknown = 0
    for name in dict.fromkeys(names):
        server = by_name.get(name)
        if server is None:
            unknown += 1
            continue
        changed += apply(actions, server)
    if unknown:
        return PARTIAL if changed else BAD_PARAMETER
    return DONE if changed else NONE
