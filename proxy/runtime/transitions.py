"""The only way to change a server's state or weight: the change, what follows from it, and HAProxy's words for it.

A change runs to its end at once: the server's own state and weight, the counts of its backend, the farm that balancers pick
from, the streams in queues (`events.server_changed`), the line in the log, the backend's own fall or return, and then the
servers that track this one, latest first. Nothing here reads a clock or does I/O.

Units: `now_ms` in milliseconds of the monotonic clock; weights in sixteenths where they are called effective.
"""

from __future__ import annotations

from collections.abc import Iterable

from proxy.runtime import transition_text as text
from proxy.runtime.backend import Backend
from proxy.runtime.cells import CHKDOWN, DOWNTIME_MS
from proxy.runtime.log import Events
from proxy.runtime.server import WEIGHT_MAX, WEIGHT_SCALE, Server
from proxy.runtime.states import DRAIN, MAINT, Admin, Operational
from proxy.runtime.weight_text import parse_weight

RAMP_STEP_MIN_MS = 1000     # how often a slow start raises the weight, at the most

_INHERITED = {
    Admin.FMAINT: Admin.IMAINT, Admin.IMAINT: Admin.IMAINT, Admin.RMAINT: Admin.IMAINT,
    Admin.FDRAIN: Admin.IDRAIN, Admin.IDRAIN: Admin.IDRAIN,
}


def start_states(backends: Iterable[Backend], now_ms: int) -> None:
    """Give every server and backend its first state, silently, from what `build` set: disabled, sockaddr, track, health.

    Call it once `track` and `tracked_by` are set. A server without an address starts in maintenance (resolution). It does not
    log and tells nobody, but brings `backend.farm` up to date where there is one.
    Source: HAProxy configuration manual, "disabled", "track", "init-addr".
    """
    backends = list(backends)
    for backend in backends:
        for server in backend.servers:
            server.last_change_ms = now_ms
            if server.disabled:
                server.admin |= Admin.FMAINT | Admin.CMAINT
            if server.sockaddr is None and server.resolve_error:
                server.admin |= Admin.RMAINT
    for backend in backends:
        for server in backend.servers:
            start_state(server)
    for backend in backends:
        backend.last_change_ms = now_ms
        count_usable(backend)
        if backend.farm is not None:
            backend.farm.changed()
        if backend.servers and not backend.active_count and not backend.backup_count:
            backend.down_since_ms = now_ms
            if any(server.admin & Admin.RMAINT for server in backend.servers):
                backend.counters[CHKDOWN] += 1          # HAProxy counts the fall of the unresolved, not the disabled


def start_state(server: Server) -> None:
    """Give a server its first state."""
    followed = server.track
    while followed is not None:
        if followed.admin & MAINT:
            server.admin |= Admin.IMAINT
        followed = followed.track
    server.health = server.rise
    server.operational = Operational.RUNNING
    if server.admin & MAINT:
        server.operational, server.health, server.down_since_ms = Operational.STOPPED, 0, server.last_change_ms
    server.weight_now = weight_in_force(server)


def set_operational(server: Server, state: Operational, cause: str, now_ms: int, events: Events) -> None:
    """Set what is believed of the server's health; those that track it follow.

    RUNNING means "up": a server with a slow start passes through STARTING first. `cause` ends the first sentence of the line,
    e.g. ", changed from CLI" or ", reason: Layer4 timeout, check duration: 2001ms". Without effect in maintenance.
    """
    if server.admin & MAINT or server.operational is state:
        return
    if state is Operational.RUNNING:
        if server.operational is Operational.STARTING:
            return
        state = Operational.STARTING if server.slowstart_ms else Operational.RUNNING
    was_up, was_stopping = server.is_up, _is_stopping(server)
    _enter(server, state, now_ms)
    level = "alert" if state is Operational.STOPPED and not was_stopping else "notice"
    requeued, remaining, fell = _apply(server, was_up, now_ms, events)
    events.server_event(server, level, text.operational_changed(server, cause, requeued, remaining))
    _tell_drain(server, events)
    _tell_backend(server.backend, fell, events)
    for follower in reversed(server.tracked_by):
        follow = Operational.RUNNING if state is Operational.STARTING else state
        set_operational(follower, follow, text.via(follower), now_ms, events)


def set_health(server: Server, wanted: str, now_ms: int, events: Events, by: str = "CLI") -> None:
    """Force the health to "up", "stopping" or "down", as the administrator may; `by` names the way the order came.

    Raises: ValueError, with HAProxy's text, for another word or a server that tracks another.
    Source: HAProxy management guide, "set server"; admin form hrunn, hnolb, hdown.
    """
    state = {"up": Operational.RUNNING, "stopping": Operational.STOPPING, "down": Operational.STOPPED}.get(wanted)
    if state is None:
        raise ValueError("'set server <srv> health' expects 'up', 'stopping', or 'down'.")
    if server.track is not None:
        raise ValueError("cannot change health on a tracking server.")
    server.health = 0 if state is Operational.STOPPED else server.rise + server.fall - 1
    set_operational(server, state, f", changed from {by}", now_ms, events)


def set_check_enabled(server: Server, enabled: bool) -> None:
    """Run the health checks of the server, or leave its state as it is ("enable health", "disable health").

    Raises: ValueError, with HAProxy's text, when there are no checks to enable.
    """
    if enabled and server.check is None:
        raise ValueError("Health check was not configured on this server, cannot enable.")
    server.check_disabled = not enabled


def set_admin(server: Server, wanted: str, now_ms: int, events: Events) -> None:
    """Set the state that the administrator wants: "ready", "drain" or "maint".

    Raises: ValueError, with HAProxy's text, for another word.
    Source: HAProxy management guide, "set server … state".
    """
    if wanted == "ready":
        clear_admin(server, Admin.FDRAIN, now_ms, events)
        clear_admin(server, Admin.FMAINT, now_ms, events)
    elif wanted == "drain":
        add_admin(server, Admin.FDRAIN, now_ms, events)
        clear_admin(server, Admin.FMAINT, now_ms, events)
    elif wanted == "maint":
        add_admin(server, Admin.FMAINT, now_ms, events)
        clear_admin(server, Admin.FDRAIN, now_ms, events)
    else:
        raise ValueError("'set server <srv> state' expects 'ready', 'drain' and 'maint'.")


def add_admin(server: Server, flag: Admin, now_ms: int, events: Events, cause: str = "") -> None:
    """Add one reason for maintenance or drain; those that track the server inherit it.

    `cause` is told in the line, e.g. " (DNS timeout status)" for RMAINT.
    """
    if server.admin & flag:
        return
    if flag & MAINT:
        _add_maintenance(server, flag, now_ms, events, cause)
    else:
        _add_drain(server, flag, now_ms, events)
    for follower in reversed(server.tracked_by):
        add_admin(follower, _INHERITED[flag], now_ms, events)


def clear_admin(server: Server, flag: Admin, now_ms: int, events: Events) -> None:
    """Take away one reason for maintenance or drain; those that track the server lose it with the last one."""
    if not server.admin & flag:
        return
    family = MAINT if flag & MAINT else DRAIN
    if flag & MAINT:
        _clear_maintenance(server, flag, now_ms, events)
    else:
        _clear_drain(server, flag, now_ms, events)
    if not server.admin & family:
        for follower in reversed(server.tracked_by):
            clear_admin(follower, _INHERITED[flag], now_ms, events)


def set_weight(server: Server, weight: int | str, now_ms: int, events: Events) -> None:
    """Set the weight that the administrator wants: 0..256, or "N%" of the configured one.

    Raises: ValueError, with HAProxy's text.
    Source: HAProxy management guide, "set weight".
    """
    if isinstance(weight, str):
        weight = parse_weight(weight, server.configured_weight)
    if not 0 <= weight <= WEIGHT_MAX:
        raise ValueError("Absolute weight can only be between 0 and 256 inclusive.")
    server.user_weight = weight
    if server.admin & MAINT:
        return
    _, _, fell = _apply(server, server.is_up, now_ms, events)
    _tell_drain(server, events)
    _tell_backend(server.backend, fell, events)


def advance_slowstart(server: Server, now_ms: int, events: Events) -> None:
    """Let a STARTING server carry the weight due by now, and RUNNING at the end of its slow start; harmless for any other.

    To be called every `slowstart_step_ms(server)`.
    Source: HAProxy configuration manual, "slowstart".
    """
    if server.operational is not Operational.STARTING:
        return
    ramp = ramp_due(server, now_ms)
    if now_ms - server.last_change_ms < server.slowstart_ms:
        if ramp != server.ramp:
            server.ramp = ramp
            _apply(server, True, now_ms, events)
        return
    server.operational, server.ramp = Operational.RUNNING, WEIGHT_SCALE
    requeued, remaining, _ = _apply(server, True, now_ms, events)
    events.server_event(server, "notice", text.operational_changed(server, text.via(server), requeued, remaining))
    _tell_drain(server, events)


def slowstart_step_ms(server: Server) -> int:
    """How long a slow start keeps one weight."""
    return max(RAMP_STEP_MIN_MS, server.slowstart_ms // 20)


def ramp_due(server: Server, now_ms: int) -> int:
    """How many sixteenths of its weight a STARTING server has reached."""
    elapsed_ms = now_ms - server.last_change_ms
    return min(WEIGHT_SCALE, WEIGHT_SCALE * elapsed_ms // server.slowstart_ms + 1) if server.slowstart_ms else WEIGHT_SCALE


def downtime_ms(thing: Server | Backend, now_ms: int) -> int:
    """How long a server or backend has been down in all, the present time included."""
    down_ms = now_ms - thing.down_since_ms if thing.down_since_ms >= 0 else 0
    return int(thing.counters[DOWNTIME_MS]) + down_ms


# -- the parts of a change --------------------------------------------------------------------------------------------


def _enter(server: Server, state: Operational, now_ms: int) -> None:
    """Move to an operational state: its time, downtime and fall counter."""
    if state is Operational.STOPPED:
        server.counters[CHKDOWN] += 1
        server.down_since_ms = now_ms
    elif server.down_since_ms >= 0:
        server.counters[DOWNTIME_MS] += now_ms - server.down_since_ms
        server.down_since_ms = -1
    server.operational = state
    server.last_change_ms = now_ms
    server.consecutive_errors = 0
    server.ramp = ramp_due(server, now_ms) if state is Operational.STARTING else WEIGHT_SCALE


def _add_maintenance(server: Server, flag: Admin, now_ms: int, events: Events, cause: str) -> None:
    if server.admin & MAINT:
        server.admin |= flag
        return
    was_up, was_stopping = server.is_up, _is_stopping(server)
    was_down = server.operational is Operational.STOPPED
    server.admin |= flag
    if not was_down:
        _enter(server, Operational.STOPPED, now_ms)
        server.health = 0
    requeued, remaining, fell = _apply(server, was_up, now_ms, events)
    level = "notice" if was_down or was_stopping else "alert"
    cause = text.via(server) if flag is Admin.IMAINT else cause
    events.server_event(server, level, text.maintenance_entered(server, cause, was_down, requeued, remaining))
    _tell_backend(server.backend, fell, events)


def _clear_maintenance(server: Server, flag: Admin, now_ms: int, events: Events) -> None:
    server.admin &= ~flag
    if server.admin & MAINT:
        events.server_event(server, "notice", text.maintenance_remains(server, flag))
        return
    root = server
    while root.track is not None:
        root = root.track
    if server.is_checked:
        server.health = server.rise
    state = Operational.RUNNING if root is server else root.operational
    if state in (Operational.RUNNING, Operational.STARTING):
        state = Operational.STARTING if server.slowstart_ms else Operational.RUNNING
    if state is not server.operational:
        _enter(server, state, now_ms)
    _, _, fell = _apply(server, False, now_ms, events)
    events.server_event(server, "notice", text.maintenance_left(server, flag))
    _tell_drain(server, events)
    _tell_backend(server.backend, fell, events)


def _add_drain(server: Server, flag: Admin, now_ms: int, events: Events) -> None:
    was_draining = bool(server.admin & DRAIN)
    server.admin |= flag
    if server.admin & MAINT:
        return
    if was_draining:
        _tell_drain(server, events)
        return
    server.last_change_ms = now_ms
    requeued, remaining, fell = _apply(server, server.is_up, now_ms, events)
    events.server_event(server, "notice", text.drain_entered(server, flag, requeued, remaining))
    _tell_backend(server.backend, fell, events)


def _clear_drain(server: Server, flag: Admin, now_ms: int, events: Events) -> None:
    server.admin &= ~flag
    if server.admin & MAINT:
        return
    if server.admin & DRAIN:
        _tell_drain(server, events)
        return
    server.last_change_ms = now_ms
    if server.operational is Operational.STARTING:
        server.ramp = ramp_due(server, now_ms)      # the ramp begins anew: it has had no client to warm up with
    _, _, fell = _apply(server, server.is_up, now_ms, events)
    events.server_event(server, "notice", text.drain_left(server))
    _tell_backend(server.backend, fell, events)


def _is_stopping(server: Server) -> bool:
    return server.operational is Operational.STOPPING or bool(server.admin & DRAIN)


def weight_in_force(server: Server) -> int:
    """The effective weight by which balancers choose it."""
    if server.admin & (MAINT | DRAIN) or server.operational in (Operational.STOPPED, Operational.STOPPING):
        return 0
    return server.effective_weight


def _apply(server: Server, was_up: bool, now_ms: int, events: Events) -> tuple[int, int, bool]:
    """Bring weight, counts, farm and queues in line with the server's new state.

    Returns (streams requeued, streams left in the queue, whether the backend just lost its last usable server).
    """
    backend = server.backend
    had_servers = backend.active_count + backend.backup_count > 0
    before, after = server.weight_now, weight_in_force(server)
    server.weight_now = after
    if before != after and backend.farm is not None:
        backend.farm.changed()
    if (before > 0) != (after > 0):
        count_usable(backend)
    fell = _follow_servers(backend, had_servers, now_ms)
    requeued, remaining = events.server_changed(server, was_up, now_ms)
    return requeued, remaining, fell


def count_usable(backend: Backend) -> None:
    """Count the servers that may be given new clients."""
    backend.active_count = sum(1 for server in backend.servers if server.weight_now and not server.is_backup)
    backend.backup_count = sum(1 for server in backend.servers if server.weight_now and server.is_backup)


def _follow_servers(backend: Backend, had_servers: bool, now_ms: int) -> bool:
    """A backend is down while it has no usable server; true when it falls."""
    has_servers = backend.active_count + backend.backup_count > 0
    if has_servers == had_servers:
        return False
    backend.last_change_ms = now_ms
    if has_servers:
        backend.counters[DOWNTIME_MS] += max(0, now_ms - backend.down_since_ms)
        backend.down_since_ms = -1
        return False
    backend.down_since_ms = now_ms
    backend.counters[CHKDOWN] += 1
    return True


def _tell_drain(server: Server, events: Events) -> None:
    if server.admin & DRAIN and not server.admin & MAINT:
        events.server_event(server, "notice", text.drain_remains(server))


def _tell_backend(backend: Backend, fell: bool, events: Events) -> None:
    if fell:
        events.backend_event(backend, "emerg", text.backend_down(backend))
