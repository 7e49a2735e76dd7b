"""The name servers are silent at the start and later: who needs them is in maintenance meanwhile, everybody else is served."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faults.crowd import Crowd
from tests.faults.figures import IS_SOAK, Judge
from tests.faults.nameserver import NameServer
from tests.faults.programs import Program

pytestmark = pytest.mark.fault(16)
MOST_MS = 100.0
CONFIGURATION = """\
global
    nbthread {threads}
    maxconn 500
resolvers r
    nameserver n1 127.0.0.1:{names}
    resolve_retries 2
    timeout resolve 200ms
    timeout retry 100ms
    hold valid 300ms
    hold nx 500ms
    hold timeout 500ms
    hold other 500ms
    hold refused 500ms
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
listen named
    bind 127.0.0.1:{named}
    server a app.test:{server} resolvers r resolve-prefer ipv4 init-addr none check inter 100ms
listen other
    bind 127.0.0.1:{other}
    server b 127.0.0.1:{server}
"""


@pytest.fixture
def names() -> Iterator[NameServer]:
    made = NameServer("silent")
    yield made
    made.close()


@pytest.mark.parametrize("threads", [1, 2])
def test_name_servers_that_are_down(
    program: Program, judge: Judge, free_port: Callable[[], int], origin: Any, ask: Any, eventually: Any,
    crowd: Callable[..., Crowd], names: NameServer, threads: int,
) -> None:
    named, other = ("127.0.0.1", free_port()), ("127.0.0.1", free_port())
    web = origin("a")
    program.start(CONFIGURATION.format(threads=threads, names=names.port, named=named[1], other=other[1], server=web.port))
    load = crowd(other, clients=4, keep=True, pause_s=0.01)
    load.await_more(50)
    back = 0
    faults = ["silent", "missing", "broken", "silent"] if IS_SOAK else ["silent"]
    for mode in ("silent", *faults):
        names.mode = mode
        eventually(lambda: program.row("named", "a")["status"] == "MAINT (resolution)", f"{mode} name servers to be noticed")
        assert ask(named).status == 503
        asked = names.asked
        eventually(lambda asked=asked: names.asked > asked, "the name servers to be asked again")
        names.mode = "right"
        eventually(lambda: ask(named).status == 200, "the server to be back")
        back += program.row("named", "a")["status"].startswith("UP")
    load.stop()
    judge.all(f"nbthread {threads}: MAINT (resolution) and back", back, len(faults) + 1)
    judge.none(f"nbthread {threads}: requests of others that failed", load.failed, load.total)
    judge.in_time(f"nbthread {threads}: the longest that another waited", max(load.times_s) * 1000, MOST_MS, "ms")
