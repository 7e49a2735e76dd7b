"""One program, one configuration, scripted servers behind it, a client before it, a syslog daemon beside it.

Everything that can be seen from outside is recorded, with ports replaced by names and times by "T", so that two programs'
outcomes can be compared with `==`.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.differential.origin import DEADLINE_S, Origin, Visit
from tests.differential.wire import Message, Stream, read_message

LOG_OCTETS = 4 << 20          # what a socket may keep of the log until it is read
SENTINEL = "@END@"
CSV_COLUMNS = [
    "qcur",
    "qmax",
    "smax",
    "slim",
    "stot",
    "bin",
    "bout",
    "dreq",
    "dresp",
    "ereq",
    "econ",
    "eresp",
    "wretr",
    "wredis",
    "status",
    "weight",
    "act",
    "bck",
    "chkfail",
    "chkdown",
    "qlimit",
    "pid",
    "iid",
    "sid",
    "throttle",
    "lbtot",
    "tracked",
    "type",
    "rate_lim",
    "check_status",
    "check_code",
    "hrsp_1xx",
    "hrsp_2xx",
    "hrsp_3xx",
    "hrsp_4xx",
    "hrsp_5xx",
    "hrsp_other",
    "req_tot",
    "cli_abrt",
    "srv_abrt",
    "check_rise",
    "check_fall",
    "check_health",
    "cookie",
    "mode",
    "algo",
    "conn_tot",
    "intercepted",
    "dcon",
    "dses",
    "wrew",
    "connect",
    "reuse",
    "eint",
]
HTTP1_COLUMNS = ["h1_total_connections", "h1_total_streams", "h1_bytes_in", "h1_bytes_out"]      # with checks in HAProxy
HARNESS = """
global
 nbthread 1
 maxconn 1000
frontend ready
 bind @ready@
 mode http
 timeout client 10s
 no log
 monitor-uri /
frontend sentinel
 bind @sentinel@
 mode http
 timeout client 10s
 log @LOG@ local7
 log-format @END@
listen harness
 bind @stats@
 mode http
 timeout client 10s
 timeout server 10s
 timeout connect 1s
 no log
 stats enable
 stats uri /
"""
OWN_PROXIES = ("ready", "sentinel", "harness")
FIRST_AND_LAST = ("ready", "stats")          # of what is bound in that order; neither says anything in the log
PLACES = (*FIRST_AND_LAST, "sentinel", "front", "second", "third", "nobody")


@dataclass(slots=True)
class Outcome:
    """What was seen: by the client step by step, by each server, in the log, in the statistics."""

    client: list[Any] = field(default_factory=list)
    servers: dict[str, list[Any]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    csv: dict[str, dict[str, str]] = field(default_factory=dict)


def commands(name: str, haproxy: str) -> list[str]:
    return [haproxy, "-db", "-f"] if name == "haproxy" else [sys.executable, "-m", "proxy", "-db", "-f"]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Ask again and again until it is so; an error when it never is."""
    until = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.005)


class Lab:
    """A running program and all that surrounds it; `port(name)` is where things are."""

    def __init__(self, command: list[str], folder: Path, configuration: str, origins: dict[str, Origin]) -> None:
        self._cleanup = ExitStack()
        try:
            self._start(command, folder, configuration, origins)
        except BaseException:
            self.close()
            raise

    def _start(self, command: list[str], folder: Path, configuration: str, origins: dict[str, Origin]) -> None:
        self.origins = origins
        for origin in origins.values():
            self._cleanup.callback(origin.close)
        self.folder = folder
        self._daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._cleanup.callback(self._daemon.close)
        self._daemon.bind(("127.0.0.1", 0))
        self._daemon.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LOG_OCTETS)     # nobody reads before the end
        self._daemon.settimeout(DEADLINE_S)
        self._lines: list[str] = []
        self.connections: dict[str, Stream] = {}
        self.ports = {name: origin.port for name, origin in origins.items()}
        self.ports["LOG"] = self._daemon.getsockname()[1]
        self.ports |= free_ports(PLACES)
        text = configuration + HARNESS
        for name, port in self.ports.items():
            text = text.replace(f"@{name}@", f"127.0.0.1:{port}").replace(f"@port:{name}@", str(port))
        path = folder / "test.cfg"
        path.write_text(text.replace("@folder@", str(folder)))
        self._errors = folder / "stderr"
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [*command, str(path)],
                stdout=errors,
                stderr=errors,
                env={"TZ": "UTC", "PATH": "/bin", "PYPROXY_PURE": os.environ.get("PYPROXY_PURE", "")},
                cwd=Path(__file__).parents[2],
            )
        self._cleanup.callback(self._stop)
        wait_until(self._is_ready, "the program to listen")

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _is_ready(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"the program ended at once:\n{self._errors.read_text()}")
        try:
            for place in FIRST_AND_LAST:
                socket.create_connection(("127.0.0.1", self.ports[place]), 1).close()
        except ConnectionRefusedError:
            return False
        return self._process.poll() is None

    def close(self) -> None:
        for stream in getattr(self, "connections", {}).values():
            stream.connection.close()
        self._cleanup.close()

    # the client

    def connect(self, name: str, place: str = "front", source: str = "127.0.0.1") -> Stream:
        connection = socket.create_connection(("127.0.0.1", self.ports[place]), DEADLINE_S, (source, 0))
        connection.settimeout(DEADLINE_S)
        stream = self.connections[name] = Stream(connection)
        return stream

    def named(self, text: str) -> str:
        """The text with known ports replaced by their names and the folder by a word."""
        text = text.replace(str(self.folder), "@folder@")
        by_port = {str(port): name for name, port in self.ports.items()}
        return re.sub(r"(?<=[:, ])\d{4,5}\b", lambda match: by_port.get(match[0], match[0]), text)

    def shown(self, message: Message | None) -> Any:
        if message is None:
            return "end"
        fields = [(name, self.named(value)) for name, value in message.fields]
        return {
            "start": self.named(message.start),
            "fields": sorted(fields, key=lambda pair: pair[0]),
            "framing": message.framing,
            "body": self.named(message.body.decode("latin-1")),
            "trailers": message.trailers,
            "complete": message.complete,
        }

    # log and statistics

    def collect_log(self, count: int) -> list[str]:
        """At least `count` lines, and whatever else is said before a last request of ours."""
        while len(self._lines) < count:
            self._lines.append(self._receive())
        with socket.create_connection(("127.0.0.1", self.ports["sentinel"]), DEADLINE_S) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while (line := self._receive()) != SENTINEL:
                self._lines.append(line)
            while connection.recv(4096):
                pass
        return [self.named(line) for line in self._lines]

    def _receive(self) -> str:
        try:
            line = self._daemon.recv(65536).decode("latin-1").rstrip("\n")
        except TimeoutError:
            raise AssertionError(f"no more lines in the log after {self._lines}") from None
        return SENTINEL if line.endswith(SENTINEL) else log_line(line)

    def statistics(self, columns: list[str] = CSV_COLUMNS) -> dict[str, dict[str, str]]:
        with socket.create_connection(("127.0.0.1", self.ports["stats"]), DEADLINE_S) as connection:
            connection.sendall(b"GET /;csv;norefresh HTTP/1.0\r\n\r\n")
            stream = Stream(connection)
            message = read_message(stream)
        assert message is not None
        text = message.body.decode().removeprefix("# ")
        rows = {f"{row['pxname']}/{row['svname']}": row for row in csv.DictReader(io.StringIO(text))}
        return {
            name: {column: row[column] for column in columns}
            for name, row in rows.items()
            if row["pxname"] not in OWN_PROXIES
        }


_HTTPLOG = re.compile(r"^(\S+?):(\d+) \[[^\]]+\] (\S+) (\S+) (-?\d+)/(-?\d+)/(-?\d+)/(-?\d+)/(\+?)(-?\d+) (.*)$", re.DOTALL)
_TCPLOG = re.compile(r"^(\S+?):(\d+) \[[^\]]+\] (\S+) (\S+) (-?\d+)/(-?\d+)/(\+?)(-?\d+) (.*)$", re.DOTALL)
_CLF_TIMES = re.compile(r'"" "" \d+ \d+ ("\S+" "\S+" "\S+") ((?:-?\d+ ){5})(\S{4}) \d+ ')
_SYSLOG = re.compile(r"^(<\d+>)\w{3} [ \d]\d \d\d:\d\d:\d\d (\S*?)(?:\[\d+\])?: (.*)$", re.DOTALL)


def _moment(text: str) -> str:
    return text if text == "-1" else "T"


def log_line(line: str) -> str:
    """A line of the log without what differs from run to run: dates, process ids, clients' ports, times, all connections."""
    match = _SYSLOG.match(line)
    if match is None:
        return line
    head, tag, text = match.groups()
    text = re.sub(r"\d+/\w{3}/\d{4}:\d\d:\d\d:\d\d(\.\d+)?( [+-]\d{4})?", "DATE", text)
    match = _HTTPLOG.match(text)
    if match is not None:
        address, _, front, server, *times, plus, active, rest = match.groups()
        text = f"{address}:P [DATE] {front} {server} {'/'.join(map(_moment, times))}/{plus}{_moment(active)} {rest}"
    else:
        match = _TCPLOG.match(text)
        if match is not None:
            address, _, front, server, *times, plus, total, rest = match.groups()
            text = f"{address}:P [DATE] {front} {server} {'/'.join(map(_moment, times))}/{plus}{_moment(total)} {rest}"
    text = re.sub(r"(?<= )\d+(/\d+/\d+/\d+/\+?\d+ \d+/\d+)", r"A\1", text)
    text = re.sub(r"^((?:Connect from )?127\.0\.0\.\d+):\d+", r"\1:P", text)
    text = _CLF_TIMES.sub(lambda match: f'"" "" P T {match[1]} {" ".join(map(_moment, match[2].split()))} {match[3]} A ', text)
    text = re.sub(r"check duration: \d+ms", "check duration: Tms", text)
    return f"{head} {tag} {text}"


FIRST_PORT, LAST_PORT = 10_000, 30_000  # below those that the kernel gives to clients
_port_numbers = itertools.cycle(range(FIRST_PORT, LAST_PORT))
_port_lock = threading.Lock()


def free_ports(names: tuple[str, ...]) -> dict[str, int]:
    """A port for each name that nobody listens on; processes begin their search in different places."""
    ports: dict[str, int] = {}
    with _port_lock:
        if next(_port_numbers) == FIRST_PORT:
            for _ in range(os.getpid() * 61 % (LAST_PORT - FIRST_PORT)):
                next(_port_numbers)
        while len(ports) < len(names):
            port = next(_port_numbers)
            with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
                ports[names[len(ports)]] = port
    return ports


def visits_shown(lab: Lab, visits: list[Visit]) -> list[Any]:
    """What one server saw, connection by connection; unused ones do not count."""
    shown: list[Any] = []
    for visit in visits:
        if visit.octets:
            shown.append(lab.named(re.sub(r"(?<=127\.0\.0\.1 127\.0\.0\.1 )\d+", "P", visit.octets.decode("latin-1"))))
        elif visit.requests:
            shown.append([lab.shown(request) for request in visit.requests])
    return shown
