"""What is told of all proxies at once, as haproxy 2.6.12 told it."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from proxy.base.addresses import Address, Family
from proxy.master.state_dump import dump_states, sections_of, state_lines, tell_paused, tell_resumed, tell_stopped
from proxy.runtime.backend import Backend
from proxy.runtime.cells import STOT
from proxy.runtime.frontend import Frontend
from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.runtime.states import Admin, Operational


class Log:
    """Keeps the events it is given."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def event(self, level: str, text: str) -> None:
        self.events.append((level, text))


def backend(name: str, iid: int, *servers: str, log: Log | None = None) -> Backend:
    made = Backend(name, iid)
    made.log = log
    for number, server_name in enumerate(servers, 1):
        made.servers.append(Server(made, server_name, number, Address(Family.IPV4, "127.0.0.1", 80)))
        made.servers[-1].operational = Operational.RUNNING
    return made


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def process(log: Log) -> Process:
    """fe (no log), listen li, both, none and a disabled frontend, as haproxy ran them."""
    made = Process()
    fe, li, dis = Frontend("fe", 1), Frontend("li", 2), Frontend("dis", 5)
    li.log, dis.log, dis.disabled = log, log, True
    fe.served, fe.counters[STOT] = 3, 4
    li.counters[STOT] = 2
    li_back = backend("li", 2, "s", log=log)
    li_back.active_count, li_back.counters[STOT], li_back.servers[0].counters[STOT] = 1, 2, 2
    both = backend("both", 3, "a", "b", log=log)
    both.sessions, both.counters[STOT], both.active_count, both.backup_count = 3, 4, 1, 1
    both.servers[0].served, both.servers[0].counters[STOT] = 1, 2
    both.servers[1].operational, both.servers[1].admin = Operational.STOPPED, Admin.CMAINT
    waiter: Any = object()
    both.queue = deque([waiter, waiter])
    both.servers[0].queue = deque([waiter])
    made.frontends = [fe, li, dis]
    made.backends = [li_back, both, backend("none", 4, log=log)]
    return made


LI = [
    "SIGHUP: Server li/s is UP. Conn: 0 act, 0 pend, 2 tot.",
    "SIGHUP: Proxy li has 1 active servers and 0 backup servers available. Conn: act(FE+BE): 0+0, 0 pend (0 unass), "
    "tot(FE+BE): 2+2.",
]
BOTH = [
    "SIGHUP: Server both/a is UP. Conn: 1 act, 1 pend, 2 tot.",
    "SIGHUP: Server both/b is DOWN. Conn: 0 act, 0 pend, 0 tot.",
    "SIGHUP: Proxy both has 1 active servers and 1 backup servers available. Conn: act(FE+BE): 0+3, 3 pend (2 unass), "
    "tot(FE+BE): 0+4.",
]
NONE = "SIGHUP: Proxy none has no servers. Conn: act(FE+BE): 0+0, 0 pend (0 unass), tot(FE+BE): 0+0."
DISABLED = NONE.replace("none", "dis")
FE = "SIGHUP: Proxy fe has no servers. Conn: act(FE+BE): 3+0, 0 pend (0 unass), tot(FE+BE): 4+0."


def test_the_dump(process: Process, log: Log) -> None:
    said: list[tuple[str, str]] = []
    dump_states(process, lambda severity, text: said.append((severity, text)))
    assert said == [("WARNING", text) for text in ("SIGHUP received, dumping servers states.", FE, *LI, *BOTH, NONE, DISABLED)]
    begin = "SIGHUP received, dumping servers states for proxy {}."
    assert log.events == [("notice", text) for text in (
        begin.format("li"), *LI, begin.format("both"), *BOTH, begin.format("none"), NONE, begin.format("dis"), DISABLED)]


@pytest.mark.parametrize(("active", "backup", "words"), [
    (2, 0, "has 2 active servers and 0 backup servers available."), (0, 2, "is running on backup servers !"),
    (0, 0, "has no server available !"),
])
def test_what_is_available(process: Process, active: int, backup: int, words: str) -> None:
    li = sections_of(process)[1]
    assert li.back is not None
    li.back.active_count, li.back.backup_count = active, backup
    assert state_lines(li)[-1].startswith(f"SIGHUP: Proxy li {words} Conn:")


def test_stopped(process: Process, log: Log) -> None:
    process.backends[1].iid, process.frontends[1].iid, process.backends[0].iid = 2, 3, 3
    said: list[str] = []
    tell_stopped(process, lambda severity, text: said.append(text))
    assert said == [
        "Proxy fe stopped (cumulated conns: FE: 4, BE: 0).", "Proxy li stopped (cumulated conns: FE: 2, BE: 2).",
        "Proxy both stopped (cumulated conns: FE: 0, BE: 4).", "Proxy none stopped (cumulated conns: FE: 0, BE: 0).",
    ]
    assert log.events == [("warning", text) for text in said[1:]]


def test_paused_and_resumed(process: Process, log: Log) -> None:
    said: list[str] = []
    tell_paused(process, lambda severity, text: said.append(text))
    tell_resumed(process, lambda severity, text: said.append(text))
    assert said == ["Paused frontend fe.", "Paused proxy li.", "Resumed frontend fe.", "Resumed proxy li."]
    assert log.events == [("warning", "Paused proxy li."), ("warning", "Resumed proxy li.")]
