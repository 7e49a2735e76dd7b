"""A server of a backend: where it is, how much it may be given, and its state."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from proxy.base.addresses import Address
from proxy.runtime.cells import QCUR, QUEUE_HEAD_MS, SCUR
from proxy.runtime.counted import Counted
from proxy.runtime.states import DRAIN, MAINT, Admin, Operational
from proxy.runtime.waiter import Waiter

if TYPE_CHECKING:
    from proxy.runtime.backend import Backend

WEIGHT_SCALE = 16          # effective weights are 1/16 steps, so that a slow start can be gradual
WEIGHT_MAX = 256


class Server(Counted):
    """One `server` line at work.

    Invariants: `served` counts the streams of this worker that hold a slot (`served_by_all` those of all workers); `weight_now`
    is what balancers use and is 0 exactly when the server takes no new clients; state changes go through
    `proxy.runtime.transitions` only.
    Units: weights 0..256, `weight_now` in sixteenths; times in milliseconds of the monotonic clock.
    """

    __slots__ = (
        "_admin", "_operational", "address", "backend", "check", "check_disabled", "check_result", "configured_weight",
        "consecutive_errors", "cookie", "disabled", "down_since_ms", "error_limit", "fall", "health", "idle",
        "index", "is_backup", "is_up", "last_change_ms", "max_reuse", "maxconn", "maxqueue", "minconn", "name", "observe",
        "on_error", "on_marked_down", "on_marked_up", "per_client", "pool_low_conn", "pool_max_conn", "pool_purge_delay_ms",
        "port_offset", "queue", "ramp", "resolve_error", "rise", "send_proxy", "served", "sid", "slowstart_ms", "sockaddr",
        "socket_family", "source", "track", "tracked_by", "user_weight", "weight_now",
    )

    def __init__(self, backend: Backend, name: str, sid: int, address: Address) -> None:
        Counted.__init__(self)
        self.backend = backend
        self.name = name
        self.sid = sid
        self.index = 0                                  # place in backend.servers
        self.address = address
        self.sockaddr: Any = None                       # what connect() takes; None while the name does not resolve
        self.socket_family = 0                          # socket.AF_*
        self.port_offset: int | None = None             # added to the client's destination port when not None
        self.source: Any = None                         # what bind() takes before connecting
        self.per_client = False                         # a connection to it carries what only its first client may use
        self.cookie = b""
        self.is_backup = False
        self.disabled = False
        self.maxconn = 0
        self.minconn = 0
        self.maxqueue = 0
        self.slowstart_ms = 0
        self.send_proxy = 0
        self.configured_weight = 1
        self.user_weight = 1
        self.weight_now = WEIGHT_SCALE
        self.ramp = WEIGHT_SCALE                        # sixteenths of its weight that a slow start has reached
        self.is_up = True                               # may carry traffic of pinned clients (cookie), even while draining
        self._operational = Operational.RUNNING
        self._admin = Admin.READY
        self.rise = 2
        self.fall = 3
        self.health = 4                                 # rise + fall - 1 = in full health
        self.last_change_ms = 0
        self.down_since_ms = -1
        self.resolve_error = ""
        self.check: Any = None                          # the CheckPlan of a checked server (build.checks), else None
        self.check_disabled = False                     # "disable health": configured, but not to be run
        self.check_result: Any = None                   # what health last found (health.result)
        self.observe = ""
        self.error_limit = 10
        self.on_error = "fail-check"
        self.on_marked_down = ""
        self.on_marked_up = ""
        self.consecutive_errors = 0
        self.track: Server | None = None
        self.tracked_by: list[Server] = []
        self.pool_max_conn = -1
        self.pool_low_conn = 0
        self.pool_purge_delay_ms = 5000
        self.max_reuse = -1
        self.served = 0
        self.queue: OrderedDict[Waiter, None] = OrderedDict()
        self.idle: Any = None                           # the pool of idle connections (core.pool)

    @property
    def operational(self) -> Operational:
        """What checks say of it."""
        return self._operational

    @operational.setter
    def operational(self, state: Operational) -> None:
        self._operational = state
        self._judge()

    @property
    def admin(self) -> Admin:
        """What the administrator wants of it."""
        return self._admin

    @admin.setter
    def admin(self, state: Admin) -> None:
        self._admin = state
        self._judge()

    def _judge(self) -> None:
        """Keep the answer to what is asked for each request."""
        self.is_up = self._operational is not Operational.STOPPED and not self._admin & MAINT

    @property
    def in_maintenance(self) -> bool:
        return bool(self._admin & MAINT)

    @property
    def is_draining(self) -> bool:
        return self.user_weight == 0 or bool(self._admin & DRAIN)

    @property
    def effective_weight(self) -> int:
        """The weight in sixteenths that a slow start has reached, whether or not the server takes clients now."""
        return self.user_weight * self.ramp

    @property
    def is_checked(self) -> bool:
        """Health checks decide on its state: its own, which are not disabled."""
        return self.check is not None and not self.check_disabled

    @property
    def is_usable(self) -> bool:
        """May be given new clients."""
        return self.weight_now > 0

    def served_by_all(self) -> int:
        """The streams that hold a slot, whichever worker has them."""
        return self.by_all(SCUR) if self.is_shared() else self.served

    def queued_by_all(self) -> int:
        """The streams that wait for this very server, whichever worker has them."""
        return self.by_all(QCUR) if self.is_shared() else len(self.queue)

    def dynamic_maxconn(self) -> int:
        """The connection limit in force: between minconn and maxconn in proportion to the backend's load; 0 = none.

        The load is every stream in the backend, those in line included: a crowd that waits widens the gate.

        Source: HAProxy configuration manual, "minconn" and "fullconn"; a slow start scales it too.
        """
        limit = self.maxconn
        if limit and self.minconn:
            backend = self.backend
            sessions = backend.sessions_of_all()
            if backend.fullconn and sessions < backend.fullconn:
                limit = max(self.minconn, limit * sessions // backend.fullconn)
        if limit and self._operational is Operational.STARTING:
            limit = max(1, limit * self.ramp // WEIGHT_SCALE)
        return limit

    def is_full(self) -> bool:
        """True when another stream would have to queue.

        Where there are workers each looks at what all of them hold, then takes a slot: of several that look in the same moment
        each may take the last one, so that at most one stream per worker is above `maxconn`. A slot that is free while a stream
        waits in any worker is that one's.
        """
        if self.maxconn <= 0:
            return False
        if not self.is_shared():
            return bool(self.queue) or self.served >= self.dynamic_maxconn()
        return self.is_awaited() or self.by_all(SCUR) >= self.dynamic_maxconn()

    def is_awaited(self) -> bool:
        """True while some stream, of whichever worker, waits for a slot that this server may have."""
        if self.is_shared():
            return self.by_all(QUEUE_HEAD_MS) > 0 or self.backend.by_all(QUEUE_HEAD_MS) > 0
        return bool(self.queue) or bool(self.backend.queue)

    def __repr__(self) -> str:
        return f"<Server {self.backend.name}/{self.name} {self.operational.name} {self.admin!r}>"
