"""What is measured: the table of rows, and what a growth table varies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

TUNED_BUFSIZE = 262144


class Kind(Enum):
    """How a row's figure is made."""

    LOAD = "load"               # wrk for some seconds: CPU per request
    IDLE = "idle"               # open connections that say nothing: memory per connection
    CHECKS = "checks"           # no client at all: CPU per health check
    CONFIG = "config"           # read a long configuration and end: CPU
    START = "start"             # from exec to the first answer: time


UNITS = {
    Kind.LOAD: "µs CPU/request",
    Kind.IDLE: "KiB RSS/connection",
    Kind.CHECKS: "µs CPU/check",
    Kind.CONFIG: "ms CPU",
    Kind.START: "ms",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `target` is the ratio to HAProxy that pyproxy is to reach, `target_value` a figure of its own."""

    name: str
    what: str
    kind: Kind = Kind.LOAD
    mode: str = "http"
    defaults: tuple[str, ...] = ()          # lines of the defaults section, besides mode and timeouts
    backend: tuple[str, ...] = ()           # lines of the backend, besides the servers
    server: str = ""                        # words after each server's address; {name} is the server's name
    syslog: bool = False                    # the global section names a log target
    script: str = "minimal.lua"             # of bench/wrk
    path: str = "/small"                    # what the servers are asked for
    servers: int = 4
    connections: int = 64
    bulk: bool = False                      # also against HAProxy with large buffers
    nginx: bool = True                      # nginx as a proxy can do it
    target: float | None = None
    target_value: float | None = None

    @property
    def unit(self) -> str:
        return UNITS[self.kind]

    def sized(self, servers: int | None = None, connections: int | None = None) -> Row:
        """The same row with another number of servers or connections."""
        return replace(self, servers=servers or self.servers, connections=connections or self.connections)


FORWARD = ("option forwardfor",)
COOKIE = ("cookie SERVERID insert indirect nocache",)

ROWS: tuple[Row, ...] = (
    Row("http-keepalive", "a browser's 12 fields, cookie persistence, forwardfor", defaults=FORWARD, backend=COOKIE,
        server="cookie {name}", script="browser.lua", target=1.00),
    Row("http-minimal", "a request of two lines", target=1.00),
    Row("http-log", "http-keepalive with httplog to a UDP syslog", defaults=(*FORWARD, "log global", "option httplog"),
        backend=COOKIE, server="cookie {name}", script="browser.lua", syslog=True, target=1.10),
    Row("http-close", "option httpclose: a connection a request on both sides", defaults=(*FORWARD, "option httpclose"),
        backend=COOKIE, server="cookie {name}", script="browser.lua", target=1.05),
    Row("http-64k", "responses of 64 KiB", path="/64k", bulk=True, target=0.75),
    Row("http-1m", "responses of 1 MiB", path="/1m", connections=16, bulk=True, target=0.60),
    Row("http-upload-1m", "requests with 1 MiB", path="/upload", connections=16, script="upload.lua", bulk=True, target=0.75),
    Row("http-chunked", "16 KiB up and 16 KiB down, both chunked", path="/chunked", script="chunked.lua"),
    Row("tcp-small", "mode tcp: small exchanges on standing connections", mode="tcp", target=1.00),
    Row("tcp-64k", "mode tcp: answers of 64 KiB", mode="tcp", path="/64k", bulk=True, target=0.65),
    Row("tcp-1m", "mode tcp: answers of 1 MiB", mode="tcp", path="/1m", connections=16, bulk=True, target=0.60),
    Row("tcp-connect", "mode tcp: a connection an exchange", mode="tcp", script="close.lua", target=1.05),
    Row("idle", "keep-alive connections that say nothing", kind=Kind.IDLE, connections=5000, target_value=3.0),
    Row("checks", "HTTP health checks of 1,000 servers, one a second each", kind=Kind.CHECKS,
        backend=("option httpchk GET /small",), server="check inter 1s", servers=1000, nginx=False),
    Row("config", "reading 10,000 lines", kind=Kind.CONFIG, nginx=False),
    Row("start", "from exec to the first answered request", kind=Kind.START, target_value=350.0),
)
BY_NAME = {row.name: row for row in ROWS}

GROWTH_ROWS = ("http-keepalive", "http-close", "tcp-small", "tcp-connect")
GROWTH_SERVERS = (1, 10, 100, 1000)
GROWTH_CONNECTIONS = (10, 1000, 5000)
GROWTH_LIMIT = 0.15


def chosen(names: str) -> tuple[Row, ...]:
    """The rows a comma-separated list names, in the table's order; an empty list names all.

    Raises: ValueError, with the names there are.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in BY_NAME]
    if unknown:
        raise ValueError(f"no row is called {', '.join(unknown)}; there are {', '.join(BY_NAME)}")
    return tuple(row for row in ROWS if row.name in wanted) if wanted else ROWS
