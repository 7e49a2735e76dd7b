"""A backend: servers, the way to choose among them, and what its streams may expect."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from proxy.runtime.cells import QCUR, SCUR
from proxy.runtime.counted import Counted
from proxy.runtime.turn import Turn
from proxy.runtime.waiter import Waiter

if TYPE_CHECKING:
    from proxy.runtime.server import Server


class Backend(Counted):
    """The back side of a `backend` or `listen` section.

    Units: every `timeout_*_ms` in milliseconds, 0 = never.
    """

    __slots__ = (
        "_connection_mode", "abortonclose", "active_count", "backup_all", "backup_count", "balancer", "check_timeout_ms",
        "cookie", "description", "disabled", "down_since_ms", "error_pages", "farm", "forwardfor", "fullconn", "http_reuse",
        "iid", "is_http", "keeps_alive", "kind", "last_change_ms", "log", "log_format_name", "log_health_checks", "name",
        "neighbours", "options", "originalto", "persist", "prefer_last", "pretend_keepalive", "queue", "redispatch_after",
        "request_fields", "response_fields", "retries", "retries_l7", "retry_on", "served", "servers", "services", "sessions",
        "stats", "stopped", "tcpka", "timeout_connect_ms", "timeout_http_request_ms", "timeout_queue_ms",
        "timeout_server_fin_ms", "timeout_server_ms", "timeout_tunnel_ms", "turn",
    )

    def __init__(self, name: str, iid: int) -> None:
        Counted.__init__(self)
        self.name = name
        self.iid = iid
        self.kind = "backend"                           # or "listen"
        self.is_http = True
        self.disabled = False
        self.stopped = False
        self.description = ""
        self.options: frozenset[str] = frozenset()
        self.servers: list[Server] = []
        self.balancer: Any = None                       # core.balance.Balancer
        self.turn: Any = Turn()                         # what counts its turns
        self.farm: Any = None                           # core.balance.Farm: who may be chosen at this moment
        self.backup_all = False                         # option allbackups
        self.persist = False                            # option persist
        self.cookie: Any = None                         # core.cookies.CookiePolicy or None
        self.active_count = 0                           # usable active servers, kept by the farm
        self.backup_count = 0
        self.fullconn = 0
        self.retries = 3
        self.retry_on: frozenset[str] = frozenset({"conn-failure"})
        self.retries_l7 = False                         # retry_on names more than conn-failure
        self.redispatch_after = 0                       # 0 = never, n = each n retries, -n = at the n-th before the last
        self.timeout_connect_ms = 0
        self.timeout_server_ms = 0
        self.timeout_http_request_ms = 0                # for a body that is waited for; heads have the frontend's
        self.timeout_queue_ms = 0                       # 0 = use timeout_connect_ms
        self.timeout_tunnel_ms = 0
        self.timeout_server_fin_ms = 0
        self.check_timeout_ms = 0
        self.http_reuse = "safe"
        self.prefer_last = False                        # option prefer-last-server
        self.keeps_alive = True                         # connection_mode, for those who ask for each request
        self._connection_mode = "keep-alive"
        self.forwardfor: Any = None
        self.originalto: Any = None
        self.request_fields: tuple[Any, ...] = ()
        self.response_fields: tuple[Any, ...] = ()
        self.error_pages: dict[int, Any] = {}
        self.stats: Any = None                          # StatsSettings of this section
        self.services: tuple[Any, ...] = ()
        self.log: Any = None                            # where its state changes are logged
        self.log_format_name = ""
        self.abortonclose = False
        self.pretend_keepalive = False
        self.tcpka = False
        self.log_health_checks = False
        self.served = 0                                 # streams of this worker that hold a slot on any of its servers
        self.sessions = 0                               # streams of this worker in it, with a slot or in line
        self.queue: OrderedDict[Waiter, None] = OrderedDict()             # streams that any server may take
        self.last_change_ms = 0
        self.down_since_ms = -1
        self.neighbours: Any = None                     # core.queue.Neighbours: whom to call about its queues, None = nobody

    @property
    def connection_mode(self) -> str:
        """"keep-alive", "server-close" or "close" (HAProxy configuration manual, "option http-server-close")."""
        return self._connection_mode

    @connection_mode.setter
    def connection_mode(self, mode: str) -> None:
        self._connection_mode = mode
        self.keeps_alive = mode == "keep-alive"

    def queued_by_all(self) -> int:
        """The streams that wait for any of its servers, whichever worker has them."""
        return self.by_all(QCUR) if self.is_shared() else len(self.queue)

    def sessions_of_all(self) -> int:
        """The streams in it, with a slot or in line, whichever worker has them."""
        return self.by_all(SCUR) if self.is_shared() else self.sessions

    def server(self, name: str) -> Server | None:
        """The server of that name."""
        return next((server for server in self.servers if server.name == name), None)

    def carriers(self) -> list[Server]:
        """The servers that share the load now: the active ones, or else the first backup, or all of them."""
        usable = [server for server in self.servers if server.weight_now]
        active = [server for server in usable if not server.is_backup]
        return active or (usable if self.backup_all else usable[:1])

    @property
    def weight_in_use(self) -> int:
        """The weights of those servers together, in sixteenths."""
        return sum(server.effective_weight for server in self.carriers())

    def __repr__(self) -> str:
        return f"<Backend {self.name}>"
