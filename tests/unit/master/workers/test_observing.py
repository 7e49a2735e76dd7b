"""What workers see of servers: told when it matters, counted by the master as one row of errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from proxy.core.stream import failure
from proxy.health.observe import Seen
from proxy.master.workers.channel import LineBroken, values_of
from proxy.master.workers.observing import SEEN, Observer, take_seen
from proxy.runtime.cells import ERROR_STREAK

LINES = """\
 server a 127.0.0.1:11 check observe layer7 error-limit 3
 server b 127.0.0.1:12 check observe layer4 error-limit 3
 server c 127.0.0.1:13 check
"""


class Heard:
    """Stands for the master's checks: counts a row of errors."""

    def __init__(self) -> None:
        self.seen_: list[tuple[str, Seen]] = []

    def seen(self, server: Any, seen: Seen) -> None:
        self.seen_.append((server.name, seen))
        server.consecutive_errors = 0 if seen in (Seen.CONNECTED, Seen.ANSWERED) else server.consecutive_errors + 1


class Lab:
    """Two workers that watch, and a master that is told."""

    def __init__(self, team: Any) -> None:
        self.team, self.checks = team, Heard()
        self.workers = [follower.worker for follower in team.followers]
        for worker in self.workers:
            Observer(worker, self._tell)

    def _tell(self, kind: bytes, *values: Any) -> None:
        assert kind == SEEN
        take_seen(self.team.process, self.checks, json.dumps(values).encode())  # type: ignore[arg-type]

    def server(self, worker: int, name: str) -> Any:
        return self.team.followers[worker].process.server("app", name)

    @property
    def heard(self) -> list[tuple[str, Seen]]:
        heard, self.checks.seen_ = self.checks.seen_, []
        return heard


@pytest.fixture
def lab(crew: Callable[..., Any]) -> Lab:
    return Lab(crew(LINES))


def test_a_healthy_server_tells_nothing(lab: Lab) -> None:
    for worker in (0, 1):
        lab.workers[worker].server_answered(lab.server(worker, "a"), 200)
        lab.workers[worker].server_connected(lab.server(worker, "b"))
    assert lab.heard == []


def test_errors_are_told_and_the_first_success_of_any_worker_after_them(lab: Lab) -> None:
    first, second = lab.workers
    first.server_answered(lab.server(0, "a"), 500)
    assert lab.heard == [("a", Seen.WRONG_STATUS)]
    assert lab.team.server("a").counters[ERROR_STREAK] == 1
    second.server_answered(lab.server(1, "a"), 200)
    second.server_answered(lab.server(1, "a"), 200)
    assert lab.heard == [("a", Seen.ANSWERED)]
    first.server_answered(lab.server(0, "a"), 200)         # it has told of an error itself, and does not know what became of it
    first.server_answered(lab.server(0, "a"), 200)
    assert lab.heard == [("a", Seen.ANSWERED)]


def test_a_success_right_behind_an_error_is_told_though_the_board_does_not_show_it_yet(lab: Lab) -> None:
    first = lab.workers[0]
    first.server_failed(lab.server(0, "b"), failure.CONNECT_REFUSED)
    lab.team.server("b").counters[ERROR_STREAK] = 0
    first.server_answered(lab.server(0, "b"), 500)          # layer4: that it answers at all is fine
    assert lab.heard == [("b", Seen.CONNECT_FAILED), ("b", Seen.CONNECTED)]


def test_only_what_is_observed_is_told(lab: Lab) -> None:
    first = lab.workers[0]
    first.server_failed(lab.server(0, "c"), failure.CONNECT_REFUSED)
    first.server_answered(lab.server(0, "c"), 500)
    first.server_failed(lab.server(0, "a"), failure.QUEUE_TIMEOUT)
    first.server_connected(lab.server(0, "a"))
    assert lab.heard == []


def test_where_nothing_is_observed_nobody_listens(crew: Callable[..., Any]) -> None:
    lab = Lab(crew(" server a 127.0.0.1:11\n"))
    assert lab.workers[0].server_failed is None


@pytest.mark.parametrize("payload", [b"[]", b'["app",0,"NOTHING"]', b'["app",9,"ANSWERED"]', b'["nowhere",0,"ANSWERED"]', b"x"])
def test_what_makes_no_sense_ends_the_line(lab: Lab, payload: bytes) -> None:
    with pytest.raises(LineBroken):
        take_seen(lab.team.process, lab.checks, payload)  # type: ignore[arg-type]
    assert values_of(b'["app",0,"ANSWERED"]', str, int, str)
