"""Health seen in the traffic (`observe`): the same errors on both programs, and what they made of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from tests.differential.check_lab import COLUMNS
from tests.differential.lab import Lab, commands, free_ports
from tests.differential.origin import Do, Origin, Script

pytestmark = pytest.mark.peer("haproxy")

REQUESTS = 7
ANSWERS: dict[str, Script] = {
    **{f"status-{status}": (b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status,) for status in (404, 500, 501, 503, 505)},
    "junk": (b"junk\r\n\r\n", Do.CLOSE),
    "closes": (Do.CLOSE,),
    "resets": (Do.RESET,),
    "half-a-head": (b"HTTP/1.1 200 OK\r\nCont", Do.CLOSE),
    "hangs": (Do.UNTIL_END,),
    "cuts-the-body": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", Do.CLOSE),
}
SHOWN = ("status", "hanafail", "chkfail", "chkdown", "check_status", "check_code", "check_desc", "last_chk", "check_health")


@dataclass(frozen=True)
class Case:
    """One listen section: what its server does to requests, and how it is observed."""

    kind: str
    words: str

    @property
    def name(self) -> str:
        return re.sub(r"\W+", "-", f"{self.kind} {self.words}")

    def text(self, port: int, server: str) -> str:
        patience = " timeout server 200ms\n" if self.kind == "hangs" else ""       # whoever answers may take its time
        return (
            f"listen {self.name}\n bind 127.0.0.1:{port}\n{patience}"
            f" server s1 {server} check inter 1h {self.words}\n server s2 @nobody@ backup\n"
        )


CASES = [
    *(Case(kind, "observe layer7 on-error mark-down error-limit 2") for kind in (*ANSWERS, "refused")),
    *(Case(kind, "observe layer4 on-error mark-down error-limit 2") for kind in (*ANSWERS, "refused")),
    *(Case("status-500", f"observe layer7 on-error {how} error-limit 2") for how in ("fastinter", "fail-check", "sudden-death")),
    Case("status-500", "observe layer7"),
    Case("closes", "observe layer7 error-limit 2"),
    Case("junk", "observe layer7 error-limit 1"),
]


def seen(command: list[str], folder: Path) -> dict[str, tuple[list[str], dict[str, str]]]:
    origins = {kind: Origin(kind, {"/": script}) for kind, script in ANSWERS.items()}
    places = free_ports(tuple(case.name for case in CASES))
    text = (
        "global\n log @LOG@ local0\ndefaults\n mode http\n log global\n retries 0\n option http-server-close\n"
        " timeout connect 1s\n timeout client 10s\n timeout server 10s\n"
        "backend checked-first\n server s1 @status-404@ check inter 1h\n"       # the only one that is checked at once
        + "".join(case.text(places[case.name], f"@{case.kind if case.kind in ANSWERS else 'nobody'}@") for case in CASES)
    )
    lab = Lab(command, folder, text, origins)
    try:
        with ThreadPoolExecutor(len(CASES)) as pool:
            list(pool.map(lambda case: ask(places[case.name]), CASES))
        rows, lines = lab.statistics(COLUMNS), lab.collect_log(0)
    finally:
        lab.close()
    found = {}
    for case in CASES:
        told = [line for line in lines if re.search(rf"(?i)\b(server|proxy) {case.name}(/| )", line)]
        # HAProxy takes the server out a moment later: how many sessions it then has depends on that moment
        told = [re.sub(r"\d+ sessions active", "N sessions active", line) for line in told]
        row = rows[f"{case.name}/s1"]
        found[case.name] = (told, {name: row[name] for name in SHOWN})
    return found


def ask(port: int) -> None:
    for _ in range(REQUESTS):
        connection = HTTPConnection("127.0.0.1", port, timeout=15)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, HTTPException):
            pass                            # some answers are cut
        finally:
            connection.close()


def test_what_is_seen_in_the_traffic_counts_as_in_haproxy(tmp_path: Path, peer: Callable[[str], str]) -> None:
    haproxy = peer("haproxy")
    sides = []
    for name in ("haproxy", "pyproxy"):
        folder = tmp_path / name
        folder.mkdir()
        sides.append(seen(commands(name, haproxy), folder))
    theirs, ours = sides
    assert {name: (ours[name], theirs[name]) for name in theirs if ours[name] != theirs[name]} == {}
