"""Records of streams, as the data plane fills them."""

from __future__ import annotations

from typing import Any

from proxy.base.addresses import Address, Family
from proxy.runtime.backend import Backend
from proxy.runtime.frontend import Frontend
from proxy.runtime.log import LogRecord
from proxy.runtime.server import Server

ACCEPTED_S = 1795330491.068             # 22 November 2026, 06:54:51.068 UTC


def record(**facts: Any) -> LogRecord:
    """A plain GET that a server answered, with `facts` put over it; `server` and `backend` may be given as names."""
    made = LogRecord()
    made.frontend = Frontend("web", 1)
    made.backend = Backend("app", 2)
    made.server = Server(made.backend, "s1", 1, Address(Family.IPV4, "127.0.0.1", 80))
    made.client_address, made.client_port = "127.0.0.1", 38782
    made.frontend_address, made.frontend_port = "127.0.0.2", 80
    made.accept_wall_s = made.request_wall_s = ACCEPTED_S
    made.request_ms = made.queue_ms = made.connect_ms = made.response_ms = made.data_ms = 0
    made.method, made.target, made.version = b"GET", b"/", b"HTTP/1.1"
    made.status, made.octets_in, made.octets_out = 200, 82, 167
    for name, value in facts.items():
        setattr(made, name, value)
    return made


def bad_request(**facts: Any) -> LogRecord:
    """What came was no request."""
    unknown = dict.fromkeys(("request_ms", "queue_ms", "connect_ms", "response_ms", "data_ms"), -1)
    return record(**{"bad_request": True, "backend": None, "server": None, "server_name": "<NOSRV>", "status": 400, **unknown,
                     "octets_out": 0, "method": b"", "target": b"", "version": b"", "termination": b"PR--", **facts})
