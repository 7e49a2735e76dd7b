"""The states of servers as their predecessors of the same names left them: what a reload begins with, after `start_states`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from proxy.runtime import transitions
from proxy.runtime.backend import Backend
from proxy.runtime.legacy import ServerMemory
from proxy.runtime.log import Events
from proxy.runtime.server import WEIGHT_MAX, Server
from proxy.runtime.states import DRAIN, MAINT, Admin, Operational
from proxy.runtime.transitions import count_usable, ramp_due, start_state, weight_in_force


def restore_states(backends: Iterable[Backend], left: Mapping[tuple[str, str], ServerMemory], now_ms: int) -> None:
    """Begin with the states that a predecessor's servers of the same names had, silently; after `start_states`.

    What the administrator wanted holds where the configuration has not changed its own word since; what checks found holds where
    they ask the same address.
    """
    backends = list(backends)
    for backend in backends:
        for server in backend.servers:
            memory = left.get((backend.name, server.name))
            if memory is not None:
                _restore_wishes(server, memory)
            server.admin &= ~(Admin.IMAINT | Admin.IDRAIN)
    for backend in backends:
        for server in backend.servers:
            start_state(server)
            memory = left.get((backend.name, server.name))
            if memory is not None and memory.address == str(server.address):
                _restore_findings(server, memory, now_ms)
    for backend in backends:
        for server in backend.servers:
            _follow_tracked(server)
            server.weight_now = weight_in_force(server)
        was_usable = backend.active_count + backend.backup_count > 0
        count_usable(backend)
        backend.farm.changed()
        is_usable = backend.active_count + backend.backup_count > 0
        if was_usable and not is_usable:
            backend.down_since_ms = now_ms
        elif is_usable:
            backend.down_since_ms = -1


def catch_up(
    backends: Iterable[Backend], before: Mapping[tuple[str, str], ServerMemory], now: Mapping[tuple[str, str], ServerMemory],
    now_ms: int, events: Events,
) -> None:
    """Change what was changed there between two accounts of a predecessor: somebody asked for it while this process started.

    What checks found meanwhile is left to our own, which ask at the same time; a server that has none is as it was told to be.
    """
    for backend in backends:
        for server in backend.servers:
            key = (backend.name, server.name)
            if key in before and key in now and before[key] != now[key]:
                _catch_up(server, before[key], now[key], now_ms, events)


def _catch_up(server: Server, before: ServerMemory, now: ServerMemory, now_ms: int, events: Events) -> None:
    if now.user_weight != before.user_weight and now.configured_weight == server.configured_weight:
        transitions.set_weight(server, max(0, min(now.user_weight, WEIGHT_MAX)), now_ms, events)
    if server.check is not None and now.check_disabled != before.check_disabled:
        server.check_disabled = bool(now.check_disabled)
    for flag in (Admin.FMAINT, Admin.FDRAIN):
        wanted = Admin(now.admin) & flag
        if wanted != Admin(before.admin) & flag:
            change = transitions.add_admin if wanted else transitions.clear_admin
            change(server, flag, now_ms, events)
    if server.check is None and not now.is_checked and now.operational != before.operational and not Admin(now.admin) & MAINT:
        transitions.set_operational(server, Operational(now.operational), ", changed from CLI", now_ms, events)


def _restore_wishes(server: Server, memory: ServerMemory) -> None:
    if memory.configured_weight == server.configured_weight and 0 <= memory.user_weight <= WEIGHT_MAX:
        server.user_weight = memory.user_weight
    if server.check is not None:
        server.check_disabled = bool(memory.check_disabled)
    if bool(memory.is_disabled) == server.disabled:
        wishes = Admin.FMAINT | Admin.CMAINT | Admin.FDRAIN
        server.admin = (server.admin & ~wishes) | (Admin(memory.admin) & wishes)


def _restore_findings(server: Server, memory: ServerMemory, now_ms: int) -> None:
    """What checks found, if there is somebody to find otherwise."""
    if server.check is None or not memory.is_checked or server.admin & MAINT or Admin(memory.admin) & MAINT:
        return
    state = Operational(memory.operational)
    if state is Operational.STARTING and not server.slowstart_ms:
        state = Operational.RUNNING
    server.operational = state
    server.health = max(0, min(memory.health, server.rise + server.fall - 1))
    if (server.health < server.rise) != (server.operational is Operational.STOPPED):    # rise and fall were others
        server.health = 0 if server.operational is Operational.STOPPED else server.rise
    server.last_change_ms, server.down_since_ms = memory.last_change_ms, memory.down_since_ms
    if state is Operational.STARTING:
        server.ramp = ramp_due(server, now_ms)


def _follow_tracked(server: Server) -> None:
    root = server
    while root.track is not None:
        root = root.track
        if root.admin & DRAIN:
            server.admin |= Admin.IDRAIN
    if root is not server and not server.admin & MAINT:
        server.operational, server.last_change_ms = root.operational, root.last_change_ms
        server.down_since_ms = root.down_since_ms
