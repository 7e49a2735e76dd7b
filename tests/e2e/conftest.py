"""Real sockets: a web server whose answers the test decides, a client that shows what came, processes of our own."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from proxy import Proxy
from proxy.engine import watchdog
from proxy.testing.pytest_plugin import pyproxy

__all__ = ["pyproxy"]               # the fixture that users get, for the tests too

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0
TRACED_TIMES = 6        # how much longer things take where coverage is measured
OLDEST = 2                      # generation of the garbage collector
HELD_S = 300.0          # while other things happen, on a machine that may be busy
# Below the range that clients get theirs from (32768 and up on Linux), beginning elsewhere in each run of the tests.
FIRST_PORT = 12_000 + os.getpid() * 97 % 18_000
CANDIDATE_PORTS = itertools.chain(range(FIRST_PORT, 32_000), itertools.cycle(range(12_000, 32_000)))


class Origin(ThreadingHTTPServer):
    """A web server called `name`: answers with its name, keeps what it was asked, `fields` are added to each answer."""

    daemon_threads = False
    block_on_close = True           # `server_close` waits for the thread of each connection
    request_queue_size = 128

    def __init__(self, name: str, port: int = 0, host: str = "127.0.0.1") -> None:
        super().__init__((host, port), OriginRequest)
        self.name = name
        self.port = self.server_address[1]
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.fields: list[tuple[str, str]] = []
        self.status = 200
        self.holding: threading.Event | None = None     # an answer waits for it
        self.arrived = threading.Semaphore(0)
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are part of the tests."""

    def close(self) -> None:
        if self.holding is not None:
            self.holding.set()
        self.shutdown()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
        self._thread.join()


class OriginRequest(BaseHTTPRequestHandler):
    """One connection to an Origin."""

    protocol_version = "HTTP/1.1"
    server: Origin

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length)
        self.server.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
        self.server.arrived.release()
        if self.path.startswith("/hold") and self.server.holding is not None:
            self.server.holding.wait(HELD_S)
        answer = self.server.name.encode() + b" " + body if body else self.server.name.encode()
        self.send_response(self.server.status)
        for name, value in self.server.fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_POST = do_HEAD = do_OPTIONS = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        """Silent."""


class Answer:
    """A response, read to its end."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.status
        self.body = response.read()
        self.fields = [(name.lower(), value) for name, value in response.getheaders()]

    def field(self, name: str) -> str | None:
        return next((value for key, value in self.fields if key == name), None)

    @property
    def text(self) -> str:
        return self.body.decode()


def connected_to(address: tuple[str, int] | str, patience_s: float) -> socket.socket:
    """A connection to a TCP address, or to the path of a unix socket."""
    if not isinstance(address, str):
        return socket.create_connection(address, timeout=patience_s)
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(patience_s)
    try:
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def refuses(address: tuple[str, int]) -> bool:
    """Whether nobody listens there any more: who connects in the moment of closing may be let in, or be reset."""
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        return False
    return False


def ask(
    address: tuple[str, int] | str, target: str = "/", *fields: str, method: str = "GET", body: bytes = b"",
    patience_s: float = PATIENCE_S,
) -> Answer:
    """One request on a connection of its own."""
    head = f"{method} {target} HTTP/1.1\r\nHost: test\r\n" + "".join(f"{line}\r\n" for line in fields)
    if body:
        head += f"Content-Length: {len(body)}\r\n"
    with connected_to(address, patience_s) as sock:
        sock.sendall(head.encode() + b"\r\n" + body)
        response = HTTPResponse(sock, method=method)
        try:
            response.begin()
            return Answer(response)
        finally:
            response.close()


def eventually(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Wait for something outside this process that nothing announces; its value."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if value := condition():
                return value
        select.select([], [], [], 0.005)
    raise AssertionError(f"waited in vain for {what}")


class Command:
    """A `pyproxy` process in the foreground that has told (as to systemd) that it is ready.

    `shell` is what a shell does first, before it becomes that process: `trap "" INT`, or redirections behind `exec`.
    """

    def __init__(
        self, folder: Path, *words: str, ready: bool = True, environment: dict[str, str] | None = None, shell: str = "",
    ) -> None:
        self.folder = folder
        variables = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default", **(environment or {})}
        self._notified: socket.socket | None = None
        if ready:
            self._notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            name = tempfile.mktemp(prefix="n", dir="/tmp")
            self._notified.bind("\0" + name)
            variables["NOTIFY_SOCKET"] = "@" + name
        before = ["/bin/sh", "-c", f'{shell}; exec "$0" "$@"'] if shell else []
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "proxy", *words], cwd=folder, env=variables, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        self.output = self.errors = ""
        if self._notified is not None:
            self._await_ready(self._notified)

    @property
    def pid(self) -> int:
        return self.process.pid

    def _await_ready(self, notified: socket.socket) -> None:
        pidfd = os.pidfd_open(self.pid)
        try:
            ready, _, _ = select.select([notified, pidfd], [], [], PATIENCE_S)
            if notified not in ready:
                self.stop()
                raise AssertionError(f"it did not start: {self.errors}")
            assert b"READY=1" in notified.recv(100)
        finally:
            os.close(pidfd)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """Its exit status, as subprocess gives it; `output` and `errors` are then what it wrote."""
        if not self.output and not self.errors:
            self.output, self.errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.output, self.errors = self.process.communicate(timeout=PATIENCE_S)
        if self._notified is not None:
            self._notified.close()


def wait_gone(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([pidfd], [], [], PATIENCE_S)
        assert ended, f"process {pid} does not end"
    finally:
        os.close(pidfd)


@pytest.fixture(autouse=True)
def nobody_waits() -> Iterator[None]:
    """No turn of an embedded worker's loop takes longer than it may: of processor time, for the machine may be busy.

    What a look for cycles among all objects takes is not its own: those are nearly all the tests', hundreds of thousands.
    """
    most_ms = watchdog.LONGEST_TURN_MS * (TRACED_TIMES if sys.gettrace() is not None else 1)
    found: list[str] = []
    looks: list[tuple[float, float]] = []       # for cycles: when each was over, how much processor time it took
    began_s = 0.0

    def looking(phase: str, facts: dict[str, int]) -> None:
        nonlocal began_s
        if phase == "start":
            began_s = time.thread_time()
        elif facts["generation"] == OLDEST:
            looks.append((time.monotonic(), time.thread_time() - began_s))

    def tell(held_ms: int, cpu_ms: int, place: str) -> None:
        since = time.monotonic() - held_ms / 1000
        own_ms = cpu_ms - 1000 * sum(took_s for over, took_s in list(looks) if over >= since)
        if own_ms > most_ms:
            found.append(f"{held_ms} ms, of which {own_ms:.0f} ms of processor time, at {place}")

    watchdog.told_of_all = tell
    gc.callbacks.append(looking)
    yield
    gc.callbacks.remove(looking)
    watchdog.told_of_all = None
    assert not found, "the event loop was held up: " + "; ".join(found)


@pytest.fixture
def origin() -> Iterator[Callable[..., Origin]]:
    """origin(name) starts a web server; all are closed at the end."""
    made: list[Origin] = []

    def make(name: str, port: int = 0, host: str = "127.0.0.1") -> Origin:
        made.append(Origin(name, port, host))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def start(loop_kind: str) -> Iterator[Callable[..., Proxy]]:
    """start(text) runs a load balancer on either loop; all are stopped at the end."""
    made: list[Proxy] = []

    def make(text: str) -> Proxy:
        made.append(Proxy(text, loop=loop_kind))
        return made[-1].start()

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """command(*words) starts the command line; what still runs at the end is killed."""
    made: list[Command] = []

    def make(*words: str, **how: Any) -> Command:
        made.append(Command(tmp_path, *words, **how))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[Callable[[], int]]:
    """The pid in the pid file of the test's folder; daemons found there are ended at the end."""
    known: set[int] = set()

    def current() -> int:
        known.add(int((tmp_path / "pid").read_text()))
        return int((tmp_path / "pid").read_text())

    yield current
    with contextlib.suppress(OSError, ValueError):
        current()
    for pid in known:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
        wait_gone(pid)


@pytest.fixture
def run_once(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """run_once(*words): the command line to its end."""

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
        return subprocess.run(
            [sys.executable, "-m", "proxy", *words], cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )

    return run


@pytest.fixture
def free_port() -> Callable[[], int]:
    """free_port(): a port that nothing uses now, and that the system gives to no client meanwhile."""

    def find() -> int:
        for port in CANDIDATE_PORTS:
            with socket.socket() as sock, contextlib.suppress(OSError):
                sock.bind(("127.0.0.1", port))
                return port
        raise AssertionError("every port is taken")

    return find


@pytest.fixture(name="ask")
def ask_fixture() -> Callable[..., Answer]:
    return ask


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[..., Any]:
    return eventually


@pytest.fixture(name="wait_gone")
def wait_gone_fixture() -> Callable[[int], None]:
    return wait_gone
