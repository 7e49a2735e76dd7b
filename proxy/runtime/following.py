"""A worker's copy of a server follows the master's: the state as it stands, and when it came to stand so.

The master alone decides (`transitions`): it logs, counts and works out the state. A worker is told of every change, in their
order, and does what the data plane must do: choose among other servers, move queues, end sessions. The turn at which the master
told its own balancer goes with it, so that every worker's order of turns stays the same.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from proxy.runtime.log import Events
from proxy.runtime.server import Server
from proxy.runtime.states import Admin, Operational


class ServerState(NamedTuple):
    """What workers know of a server's state. `since` is the turn of its backend's last change."""

    operational: int
    admin: int
    user_weight: int
    ramp: int
    weight_now: int
    maxconn: int
    socket_family: int
    sockaddr: Any
    port_offset: int | None
    since: int


def state_of(server: Server) -> ServerState:
    """The state as it stands."""
    return ServerState(
        int(server.operational), int(server.admin), server.user_weight, server.ramp, server.weight_now, server.maxconn,
        server.socket_family, server.sockaddr, server.port_offset, server.backend.balancer.since,
    )


def follow(server: Server, state: ServerState, now_ms: int, events: Events) -> None:
    """Bring the server, the farm it is chosen from and the streams on it in line with the state."""
    backend = server.backend
    was_up, weight_before, address_before = server.is_up, server.weight_now, server.sockaddr
    server.operational, server.admin = Operational(state.operational), Admin(state.admin)
    server.user_weight, server.ramp, server.weight_now = state.user_weight, state.ramp, state.weight_now
    server.maxconn, server.socket_family, server.port_offset = state.maxconn, state.socket_family, state.port_offset
    server.sockaddr = state.sockaddr
    if state.sockaddr != address_before and server.idle is not None:
        server.idle.clear()                 # connections to where it was
    if server.weight_now != weight_before:
        backend.turn.pinned = state.since
        backend.farm.changed()
        backend.turn.pinned = None
    events.server_changed(server, was_up, now_ms)
