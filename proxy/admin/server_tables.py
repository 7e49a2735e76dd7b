"""`show servers state` and `show servers conn`: one line for each server.

Source: HAProxy management guide, section 9.3; the bits of `srv_check_state` as seen of HAProxy 2.6.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from proxy.base.addresses import Family
from proxy.runtime.backend import Backend
from proxy.runtime.cells import IDLE_CUR, SAFE_CUR, USED_CUR, USED_MAX
from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.runtime.states import MAINT, Admin

STATE_COLUMNS = (
    "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change "
    "srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn "
    "srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n"
)
STATE_VERSION = "1\n"
RUNNING, CONFIGURED, ENABLED, PAUSED = 1, 2, 4, 8
NONE = "-"

class Configured(NamedTuple):
    """What only the configuration knows: (backend, server) and (backend, "") that have an `id`, and the `addr` and `port` of a
    server line, which in HAProxy an agent would have too.
    """

    forced: frozenset[tuple[str, str]] = frozenset()
    checked_at: Mapping[tuple[str, str], tuple[str, int]] = {}


def servers_state(backends: Iterable[Backend], now_ms: int, configured: Configured) -> str:
    """What a file for `load-server-state-from-file` has."""
    lines = [_state(server, now_ms, configured) for backend in backends for server in backend.servers]
    return STATE_VERSION + STATE_COLUMNS + "".join(lines)


def _state(server: Server, now_ms: int, configured: Configured) -> str:
    backend, result, plan = server.backend, server.check_result, server.check
    host, port = place_of(server)
    forced, agent = configured.forced, configured.checked_at.get((backend.name, server.name), (NONE, 0))
    checked_at = plan.sockaddr[0] if plan is not None and isinstance(plan.sockaddr, tuple) else NONE
    fields = (
        backend.iid, backend.name, server.sid, server.name, host, int(server.operational), int(server.admin), server.user_weight,
        server.configured_weight, (now_ms - server.last_change_ms) // 1000, 1 if result is None else result.number,
        0 if result is None else result.outcome_number, server.health, _check_state(server), 0,
        int((backend.name, "") in forced), int((backend.name, server.name) in forced),
        server.address.host if server.address.family is Family.NAME else NONE, port, NONE, 0,
        (plan.port or 0) if plan is not None else 0, checked_at, *agent,
    )
    return " ".join(map(str, fields)) + "\n"


def _check_state(server: Server) -> int:
    """Maintenance pauses checks; those that there are not the word "disabled" has paused, for good."""
    if server.check is None or server.track is not None:
        return PAUSED if server.admin & Admin.CMAINT else 0
    state = PAUSED if server.admin & MAINT and not server.check_disabled else 0
    running = server.check_result is not None and server.check_result.running
    return state | CONFIGURED | (0 if server.check_disabled else ENABLED) | (RUNNING if running else 0)


def servers_conn(process: Process, backends: Iterable[Backend]) -> str:
    """The connections of servers: in use, idle, and the most there have been in use."""
    workers = process.workers
    head = (
        "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb idle_lim idle_cur "
        f"idle_per_thr[{workers}]\n"
    )
    return head + "".join(_conn(server, workers) for backend in backends for server in backend.servers)


def _conn(server: Server, workers: int) -> str:
    backend = server.backend
    host, port = place_of(server)
    unsafe, safe = server.by_all(IDLE_CUR), server.by_all(SAFE_CUR)
    most = max(server.by(number, USED_MAX) for number in range(1, workers + 1))
    idle = [server.by(number, IDLE_CUR) + server.by(number, SAFE_CUR) for number in range(1, workers + 1)]
    fields = (
        f"{backend.name}/{server.name}", f"{backend.iid}/{server.sid}", host, port, NONE, server.pool_purge_delay_ms,
        server.by_all(USED_CUR), most, most, unsafe, safe, server.pool_max_conn, unsafe + safe, *idle,
    )
    return " ".join(map(str, fields)) + "\n"


def place_of(server: Server) -> tuple[str, int]:
    """Address and port as they are now; nothing of a name that is not resolved, nor of a path."""
    if not isinstance(server.sockaddr, tuple):
        return NONE, 0 if server.sockaddr is not None else server.address.port
    return server.sockaddr[0], server.port_offset & 0xFFFF if server.port_offset is not None else server.sockaddr[1]
