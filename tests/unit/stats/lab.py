"""A process without sockets, shaped like `golden/g.cfg`, for the tests of the statistics."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from proxy.base.addresses import Address, Family
from proxy.health.result import CheckResult
from proxy.runtime import transitions
from proxy.runtime.backend import Backend
from proxy.runtime.board import Board, RowKey
from proxy.runtime.cells import INDEX
from proxy.runtime.frontend import Frontend, Listener
from proxy.runtime.process import PROCESS_ROW, Process
from proxy.runtime.server import Server
from proxy.runtime.service import ServiceRequest
from proxy.runtime.states import Operational
from proxy.stats.actions import RuntimeActions
from proxy.stats.service import StatsService

__all__ = ["Board", "PROCESS_ROW", "RowKey", "transitions"]      # what tests take from here besides what is defined here

NOW_MS = 1_000_000
START_MS = NOW_MS - 8_000


class StoppedClock:
    """A clock that a test moves."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def monotonic_ms(self) -> int:
        return self.now_ms

    def wall_s(self) -> float:
        return 1_795_330_496.0


@dataclass
class Settings:
    """The `stats` lines."""

    uri: str = "/admin"
    realm: str = ""
    users: tuple[tuple[str, str], ...] = ()
    refresh_s: int = 0
    hide_version: bool = False
    show_legends: bool = True
    show_modules: bool = False
    show_node: str | None = None
    show_desc: str | None = None
    scopes: tuple[str, ...] = ()
    admin_if: str = ""


class SilentEvents:
    """Hears of changes and does nothing."""

    def server_event(self, server: Any, level: str, text: str) -> None: ...

    def backend_event(self, backend: Any, level: str, text: str) -> None: ...

    def server_changed(self, server: Any, was_up: bool, now_ms: int) -> tuple[int, int]:
        return 0, 0


class Actions(RuntimeActions):
    """The form's actions on the runtime objects, with no sessions to end."""

    def __init__(self, clock: StoppedClock) -> None:
        self.shut: list[str] = []
        super().__init__(clock, SilentEvents(), lambda server: self.shut.append(server.name))


def address(port: int) -> Address:
    return Address(Family.IPV4, "127.0.0.1", port)


def add_frontend(process: Process, name: str, iid: int, port: int, is_http: bool = True, kind: str = "frontend") -> Frontend:
    frontend = Frontend(name, iid)
    frontend.kind, frontend.is_http, frontend.maxconn = kind, is_http, 200
    listener = Listener(frontend, 1, address(port))
    listener.bound = ("127.0.0.1", port)
    frontend.listeners.append(listener)
    process.frontends.append(frontend)
    return frontend


def add_backend(process: Process, name: str, iid: int, is_http: bool = True, kind: str = "backend", algorithm: str = "roundrobin",
                cookie: str = "") -> Backend:
    backend = Backend(name, iid)
    backend.kind, backend.is_http, backend.fullconn = kind, is_http, 20
    backend.balancer = SimpleNamespace(algorithm=algorithm)
    backend.cookie = SimpleNamespace(name=cookie.encode()) if cookie else None
    process.backends.append(backend)
    return backend


def add_server(backend: Backend, name: str, port: int, weight: int = 1, cookie: str = "", checked: bool = False,
               backup: bool = False, disabled: bool = False) -> Server:
    server = Server(backend, name, len(backend.servers) + 1, address(port))
    server.sockaddr = ("127.0.0.1", port)
    server.index = len(backend.servers)
    server.configured_weight = server.user_weight = weight
    server.cookie = cookie.encode()
    server.is_backup, server.disabled = backup, disabled
    if checked:
        server.rise, server.fall = 2, 2
        server.check = SimpleNamespace()
        server.check_result = CheckResult()
    backend.servers.append(server)
    return server


def checked(server: Server, status: str, code: int, duration_ms: int, description: str = "") -> None:
    """Give a server the result of a health check, and the health that goes with it."""
    result = server.check_result
    result.status, result.code, result.duration_ms, result.description = status, code, duration_ms, description
    if status.endswith(("OK", "OKC")):
        server.health = server.rise + server.fall - 1
    else:
        transitions.set_health(server, "down", NOW_MS - 7_000, SilentEvents())


def count(subject: Any, **cells: int) -> None:
    """Set counters by name."""
    for name, value in cells.items():
        subject.counters[INDEX[name]] = value


def make_process() -> Process:
    """The proxies of golden/g.cfg as they stood when the golden CSV was taken."""
    process = Process()
    process.pid, process.node, process.description, process.maxconn = 4242, "lab", "golden capture", 200
    process.start_monotonic_ms = START_MS
    add_frontend(process, "admin", 2, 24199, kind="listen")
    add_backend(process, "admin", 2, kind="listen")
    web = add_frontend(process, "web", 3, 24180)
    count(web, stot=16, bin=530, bout=2090, dreq=1, ereq=3, hrsp_2xx=7, hrsp_3xx=1, hrsp_4xx=4, hrsp_5xx=3, req_tot=16)
    app = add_backend(process, "app", 4, cookie="SERVERID")
    s1 = add_server(app, "s1", 24101, weight=10, cookie="c1", checked=True)
    s2 = add_server(app, "s2", 24102, weight=20, cookie="c2", checked=True)
    s3 = add_server(app, "s3", 24109, cookie="c3", checked=True)
    add_server(app, "b1", 24101, backup=True)
    rw = add_backend(process, "rw", 5, cookie="SERVERID")
    add_server(rw, "s1", 24103, cookie="A")
    add_server(add_backend(process, "dead", 6), "d1", 24109)
    add_server(add_backend(process, "slow", 7), "sl", 24104)
    add_backend(process, "nosrv", 8)
    add_frontend(process, "tcp1", 9, 24181, is_http=False, kind="listen")
    tcp1 = add_backend(process, "tcp1", 9, is_http=False, kind="listen", algorithm="leastconn")
    add_server(tcp1, "t1", 24101)
    add_server(tcp1, "t2", 24102, disabled=True)
    transitions.start_states(process.backends, START_MS)
    checked(s1, "L7OK", 200, 4)
    checked(s2, "L7OK", 200, 0)
    checked(s3, "L4CON", 0, 0, "Connection refused")
    count(s1, stot=1, bin=55, bout=167, hrsp_2xx=1, req_tot=1, lbtot=1, connect=1)
    count(s3, chkfail=1)
    return process


def operational(server: Server, state: Operational) -> None:
    transitions.set_operational(server, state, "", NOW_MS, SilentEvents())


def request(target: str, method: str = "GET", body: bytes = b"", client: str = "127.0.0.1", **fields: str) -> ServiceRequest:
    """A request as the engine hands it over; keyword `sec_fetch_site` becomes the field sec-fetch-site."""
    pairs = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in fields.items())
    return ServiceRequest(method.encode(), target.encode(), 1, pairs, body, client)


def fetch(service: StatsService, target: str, **more: Any) -> str:
    """The body of a GET, as text."""
    response = service.respond(request(target, **more))
    assert response.status == 200
    return (response.body if isinstance(response.body, bytes) else b"".join(response.body)).decode()
