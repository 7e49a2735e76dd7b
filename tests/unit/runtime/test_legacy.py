"""What a successor takes over by name: counters as they go on, states where the configuration still says the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.base.clock import SystemClock
from proxy.build import build
from proxy.config.load import load
from proxy.runtime.cells import CONN_CUR, SMAX, STOT
from proxy.runtime.legacy import Legacy, account, legacy_of
from proxy.runtime.process import Process, row_key
from proxy.runtime.restoring import restore_states
from proxy.runtime.states import Admin, Operational

CONFIGURATION = """\
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
frontend f
    bind 127.0.0.1:1
    default_backend b
backend b
    server s1 127.0.0.1:2 check weight 10
    server s2 127.0.0.1:3 check
    server s3 127.0.0.1:4 track b/s1
"""


def process_of(text: str = CONFIGURATION, workers: int = 1) -> Process:
    return build(load(text=text, environment={}), SystemClock(), workers=workers)


def server(process: Process, name: str) -> Any:
    found = process.server("b", name)
    assert found is not None
    return found


def reloaded(old: Process, text: str = CONFIGURATION) -> Process:
    new = process_of(text)
    restore_states(new.backends, legacy_of(old).servers, 1000)
    return new


def test_totals_go_on_and_what_is_held_stays_behind() -> None:
    old, new = process_of(), process_of()
    key = row_key(server(old, "s1"))
    legacy = Legacy(json.loads(json.dumps(account(old))), old.board.memory)
    old_row, new_row = old.board.row(key), new.board.row(key)
    old_row[STOT], old_row[SMAX], old_row[CONN_CUR] = 7, 5, 3
    legacy.credit(new.board)
    new_row[STOT] += 1
    new_row[SMAX] = 9
    old_row[STOT] += 2          # the last streams of the old process
    legacy.credit(new.board)
    legacy.credit(new.board)
    assert (new_row[STOT], new_row[SMAX], new_row[CONN_CUR]) == (10, 9, 0)


def test_all_columns_of_workers_come_together() -> None:
    old, new = process_of(workers=3), process_of()
    key = row_key(old.frontends[0])
    for column in range(4):
        old.board.row(key, column)[STOT] = 10 + column
    legacy = legacy_of(old)
    legacy.credit(new.board)
    assert new.board.total(key, STOT) == 46
    legacy.release()
    old.board.close()
    for turn in (old.requests, old.traces, *(backend.turn for backend in old.backends)):
        turn.close()


def test_a_proxy_that_is_gone_or_new_troubles_nobody() -> None:
    old = process_of()
    old.board.row(row_key(old.backends[0]))[STOT] = 4
    new = process_of(CONFIGURATION.replace("backend b", "backend c").replace("default_backend b", "default_backend c")
                     .replace("track b/", "track c/"))
    legacy_of(old).credit(new.board)
    assert new.board.total(row_key(new.backends[0]), STOT) == 0


def test_an_account_of_another_version_is_read_by_names() -> None:
    old, new = process_of(), process_of()
    said = account(old)
    key = row_key(old.frontends[0])
    row = old.board.row(key)
    at = said["cells"].index("stot")
    row[at] = 3
    said["cells"][at], said["cells"][0] = "of tomorrow", "stot"
    row[0] = 8
    Legacy(said, old.board.memory).credit(new.board)
    assert new.board.total(key, STOT) == 8


@pytest.mark.parametrize("said", [
    {}, {"cells": [], "rows": [], "columns": 0, "servers": []},
    {"cells": ["stot"], "rows": [["a"]] * 9, "columns": 900, "servers": []},
    {"cells": ["stot"], "rows": [], "columns": 1, "servers": [["b"]]},
    {"cells": ["stot"], "rows": [], "columns": 1, "servers": [["b"] * 13]},
], ids=str)
def test_nonsense_is_refused(said: Any) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        Legacy(said, bytearray(640))


def test_states_and_weights_go_on() -> None:
    old = process_of()
    down, drained = server(old, "s1"), server(old, "s2")
    down.operational, down.health, down.down_since_ms, down.last_change_ms = Operational.STOPPED, 1, 50, 50
    down.user_weight = 3
    drained.admin |= Admin.FDRAIN
    new = reloaded(old)
    s1, s2, s3 = (server(new, name) for name in ("s1", "s2", "s3"))
    assert (s1.operational, s1.health, s1.down_since_ms, s1.user_weight, s1.weight_now) == (Operational.STOPPED, 1, 50, 3, 0)
    assert (s2.is_draining, s2.weight_now, s2.is_up) == (True, 0, True)
    assert (s3.operational, s3.weight_now) == (Operational.STOPPED, 0)
    assert (new.backends[0].active_count, new.backends[0].down_since_ms) == (0, 1000)


def test_maintenance_goes_on_and_is_inherited() -> None:
    old = process_of()
    server(old, "s1").admin |= Admin.FMAINT
    new = reloaded(old)
    assert server(new, "s1").admin == Admin.FMAINT
    assert server(new, "s3").admin == Admin.IMAINT
    assert [server(new, name).is_up for name in ("s1", "s2", "s3")] == [False, True, False]


def test_what_the_configuration_says_anew_holds() -> None:
    old = process_of()
    s1, s2 = server(old, "s1"), server(old, "s2")
    s1.user_weight, s1.operational, s1.health = 3, Operational.STOPPED, 0
    s2.admin |= Admin.FMAINT
    new = reloaded(old, CONFIGURATION.replace("127.0.0.1:2 check weight 10", "127.0.0.9:2 check weight 20")
                   .replace("127.0.0.1:3 check", "127.0.0.1:3 check disabled"))
    assert (server(new, "s1").user_weight, server(new, "s1").operational) == (20, Operational.RUNNING)
    again = reloaded(new)
    assert server(new, "s2").admin == Admin.FMAINT | Admin.CMAINT
    assert server(again, "s2").admin == Admin.READY         # no longer disabled


def test_other_limits_of_checks_keep_the_state() -> None:
    old = process_of()
    s1 = server(old, "s1")
    s1.operational, s1.health = Operational.STOPPED, 1
    new = reloaded(old, CONFIGURATION.replace("check weight 10", "check rise 1 weight 10"))
    assert (server(new, "s1").operational, server(new, "s1").health) == (Operational.STOPPED, 0)
