"""The same facts, written by the real haproxy and by us.

One log-format holds every variable plain and with each flag. The plain values of haproxy's line, and the octets that were sent,
are the facts of a record; from it our compiled format must write haproxy's line octet for octet.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from proxy.base.addresses import Address, Family
from proxy.base.log_format_text import CLF, HTTPLOG, HTTPSLOG, TCPLOG, VARIABLES
from proxy.core.logformat import DEFAULT_HTTP, Site, compile_format, wanted
from proxy.runtime.backend import Backend
from proxy.runtime.frontend import Frontend
from proxy.runtime.log import LogRecord
from proxy.runtime.server import Server
from tests.differential.log_peer import HaproxyWithLog
from tests.unit.core.logformat.test_captured_lines import HTTP_LINE, facts_of

pytestmark = pytest.mark.peer("haproxy")

FLAGS = ("", "{+Q}", "{+X}", "{+E}", "{+Q,+E}", "{+Q,+X}")
PLAIN = " ".join(f"§{name}§%{name}§" for name in sorted(VARIABLES))
FLAGGED = " ".join(f"{flag}{name}:%{flag}{name}" for name in sorted(VARIABLES) for flag in FLAGS[1:])
VANISHING = "%b %hr %hs %s %HQ %HPO %b %hrl %hsl %s%hr %hs%hrl x%hr %{+Q}hr %{+E}HQ %s"
SWITCHED = "%{+Q}o %b %{-Q}s %ci %{+X}o %cp %CC %{-Q,-X}o %cp 100%% [%CC] "
ALL = " ".join((PLAIN, FLAGGED, VANISHING, SWITCHED, HTTPLOG, CLF)).replace("%{+Q}o %{-Q}ci", "%{-E}o %ci")

CONFIGURATION = f"""
global
    tune.http.logurilen 300
defaults
    mode http
    timeout client 2s
    timeout server 2s
    timeout connect 2s
    timeout http-request 500ms
    option accept-invalid-http-request
    log @LOG@ len 65535 format raw local0
    log-format "{ALL.replace('"', chr(92) + '"')}"
frontend captures
    bind @captures@
    capture request header Host len 20
    capture request header X-A len 20
    capture response header X-R len 20
    capture cookie SS len 12
    unique-id-format %{{+X}}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
    http-request deny if {{ path /deny }}
    use_backend nobody if {{ path /nobody }}
    use_backend dead if {{ path /dead }}
    default_backend app
frontend plain
    bind @plain@
    default_backend app
frontend asap
    bind @asap@
    option logasap
    default_backend app
backend app
    server s @SERVER@
backend nobody
backend dead
    retries 1
    option redispatch
    server d1 @DEAD@
    server d2 @DEAD@
"""

CLOSE = b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
REQUESTS: dict[str, tuple[bytes, bytes]] = {        # name: target, more fields
    "plain": (b"/", b""),
    "query": (b"/p/a?q=1&r=2", b'X-A: x{y|z}#"\\] \xe9\t!\r\nCookie: SS=a#b"c\\]\r\n'),
    "octets": (b'/a"#{|}\\]\xc3\xa9~?x"', b"X-A: 1\r\nX-A: \r\n"),
    "absolute": (b"http://h/abs/path?x=1", b""),
    "absolute without path": (b"http://h", b""),
    "empty query": (b"/a?", b""),
    "long": (b"/" + b"x" * 400, b""),
    "long by little": (b"/" + b"x" * 285, b""),
    "denied": (b"/deny", b""),
    "no server": (b"/nobody?x", b""),
    "dead server": (b"/dead", b""),
    "server error": (b"/500", b""),
}


@pytest.fixture(scope="module")
def haproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HaproxyWithLog]:
    from tests.conftest import find_peer
    program = find_peer("haproxy")
    assert program is not None
    made = HaproxyWithLog(program, tmp_path_factory.mktemp("haproxy"), CONFIGURATION, ("captures", "plain", "asap"))
    yield made
    made.close()


def wall_s(date: str) -> float:
    return datetime.strptime(date, "%d/%b/%Y:%H:%M:%S.%f").replace(tzinfo=UTC).timestamp()


NUMBERS = {
    "ST": "status", "TR": "request_ms", "Ta": "active_ms", "Tc": "connect_ms", "Td": "data_ms", "Th": "handshake_ms",
    "Ti": "idle_ms", "Tr": "response_ms", "Tt": "total_ms", "Tw": "queue_ms", "U": "octets_in", "B": "octets_out",
    "ac": "process_connections",
    "bc": "backend_connections", "bq": "backend_queue", "fc": "frontend_connections", "rc": "retries", "rt": "request_counter",
    "sc": "server_connections", "sq": "server_queue", "cp": "client_port", "fp": "frontend_port", "bp": "backend_port",
    "sp": "server_port",
}
ADDRESSES = {"ci": "client_address", "fi": "frontend_address", "bi": "backend_address", "si": "server_address"}


def record_of(line: bytes, method: bytes, target: bytes) -> LogRecord:
    """The facts behind a line of haproxy's: its plain values, and the request that was sent."""
    shown = {name.decode(): value for name, value in re.findall(rb"\xc2\xa7(\w+)\xc2\xa7(.*?)\xc2\xa7", line)}
    words: dict[str, Any] = {name: value.decode("latin-1") for name, value in shown.items()}
    made = LogRecord()
    for name, attribute in NUMBERS.items():
        setattr(made, attribute, int(words[name].lstrip("+")) if words[name] != "-" else 0)
    for name, attribute in ADDRESSES.items():
        setattr(made, attribute, words[name] if words[name] != "-" else "")
    made.frontend = Frontend(words["f"], 1)
    made.frontend.log_count = int(words["lc"])
    made.backend = Backend(words["b"], 2)
    made.server_name = words["s"]
    if not made.server_name.startswith("<"):
        made.server = Server(made.backend, words["s"], 1, Address(Family.IPV4, "127.0.0.1", 1))
    made.accept_wall_s, made.request_wall_s = wall_s(words["t"]), wall_s(words["tr"])
    made.logasap, made.redispatched = words["B"].startswith("+"), words["rc"].startswith("+")
    made.termination, made.unique_id = shown["tsc"], shown["ID"] if words["ID"] != "-" else b""
    made.bad_request = words["r"] == "<BADREQ>"
    made.method, made.target, made.version = method, target, b"HTTP/1.1"
    made.captured_request_cookie, made.captured_response_cookie = (shown[n] if words[n] != "-" else None for n in ("CC", "CS"))
    return made


def site_of(line: bytes) -> Site:
    found = re.search(rb"\xc2\xa7pid\xc2\xa7(\d+)\xc2\xa7", line)
    assert found is not None
    return Site(hostname=socket.gethostname(), pid=int(found[1]), logurilen=300)


def check(line: bytes, made: LogRecord) -> None:
    ours = compile_format(ALL, http=True, site=site_of(line)).line(made)
    for mine, theirs in zip(ours.split(b" "), line.split(b" "), strict=False):
        assert mine == theirs
    assert ours == line


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("port", ["captures", "plain", "asap"])
def test_requests(haproxy: HaproxyWithLog, name: str, port: str) -> None:
    target, fields = REQUESTS[name]
    line = haproxy.line_of(port, b"GET " + target + CLOSE + fields + b"\r\n")
    made = record_of(line, b"GET", target)
    if port == "captures":
        sent = re.findall(rb"X-A: ?(.*)\r\n", fields)
        made.captured_request_headers = [b"h", sent[-1] if sent else None]
        made.captured_response_headers = [b'a{b|c}#"\\]' if made.server and made.status == 200 else None]
    check(line, made)


@pytest.mark.parametrize(("octets", "hang_up"), [
    (b"GET\r\n\r\n", False), (b"GET / HT", False), (b"GET /", True), (b"", True),
])
@pytest.mark.parametrize("port", ["captures", "plain", "asap"])
def test_what_is_no_request(haproxy: HaproxyWithLog, octets: bytes, hang_up: bool, port: str) -> None:
    line = haproxy.line_of(port, octets, hang_up=hang_up)
    made = record_of(line, b"", b"")
    assert made.bad_request
    check(line, made)


def test_options_and_connect(haproxy: HaproxyWithLog) -> None:
    for method, target in ((b"OPTIONS", b"*"), (b"CONNECT", b"h:80")):
        line = haproxy.line_of("plain", method + b" " + target + CLOSE.replace(b"Host: h", b"Host: h:80") + b"\r\n")
        check(line, record_of(line, method, target))


READY = {"http": HTTPLOG, "https": HTTPSLOG, "clf": CLF, "tcp": TCPLOG, "default": DEFAULT_HTTP}
READY_CONFIGURATION = """
defaults
    mode http
    timeout client 2s
    timeout server 2s
    timeout connect 2s
    log @LOG@ format raw local0
""" + "".join(f"""
frontend {name}
    bind @{name}@
    {option}
    default_backend app
frontend {name}_written
    bind @{name}_written@
    log-format "{READY[name].replace('"', chr(92) + '"')}"
    default_backend app
""" for name, option in (("http", "option httplog"), ("clf", "option httplog clf"), ("tcp", "option tcplog"),
                         ("https", "option httpslog"), ("default", "no option dontlognull"))) + """
backend app
    server s @SERVER@
"""


def test_our_texts_of_the_ready_formats_are_haproxys(peer: Callable[[str], str], tmp_path: Path) -> None:
    """haproxy given our text as a log-format writes what it writes for its own option."""
    ports = tuple(port for name in READY for port in (name, f"{name}_written"))
    haproxy = HaproxyWithLog(peer("haproxy"), tmp_path, READY_CONFIGURATION, ports)
    try:
        for name in READY:
            lines = [re.sub(rb"_written|\d+", lambda found: b"" if found[0] == b"_written" else b"0",
                            haproxy.line_of(port, b"GET /" + CLOSE + b"\r\n")) for port in (name, f"{name}_written")]
            assert lines[0] == lines[1]
    finally:
        haproxy.close()


OPTIONS = {
    "none": (), "separate": ("log-separate-errors",), "normal": ("dontlog-normal",), "null": ("dontlognull",),
    "both": ("dontlog-normal", "log-separate-errors"),
}
SELECTION_CONFIGURATION = """
defaults
    mode http
    timeout client 2s
    timeout server 2s
    timeout connect 2s
    timeout http-request 500ms
    option httplog
    log @LOG@ format local local0
""" + "".join(f"""
frontend f
    bind @{name}@
    {"".join(f"{chr(10)}    option {option}" for option in options)}
    http-request deny if {{ path /deny }}
    http-request redirect location /x if {{ path /redirect }}
    use_backend nobody if {{ path /nobody }}
    use_backend dead if {{ path /dead }}
    use_backend retried if {{ path /retried }}
    default_backend app
""".replace("frontend f", f"frontend {name}") for name, options in OPTIONS.items()) + """
backend app
    server s @SERVER@
backend nobody
backend dead
    retries 0
    server d @DEAD@
backend retried
    balance first
    retries 2
    option redispatch
    timeout connect 100ms
    server d @DEAD@
    server s @SERVER@
"""
STREAMS = ("/", "/404", "/500", "/deny", "/redirect", "/nobody", "/dead", "/retried", "/garbage", "/cut")
NOT_REQUESTS = ((b"bad\r\n\r\n", False), (b"GET /", True), (b"", True), (b"GET /", False))


def test_what_is_logged_and_how_loudly(peer: Callable[[str], str], tmp_path: Path) -> None:
    haproxy = HaproxyWithLog(peer("haproxy"), tmp_path, SELECTION_CONFIGURATION, tuple(OPTIONS))
    sent = [(f"GET {target}".encode() + CLOSE + b"\r\n", False) for target in STREAMS] + list(NOT_REQUESTS)
    try:
        records = []
        for octets, hang_up in sent:
            match = HTTP_LINE.fullmatch(haproxy.line_of("none", octets, hang_up=hang_up).decode())
            assert match is not None
            made = facts_of(match)
            made.octets_in = len(octets)
            records.append(made)
        for name, options in OPTIONS.items():
            for (octets, hang_up), made in zip(sent, records, strict=True):
                made.frontend.dontlognull = "dontlognull" in options
                made.frontend.dontlog_normal = "dontlog-normal" in options
                made.frontend.log_separate_errors = "log-separate-errors" in options
                level = wanted(made, made.frontend)
                if level is None:
                    haproxy.send(name, octets, hang_up=hang_up)
                else:
                    assert haproxy.line_of(name, octets, hang_up=hang_up).startswith(b"<%d>" % (16 * 8 + level)), (name, octets)
        assert haproxy.no_line_came()
    finally:
        haproxy.close()
