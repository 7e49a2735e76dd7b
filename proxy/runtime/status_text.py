"""The word for a server's state, as the statistics page, the CSV, the runtime API and the SIGHUP dump show it.

| state | word | row |
|---|---|---|
| held in maintenance | MAINT, MAINT (via b/s), MAINT (resolution) | maintain |
| not checked, up | no check, DRAIN, NOLB | no_check, draining, nolb |
| checked, up | UP, UP n/fall, DRAIN n/fall, NOLB n/fall | up, going_down, draining, nolb |
| down | DOWN, DOWN n/rise | down, going_up |

Source: HAProxy management guide, section 9.1, field "status".
"""

from __future__ import annotations

from typing import NamedTuple

from proxy.runtime.backend import Backend
from proxy.runtime.server import Server
from proxy.runtime.states import DRAIN, MAINT, Admin, Operational


class Status(NamedTuple):
    """The word, and the suffix of the row's class on the page ("active_" or "backup_" goes before it, save "maintain")."""

    word: str
    row: str


def status(server: Server) -> Status:
    """What to call the server's state now; a server that tracks another shows the health of the one it follows."""
    if server.admin & MAINT:
        return Status(_maintenance(server), "maintain")
    root = server
    while root.track is not None:
        root = root.track
    if server.operational is Operational.STOPPED:
        if root.is_checked and root.health:
            return Status(f"DOWN {root.health}/{root.rise}", "going_up")
        return Status("DOWN", "down")
    full_health = not root.is_checked or root.health >= root.rise + root.fall - 1
    part = "" if full_health else f" {max(0, root.health - root.rise + 1)}/{root.fall}"
    if server.operational is Operational.STOPPING:
        return Status(f"NOLB{part}", "nolb")
    if server.admin & DRAIN:
        return Status(f"DRAIN{part}", "draining")
    if not root.is_checked:
        return Status("no check", "draining" if server.user_weight == 0 else "no_check")
    if server.user_weight == 0:
        return Status(f"UP{part}", "draining")
    return Status(f"UP{part}", "going_down" if part else "up")


def _maintenance(server: Server) -> str:
    if server.admin & Admin.IMAINT and server.track is not None:
        return f"MAINT (via {server.track.backend.name}/{server.track.name})"
    return "MAINT (resolution)" if server.admin & Admin.RMAINT else "MAINT"


def backend_status(backend: Backend) -> Status:
    """UP while any server is usable, and when it needs none."""
    usable = backend.active_count or backend.backup_count or not backend.servers
    return Status("UP", "up") if usable else Status("DOWN", "down")


def server_is_up_word(server: Server) -> str:
    """"UP" or "DOWN", as the SIGHUP dump has it."""
    return "DOWN" if server.operational is Operational.STOPPED else "UP"


def check_state_bits(server: Server) -> int:
    """`srv_check_state` of "show servers state": 1 running now, 2 configured, 4 enabled, 8 paused by maintenance."""
    bits = 8 if server.admin & Admin.CMAINT and server.check is None else 0
    if server.check is not None:
        running = server.check_result is not None and server.check_result.running
        bits |= 2 | (0 if server.check_disabled else 4) | (1 if running else 0)
        if server.admin & MAINT and not server.check_disabled:
            bits |= 8
    return bits
