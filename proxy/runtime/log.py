"""What is known about a finished stream, and where it is told."""

from __future__ import annotations

from typing import Any, Protocol


class LogRecord:
    """The facts of one stream, filled while it runs and formatted after it.

    Units: times in milliseconds, -1 = the phase was never reached; `accept_wall_s` and `request_wall_s` in seconds since the
    epoch; `octets_out` to the client, `octets_in` from it, heads included. Field names follow HAProxy's log variables,
    given in the comments (HAProxy configuration manual, section 8.2).
    """

    __slots__ = (
        "accept_wall_s", "backend", "backend_address", "backend_connections", "backend_port", "backend_queue",
        "captured_request_cookie", "captured_request_headers", "captured_response_cookie", "captured_response_headers",
        "client_address", "client_port", "frontend", "frontend_address", "frontend_connections", "frontend_port",
        "handshake_ms", "idle_ms", "is_error", "is_tls",
        "listener", "method", "octets_in", "octets_out", "process_connections", "redispatched", "request_counter", "request_ms",
        "request_wall_s", "connect_ms", "queue_ms", "response_ms", "active_ms", "total_ms", "retries", "server", "server_address",
        "server_connections", "server_name", "server_port", "server_queue", "status", "target", "termination", "unique_id",
        "version", "logasap", "data_ms", "bad_request",
    )

    def __init__(self) -> None:
        self.accept_wall_s = 0.0                        # %t
        self.request_wall_s = 0.0                       # %tr
        self.client_address = ""                        # %ci
        self.client_port = 0                            # %cp
        self.frontend_address = ""                      # %fi
        self.frontend_port = 0                          # %fp
        self.backend_address = ""                       # %bi (our side of the server connection)
        self.backend_port = 0                           # %bp
        self.server_address = ""                        # %si
        self.server_port = 0                            # %sp
        self.frontend: Any = None                       # Frontend: %f, %ft
        self.listener: Any = None                       # Listener
        self.backend: Any = None                        # Backend or None (then the frontend's name): %b
        self.server: Any = None                         # Server or None: %s
        self.server_name = ""                           # "<NOSRV>", "<STATS>" when there is no server
        self.is_tls = False
        self.handshake_ms = 0                           # %Th
        self.idle_ms = 0                                # %Ti
        self.request_ms = -1                            # %TR
        self.queue_ms = -1                              # %Tw
        self.connect_ms = -1                            # %Tc
        self.response_ms = -1                           # %Tr
        self.data_ms = -1                               # %Td
        self.active_ms = 0                              # %Ta
        self.total_ms = 0                               # %Tt
        self.logasap = False                            # "+" before Ta, Tt and B
        self.status = -1                                # %ST
        self.octets_in = 0                              # %U
        self.octets_out = 0                             # %B
        self.termination = b"----"                      # %tsc; %ts is the first two
        self.method = b""                               # %HM
        self.target = b""                               # %HU
        self.version = b""                              # %HV, "HTTP/1.1"
        self.bad_request = False                        # %r = "<BADREQ>"
        self.captured_request_cookie: bytes | None = None       # %CC
        self.captured_response_cookie: bytes | None = None      # %CS
        self.captured_request_headers: list[bytes | None] | None = None     # %hr; None = no capture configured
        self.captured_response_headers: list[bytes | None] | None = None    # %hs
        self.process_connections = 0                    # %ac
        self.frontend_connections = 0                   # %fc
        self.backend_connections = 0                    # %bc
        self.server_connections = 0                     # %sc
        self.retries = 0                                # %rc
        self.redispatched = False                       # "+" before %rc
        self.server_queue = 0                           # %sq
        self.backend_queue = 0                          # %bq
        self.request_counter = 0                        # %rt
        self.unique_id = b""                            # %ID
        self.is_error = False                           # an error for log-separate-errors and dontlog-normal


class Log(Protocol):
    """Where a proxy's messages go (made by `engine.logsink`; proxies with equal plans may share one).

    `early` is true where no format was asked for: then `record` is called as soon as a stream begins (in HTTP mode: once its
    request is known), not when it ends. Source: HAProxy configuration manual, section 8.2.1.
    """

    early: bool

    def record(self, record: LogRecord) -> None:
        """Format and send a finished stream's line, at level info (err when it failed and log-separate-errors is on)."""

    def refusal(self, record: LogRecord, cause: str) -> None:
        """Send the line of a connection that ended before any stream, e.g. "Connection closed while waiting for PROXY protocol
        header". Source: HAProxy configuration manual, section 8.2.5."""

    def event(self, level: str, text: str) -> None:
        """Send a line about a state change, e.g. ("alert", "Server app/s1 is DOWN, …")."""


class Events(Protocol):
    """Where the process tells what happened: the proxy's log and stderr, in HAProxy's words."""

    def server_event(self, server: Any, level: str, text: str) -> None: ...

    def backend_event(self, backend: Any, level: str, text: str) -> None: ...

    def server_changed(self, server: Any, was_up: bool, now_ms: int) -> tuple[int, int]:
        """Act on a change of state or weight: redistribute its queue, shut its sessions as configured, serve waiting streams.

        Returns (streams moved to another queue or out of the backend's, streams left in the server's), for the message.
        """
