"""What HAProxy writes when a server or a backend changes its state, word for word.

Source: lines recorded from HAProxy 2.6 (tests/unit/runtime/recorded_transitions.txt); its manuals do not list them.
"""

from __future__ import annotations

from proxy.runtime.backend import Backend
from proxy.runtime.server import Server
from proxy.runtime.states import DRAIN, Admin, Operational


def title(server: Server) -> str:
    """How a line about the server begins."""
    return f"{'Backup ' if server.is_backup else ''}Server {server.backend.name}/{server.name}"


def via(server: Server) -> str:
    """Names the server that this one follows, after a blank; empty when it follows none."""
    return f" via {server.track.backend.name}/{server.track.name}" if server.track else ""


def _counts(backend: Backend, verb: str) -> str:
    on_backup = " Running on backup." if backend.backup_count and not backend.active_count else ""
    return f"{backend.active_count} active and {backend.backup_count} backup servers {verb}.{on_backup}"


def left(server: Server, requeued: int, remaining: int) -> str:
    """The end of a line about a server that is gone: what its backend has left."""
    return (
        f"{_counts(server.backend, 'left')} {server.served_by_all()} sessions active, {requeued} requeued,"
        f" {remaining} remaining in queue."
    )


def online(server: Server, requeued: int, remaining: int) -> str:
    """The end of a line about a server that still answers: what its backend has online."""
    return f"{_counts(server.backend, 'online')} {requeued} sessions requeued, {remaining} total in queue."


def left_or_online(server: Server, requeued: int, remaining: int) -> str:
    ending = left if server.operational is Operational.STOPPED else online
    return ending(server, requeued, remaining)


def operational_changed(server: Server, cause: str, requeued: int, remaining: int) -> str:
    """Checks, a tracked server or the administrator say that the server is up, stopping or down."""
    verb = {Operational.STOPPED: "DOWN", Operational.STOPPING: "stopping"}.get(server.operational, "UP")
    return f"{title(server)} is {verb}{cause}. {left_or_online(server, requeued, remaining)}"


def maintenance_entered(server: Server, cause: str, was_down: bool, requeued: int, remaining: int) -> str:
    if was_down:
        return f"{title(server)} was DOWN and now enters maintenance{cause}."
    return f"{title(server)} is going DOWN for maintenance{cause}. {left(server, requeued, remaining)}"


def maintenance_left(server: Server, flag: Admin) -> str:
    """Nothing holds the server in maintenance any more, `flag` was the last."""
    up = "DOWN" if server.operational is Operational.STOPPED else "UP"
    ready = "DRAIN" if server.admin & DRAIN else "READY"
    if flag is Admin.RMAINT:
        return f"{title(server)} ('{server.address.host}') is {up}/{ready} (resolves again)."
    return f"{title(server)} is {up}/{ready} (leaving {'forced ' if flag is Admin.FMAINT else ''}maintenance)."


def maintenance_remains(server: Server, flag: Admin) -> str:
    """`flag` was taken away, but something else still holds the server in maintenance."""
    if flag is Admin.FMAINT:
        cause = via(server) if server.admin & Admin.IMAINT else ""
        return f"{title(server)} is leaving forced maintenance but remains in maintenance{cause}."
    if flag is Admin.RMAINT:
        return f"{title(server)} ('{server.address.host}') resolves again but remains in maintenance."
    return f"{title(server)} remains in {'forced ' if server.admin & Admin.FMAINT else ''}maintenance."


def drain_entered(server: Server, flag: Admin, requeued: int, remaining: int) -> str:
    cause = via(server) if flag is Admin.IDRAIN else ""
    return f"{title(server)} enters drain state{cause}. {left_or_online(server, requeued, remaining)}"


def drain_left(server: Server) -> str:
    return f"{title(server)} is {'DOWN' if server.operational is Operational.STOPPED else 'UP'} (leaving forced drain)."


def drain_remains(server: Server) -> str:
    """Something else about the server changed while it drains, or one of two reasons to drain is gone."""
    if server.admin & Admin.FDRAIN:
        return f"{title(server)} remains in forced drain mode."
    return f"{title(server)} is leaving forced drain but remains in drain mode{via(server)}."


def backend_down(backend: Backend) -> str:
    word = "proxy" if backend.kind == "listen" else "backend"
    return f"{word} {backend.name} has no server available!"
