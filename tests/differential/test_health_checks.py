"""The same checked servers under HAProxy and under pyproxy: requests octet for octet, log lines, states and counters."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.differential.check_lab import Seen, run
from tests.differential.lab import commands
from tests.differential.scenarios_checks import CASES as HTTP_CASES
from tests.differential.scenarios_checks import PROXY_HEADERS
from tests.differential.scenarios_services import CASES as SERVICE_CASES
from tests.differential.scenarios_services import RANDOM

pytestmark = pytest.mark.peer("haproxy")

CASES = [*HTTP_CASES, *PROXY_HEADERS, *SERVICE_CASES]
# While a check runs, HAProxy shows the last status without its code; a slow start's share depends on the moment.
OF_THE_MOMENT = ("check_status", "check_code", "check_desc", "last_chk", "throttle", "weight")
# HAProxy forgets the version of a MySQL server from its second answer on.
TOLD_ONCE = ("last_chk",)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, peer: Callable[[str], str]) -> tuple[dict[str, Seen], dict[str, Seen]]:
    """All cases on both programs at once, those of services after those of HTTP."""
    haproxy = peer("haproxy")
    theirs: dict[str, Seen] = {}
    ours: dict[str, Seen] = {}
    for cases in (HTTP_CASES, PROXY_HEADERS, SERVICE_CASES):
        folders = [tmp_path_factory.mktemp(name) for name in ("haproxy", "pyproxy")]
        with ThreadPoolExecutor(2) as pool:
            runs = [
                pool.submit(run, commands(name, haproxy), folder, cases)
                for name, folder in zip(("haproxy", "pyproxy"), folders, strict=True)
            ]
            theirs |= runs[0].result()
            ours |= runs[1].result()
    return theirs, ours


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_checks_are_haproxys(seen: tuple[dict[str, Seen], dict[str, Seen]], name: str) -> None:
    theirs, ours = (side[name] for side in seen)
    assert unified(name, ours.requests) == unified(name, theirs.requests)
    assert by_server(ours.log) == by_server(theirs.log)
    assert ours.csv.keys() == theirs.csv.keys()
    for row, fields in theirs.csv.items():
        hidden = OF_THE_MOMENT if is_passing(fields) or is_passing(ours.csv[row]) else ()
        hidden += TOLD_ONCE if name.startswith("mysql") else ()
        assert without(ours.csv[row], hidden) == without(fields, hidden)


def test_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES) > 40


def unified(name: str, requests: list[bytes]) -> list[bytes]:
    """Without what each program makes up."""
    if not name.startswith("ssl-"):
        return requests
    return [octets[: RANDOM.start] + octets[RANDOM.stop :] for octets in requests]


def is_passing(fields: dict[str, str]) -> bool:
    """A check is under way, or a slow start."""
    return fields["check_status"].startswith("* ") or fields["throttle"] != ""


def without(fields: dict[str, str], hidden: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name not in hidden}


def by_server(lines: list[str]) -> dict[str, list[str]]:
    """Lines in their order, for each server; servers of one backend are checked in any order."""
    found: dict[str, list[str]] = {}
    for line in lines:
        words = line.lower().split()
        name = words[words.index("server") + 1] if "server" in words else "backend"
        found.setdefault(name, []).append(line)
    return found
