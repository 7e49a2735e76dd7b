"""A small site around the statistics service, to look at the page in a browser before there is an engine to serve it.

Run it to see the page: `python tests/browser/harness.py [port]`, then open http://admin:admin@127.0.0.1:PORT/admin
"""

from __future__ import annotations

import importlib.util
import math
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from proxy.base.clock import SystemClock
from proxy.runtime.cells import INDEX, RATE_AT, REQ_RATE_AT
from proxy.runtime.service import ServiceRequest
from proxy.runtime.states import Operational
from proxy.stats.service import StatsService

ROOT = Path(__file__).resolve().parents[2]


def load_lab() -> Any:
    """The builders that the unit tests use."""
    if "stats_lab" not in sys.modules:
        spec = importlib.util.spec_from_file_location("stats_lab", ROOT / "tests/unit/stats/lab.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["stats_lab"] = module
        spec.loader.exec_module(module)
    return sys.modules["stats_lab"]


def make_process(lab: Any, now_ms: int) -> Any:
    """A web shop's load balancer with a server in every state that a row can show."""
    process = lab.Process()
    process.pid, process.node, process.description, process.maxconn, process.nbthread = 4242, "lb1", "edge, rack 7", 4000, 4
    process.start_monotonic_ms = now_ms - 187_000_000
    stats = lab.add_frontend(process, "stats", 2, 1080, kind="listen")
    stats.options = frozenset({"socket-stats"})
    lab.add_backend(process, "stats", 2, kind="listen")
    web = lab.add_frontend(process, "web", 3, 80)
    web.description, web.maxconn = "what customers see <www.example.com>", 3000
    app = lab.add_backend(process, "app", 4, cookie="SERVERID")
    app.description = "shop application"
    for number in range(1, 5):
        lab.add_server(app, f"app{number}", 8000 + number, weight=10 * number, cookie=f"a{number}", checked=True)
    lab.add_server(app, "app5", 8005, weight=10, cookie="a5", checked=True)
    lab.add_server(app, "spare1", 8010, checked=True, backup=True)
    lab.add_server(app, "spare2", 8011, backup=True)
    api = lab.add_backend(process, "api", 5, algorithm="leastconn")
    for number in range(1, 4):
        lab.add_server(api, f"api{number}", 9000 + number, checked=True)
    lab.add_server(api, "old", 9009)
    lab.add_frontend(process, "mysql", 6, 3306, is_http=False, kind="listen")
    mysql = lab.add_backend(process, "mysql", 6, is_http=False, kind="listen", algorithm="first")
    lab.add_server(mysql, "db1", 3307, checked=True)
    lab.add_server(mysql, "db2", 3308, checked=True, backup=True)
    lab.transitions.start_states(process.backends, now_ms - 180_000_000)
    _set_states(lab, process, now_ms)
    return process


def _set_states(lab: Any, process: Any, now_ms: int) -> None:
    for backend in process.backends:
        for server in backend.servers:
            if server.check is not None:
                status, code = ("L7OK", 200) if backend.is_http else ("L4OK", 0)
                lab.checked(server, status, code, server.sid)
    process.server("app", "app2").health = 2                                            # UP, going down
    lab.checked(process.server("app", "app4"), "L4CON", 0, 0, 'Connection refused <script>alert("x")</script>')
    silent = lab.SilentEvents()
    lab.transitions.set_admin(process.server("app", "app5"), "maint", now_ms - 9_000_000, silent)
    lab.transitions.set_admin(process.server("api", "api2"), "drain", now_ms - 125_000, silent)
    lab.transitions.set_operational(process.server("api", "api3"), Operational.STOPPED, "", now_ms - 40_000, silent)
    process.server("api", "api3").health = 1                                            # DOWN, going up
    lab.checked(process.server("mysql", "db2"), "L4TOUT", 0, 2001, "")


class Traffic:
    """Moves the counters with the clock, as waves of requests would."""

    def __init__(self, process: Any, now_ms: int) -> None:
        self.process = process
        self.moved_ms = now_ms - 600_000

    def move(self, now_ms: int) -> None:
        """Count what happened since the last look."""
        elapsed_s = (now_ms - self.moved_ms) / 1000
        self.moved_ms = now_ms
        wave = 90 + 60 * math.sin(now_ms / 3000) + 25 * math.sin(now_ms / 700)
        bad = 4 if math.sin(now_ms / 5000) > 0.8 else 0
        total = 0
        for backend in self.process.backends:
            usable = [server for server in backend.servers if server.weight_now]
            weights = sum(server.weight_now for server in usable) or 1
            for server in usable:
                done = int(wave * elapsed_s * server.weight_now / weights)
                total += done if backend.is_http else 0
                self._count(server, done, int(bad * elapsed_s / len(usable)), now_ms)
            self._count(backend, int(wave * elapsed_s) if usable else 0, int(bad * elapsed_s), now_ms)
        for frontend in self.process.frontends:
            self._count(frontend, total // 2, int(bad * elapsed_s), now_ms)

    def _count(self, subject: Any, done: int, bad: int, now_ms: int) -> None:
        row = subject.counters
        for name, amount in (
            ("stot", done), ("req_tot", done), ("conn_tot", done), ("lbtot", done), ("bin", done * 420), ("bout", done * 9100),
            ("hrsp_2xx", done - bad), ("hrsp_5xx", bad), ("eresp", bad), ("connect", done // 9), ("reuse", done - done // 9),
            ("time_samples", done), ("rtime_sum", 0),
        ):
            row[INDEX[name]] += amount
        row[INDEX["rtime_sum"]], row[INDEX["ttime_sum"]] = 1024 * 18, 1024 * 31
        row[INDEX["rtime_max"]], row[INDEX["ttime_max"]] = 240, 903
        row[INDEX["scur"]] = done % 23
        row[INDEX["smax"]] = max(row[INDEX["smax"]], done % 23)
        if done:
            row[INDEX["lastsess_ms"]] = now_ms
        for at in (RATE_AT, REQ_RATE_AT):
            row[at], row[at + 1], row[at + 2] = now_ms // 1000, done % 160, done % 160
        row[INDEX["rate_max"]] = max(row[INDEX["rate_max"]], done % 160)


class Site:
    """The statistics of one process, served on loopback from a thread of its own."""

    def __init__(self, port: int = 0, users: tuple[tuple[str, str], ...] = (("admin", "admin"),), refresh_s: int = 30) -> None:
        lab = load_lab()
        self.clock = SystemClock()
        self.process = make_process(lab, self.clock.monotonic_ms())
        self.traffic = Traffic(self.process, self.clock.monotonic_ms())
        settings = lab.Settings(users=users, refresh_s=refresh_s, admin_if="TRUE", show_node="", show_desc="")
        service = StatsService(self.process, settings, self.clock, lab.Actions(self.clock), "stats")
        self.server = ThreadingHTTPServer(("127.0.0.1", port), _answering(service, self))
        self.thread = threading.Thread(target=self.server.serve_forever, name="stats site")

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def __enter__(self) -> Site:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def _answering(service: StatsService, site: Site) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("content-length", "0"))))

        def _answer(self, body: bytes) -> None:
            target = self.path.encode()
            if not service.matches(self.command.encode(), target):
                self.send_error(404)
                return
            fields = tuple((name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items())
            with lock:
                site.traffic.move(site.clock.monotonic_ms())
                answer = service.respond(
                    ServiceRequest(self.command.encode(), target, 1, fields, body, self.client_address[0]))
                content = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
            self.send_response(answer.status)
            for name, value in (*answer.fields, (b"content-length", b"%d" % len(content))):
                self.send_header(name.decode(), value.decode("latin-1"))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None: ...

    return Answering


if __name__ == "__main__":
    with Site(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as running:
        print(f"http://admin:admin@127.0.0.1:{running.port}/admin", flush=True)
        running.thread.join()
