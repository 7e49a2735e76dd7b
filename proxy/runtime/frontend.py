"""A frontend: listeners, and what a client that comes in may expect."""

from __future__ import annotations

from typing import Any

from proxy.base.addresses import Address
from proxy.runtime.backend import Backend
from proxy.runtime.cells import SCUR
from proxy.runtime.counted import Counted


class UniqueId:
    """`unique-id-format` and `unique-id-header`; `format` is what the items compile to (a log format), set by the engine."""

    __slots__ = ("format", "header", "items")

    def __init__(self, items: tuple[Any, ...], header: bytes) -> None:
        self.items = items
        self.header = header
        self.format: Any = None


class Listener(Counted):
    """One listening address of a frontend. `sockets` are bound by the engine; `bound` is the real address."""

    __slots__ = (
        "accept_proxy", "address", "backlog", "bind", "bound", "frontend", "lid", "maxconn", "name", "paused",
        "served",
    )

    def __init__(self, frontend: Frontend, lid: int, address: Address) -> None:
        Counted.__init__(self)
        self.frontend = frontend
        self.lid = lid
        self.name = ""
        self.address = address
        self.bind: Any = None                           # the settings of its bind line (socket options)
        self.bound: tuple[str, int] | str | None = None
        self.accept_proxy = False
        self.maxconn = 0
        self.backlog = 0
        self.paused = False
        self.served = 0                                 # client connections of this worker now

    def served_by_all(self) -> int:
        """Its client connections now, whichever worker has them."""
        return self.by_all(SCUR) if self.is_shared() else self.served

    @property
    def label(self) -> str:
        """What its messages call it: its name, with `option socket-stats` that of its row, else its number."""
        return self.name or (f"sock-{self.lid}" if "socket-stats" in self.frontend.options else str(self.lid))


class Frontend(Counted):
    """The front side of a `frontend` or `listen` section.

    Units: every `timeout_*_ms` in milliseconds, 0 = never.
    """

    __slots__ = (
        "_connection_mode", "backend", "backlog", "capture_cookie", "capture_request_headers",
        "capture_response_headers", "closes", "description", "disabled", "dontlog_normal", "dontlognull", "error_pages",
        "forwardfor", "iid", "is_health", "is_http", "keeps_alive", "kind", "last_change_ms", "listeners", "log",
        "log_backend_source", "log_count", "log_separate_errors", "logasap", "maxconn", "monitor_uri", "name", "options",
        "originalto", "paused", "rate_limit_sessions", "request_fields", "response_fields", "served", "services", "stats",
        "stopped", "tcpka", "timeout_client_fin_ms", "timeout_client_ms", "timeout_http_keep_alive_ms",
        "timeout_http_request_ms", "timeout_tunnel_ms", "unique_id",
    )

    def __init__(self, name: str, iid: int) -> None:
        Counted.__init__(self)
        self.name = name
        self.iid = iid
        self.kind = "frontend"                          # or "listen"
        self.is_http = True
        self.is_health = False
        self.disabled = False
        self.stopped = False
        self.paused = False
        self.description = ""
        self.options: frozenset[str] = frozenset()
        self.listeners: list[Listener] = []
        self.backend: Backend | None = None             # default_backend, or the same section's back side
        self.maxconn = 2000
        self.backlog = 0
        self.rate_limit_sessions = 0
        self.timeout_client_ms = 0
        self.timeout_client_fin_ms = 0
        self.timeout_tunnel_ms = 0
        self.timeout_http_request_ms = 0                # 0 = timeout_client_ms
        self.timeout_http_keep_alive_ms = 0             # 0 = timeout_http_request_ms
        self.keeps_alive = True                         # connection_mode, for those who ask for each request
        self.closes = False
        self._connection_mode = "keep-alive"
        self.forwardfor: Any = None
        self.originalto: Any = None
        self.request_fields: tuple[Any, ...] = ()
        self.response_fields: tuple[Any, ...] = ()
        self.capture_request_headers: tuple[tuple[bytes, int], ...] = ()
        self.capture_response_headers: tuple[tuple[bytes, int], ...] = ()
        self.capture_cookie: tuple[bytes, int] | None = None
        self.error_pages: dict[int, Any] = {}
        self.monitor_uri = b""
        self.stats: Any = None
        self.services: tuple[Any, ...] = ()             # runtime.service.Service, in order
        self.log: Any = None                            # runtime.log.LogPlan or None
        self.log_count = 0                              # lines logged for it, %lc
        self.log_backend_source = False                 # the log format has %bi or %bp
        self.logasap = False
        self.dontlognull = False
        self.dontlog_normal = False
        self.log_separate_errors = False
        self.tcpka = False
        self.unique_id: Any = None
        self.served = 0                                 # client connections of this worker now
        self.last_change_ms = 0

    def served_by_all(self) -> int:
        """Its client connections now, whichever worker has them."""
        return self.by_all(SCUR) if self.is_shared() else self.served

    @property
    def speaks_http(self) -> bool:
        """Whether its clients' octets are requests: also in TCP mode, where its backend is in HTTP mode."""
        backend = self.backend
        return self.is_http or (backend is not None and backend.is_http and not self.is_health)

    @property
    def connection_mode(self) -> str:
        """"keep-alive", "server-close" or "close" (HAProxy configuration manual, "option http-server-close")."""
        return self._connection_mode

    @connection_mode.setter
    def connection_mode(self, mode: str) -> None:
        self._connection_mode = mode
        self.keeps_alive, self.closes = mode == "keep-alive", mode == "close"

    def __repr__(self) -> str:
        return f"<Frontend {self.name}>"
