"""What drives a proxy: wrk with a script, connections that are held, one first request."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from bench.programs import BenchError, find, pinned
from bench.rows import Row

SCRIPTS = Path(__file__).parent / "wrk"
THREADS = 4
TIMEOUT_S = 20
REPORT = re.compile(rb"^BENCH (.+)$", re.MULTILINE)
REQUEST = b"GET /small HTTP/1.1\r\nHost: www.example.com\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk counted."""

    requests: int
    duration_us: int
    bytes: int
    failures: int
    p50_us: int
    p99_us: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests * 1e6 / self.duration_us if self.duration_us else 0.0


def parse_report(output: bytes) -> Load:
    """The line that bench/wrk/report.lua prints.

    Raises: BenchError when there is none.
    """
    found = REPORT.search(output)
    if found is None:
        raise BenchError(f"wrk gave no report: {output[-300:].decode(errors='replace')}")
    numbers = {name: int(value) for name, _, value in (pair.partition("=") for pair in found[1].decode().split())}
    failures = sum(numbers[name] for name in ("connect", "read", "write", "status", "timeout"))
    return Load(numbers["requests"], numbers["duration_us"], numbers["bytes"], failures, numbers["p50_us"], numbers["p99_us"])


@contextmanager
def driving(row: Row, port: int, seconds: int, cores: frozenset[int]) -> Iterator[Callable[[], Load]]:
    """Load a proxy with the row's requests for some whole seconds; what is given waits for the end and tells what came of it.

    Raises: BenchError, from what is given, when nothing was answered, or more than one request in a thousand failed.
    """
    threads = min(THREADS, row.connections)
    command = [find("wrk"), f"-t{threads}", f"-c{row.connections}", f"-d{seconds}s", f"--timeout={TIMEOUT_S}s", "-s", row.script,
               f"http://127.0.0.1:{port}{row.path}", "--", str(row.servers), str(threads)]
    with pinned(cores):
        wrk = subprocess.Popen(command, cwd=SCRIPTS, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True)

    def ended() -> Load:
        try:
            output, _ = wrk.communicate(timeout=seconds + 2 * TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise BenchError(f"wrk did not end within {seconds + 2 * TIMEOUT_S} s") from None
        load = parse_report(output)
        if load.requests == 0 or load.failures > load.requests / 1000:
            raise BenchError(f"{load.failures} failures beside {load.requests} answers")
        return load

    try:
        yield ended
    finally:
        if wrk.poll() is None:
            wrk.kill()
            wrk.communicate()


def drive(row: Row, port: int, seconds: int, cores: frozenset[int]) -> Load:
    """`driving`, from beginning to end."""
    with driving(row, port, seconds, cores) as ended:
        return ended()


@contextmanager
def counting(origin_port: int) -> Iterator[Callable[[], int]]:
    """Ask with the callable how many requests the servers have had so far, this one included.

    The connection is there before theirs are: it would wait behind all that the servers have not accepted yet.
    Source: nginx, ngx_http_stub_status_module: the third number of the third line.
    Raises: BenchError, also when asked, where the servers do not tell.
    """
    connection = HTTPConnection("127.0.0.1", origin_port, timeout=10.0)
    try:
        connection.connect()
    except OSError as error:
        raise BenchError(f"the servers do not tell how many requests they have had: {error}") from None

    def requests_served() -> int:
        try:
            connection.request("GET", "/status")
            return served(connection.getresponse().read())
        except (OSError, HTTPException, ValueError, IndexError) as error:
            raise BenchError(f"the servers do not tell how many requests they have had: {error}") from None

    try:
        yield requests_served
    finally:
        connection.close()


def served(status: bytes) -> int:
    """The number of requests in nginx's status page."""
    return int(status.splitlines()[2].split()[2])


def one_answer(port: int, timeout_s: float = 10.0) -> socket.socket:
    """Connect, ask, read the whole answer, and give the connection back open.

    Raises: OSError; BenchError for another answer than 200.
    """
    connection = socket.create_connection(("127.0.0.1", port), timeout_s)
    try:
        connection.sendall(REQUEST)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += _more(connection)
        head, _, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: ?([0-9]{1,9})", head)
        if not head.startswith(b"HTTP/1.1 200") or length is None:
            raise BenchError(f"answered {head[:60]!r}")
        while len(body) < int(length[1]):
            body += _more(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _more(connection: socket.socket) -> bytes:
    octets = connection.recv(65536)
    if not octets:
        raise BenchError("closed without a whole answer")
    return octets


@contextmanager
def held(port: int, count: int) -> Iterator[None]:
    """As many keep-alive connections, each with one answer behind it, and silent from then on."""
    connections: list[socket.socket] = []
    try:
        for _ in range(count):
            try:
                connections.append(one_answer(port))
            except OSError as error:
                raise BenchError(f"connection {len(connections) + 1} of {count}: {error}") from None
        yield
    finally:
        for connection in connections:
            connection.close()


def first_answer(port: int, deadline: float) -> None:
    """Ask until there is an answer.

    Raises: BenchError at the deadline (a time of the monotonic clock).
    """
    while time.monotonic() < deadline:
        try:
            one_answer(port, 5.0).close()
            return
        except (ConnectionError, BenchError):
            time.sleep(0.0005)
    raise BenchError("no answer in time")
