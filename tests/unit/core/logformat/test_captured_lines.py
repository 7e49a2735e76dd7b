"""Lines that a real haproxy wrote, taken apart here into facts and written again from these."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from proxy.base.addresses import Address, Family
from proxy.core.logformat import HTTPLOG, TCPLOG, compile_format
from proxy.runtime.backend import Backend
from proxy.runtime.frontend import Frontend
from proxy.runtime.log import LogRecord
from proxy.runtime.server import Server

CAPTURED = Path(__file__).parents[3] / "corpus" / "logs" / "haproxy-2.6.12.txt"
LINES = [line for line in CAPTURED.read_text().splitlines() if not line.startswith("#")]

COMMON = (
    r"<134>\w+ \d+ [\d:]+ haproxy\[\d+\]: "
    r"(?P<ci>[\d.]+):(?P<cp>\d+) \[(?P<date>[^\]]+)\] (?P<f>\S+) (?P<b>[^/ ]+)/(?P<s>\S+) "
)
CONNECTIONS = r"(?P<ac>\d+)/(?P<fc>\d+)/(?P<bc>\d+)/(?P<sc>\d+)/(?P<rc>\+?\d+) (?P<sq>\d+)/(?P<bq>\d+)"
HTTP_LINE = re.compile(
    COMMON + r"(?P<TR>-?\d+)/(?P<Tw>-?\d+)/(?P<Tc>-?\d+)/(?P<Tr>-?\d+)/(?P<Ta>\d+) (?P<ST>-?\d+) (?P<B>\d+) - - (?P<tsc>\S{4}) "
    + CONNECTIONS + r'(?: (?P<hr>\{[^}]*\}))?(?: (?P<hs>\{[^}]*\}))? "(?:(?P<HM>\S+) (?P<HU>\S+) (?P<HV>\S+)|<BADREQ>)"')
TCP_LINE = re.compile(COMMON + r"(?P<Tw>-?\d+)/(?P<Tc>-?\d+)/(?P<Tt>\d+) (?P<B>\d+) (?P<tsc>\S\S) " + CONNECTIONS)

NUMBERS = {
    "cp": "client_port", "TR": "request_ms", "Tw": "queue_ms", "Tc": "connect_ms", "Tr": "response_ms", "Ta": "active_ms",
    "Tt": "total_ms", "ST": "status", "B": "octets_out", "ac": "process_connections", "fc": "frontend_connections",
    "bc": "backend_connections", "sc": "server_connections", "rc": "retries", "sq": "server_queue", "bq": "backend_queue",
}


def captures(text: str | None) -> list[bytes | None] | None:
    return None if text is None else [value.encode() or None for value in text[1:-1].split("|")]


def facts_of(match: re.Match[str]) -> LogRecord:
    found: dict[str, Any] = match.groupdict()
    made = LogRecord()
    for name, attribute in NUMBERS.items():
        if name in found:
            setattr(made, attribute, int(found[name]))
    made.client_address = found["ci"]
    made.redispatched = found["rc"].startswith("+")
    made.frontend = Frontend(found["f"], 1)
    if found["b"] != found["f"]:
        made.backend = Backend(found["b"], 2)
    if found["s"].startswith("<"):
        made.server_name = found["s"]
    else:
        made.server = Server(made.backend or Backend(found["b"], 2), found["s"], 1, Address(Family.IPV4, "127.0.0.1", 1))
    at = datetime.strptime(found["date"], "%d/%b/%Y:%H:%M:%S.%f").replace(tzinfo=UTC)
    made.accept_wall_s = made.request_wall_s = at.timestamp()
    made.termination = found["tsc"].encode()
    if "HM" in found:
        made.bad_request = found["HM"] is None
        made.method, made.target, made.version = ((found[name] or "").encode() for name in ("HM", "HU", "HV"))
        made.captured_request_headers, made.captured_response_headers = captures(found["hr"]), captures(found["hs"])
    return made


@pytest.mark.parametrize("line", LINES)
def test_the_same_facts_give_the_same_line(line: str) -> None:
    if match := HTTP_LINE.fullmatch(line):
        compiled = compile_format(HTTPLOG, http=True)
    else:
        match = TCP_LINE.fullmatch(line)
        compiled = compile_format(TCPLOG, http=False)
    assert match is not None
    written = compiled.line(facts_of(match)).decode()
    assert written == line[line.index("]: ") + 3 :]


def test_both_kinds_of_lines_were_captured() -> None:
    kinds = [bool(HTTP_LINE.fullmatch(line)) for line in LINES]
    assert (kinds.count(True), kinds.count(False)) == (27, 1)
