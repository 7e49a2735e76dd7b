"""Transitions against lines recorded from the real HAProxy, and what the recording does not show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proxy.base.addresses import Address, Family
from proxy.runtime import transitions
from proxy.runtime.backend import Backend
from proxy.runtime.cells import CHKDOWN, DOWNTIME_MS
from proxy.runtime.server import Server
from proxy.runtime.states import Admin, Operational
from proxy.runtime.status_text import backend_status, check_state_bits, server_is_up_word, status

RECORDED = Path(__file__).with_name("recorded_transitions.txt")


class Told:
    """Events that remember what they were told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.changed: list[tuple[str, bool, int]] = []
        self.requeued = (0, 0)

    def server_event(self, server: Any, level: str, text: str) -> None:
        self.lines.append(f"{level}: {text}")

    def backend_event(self, backend: Any, level: str, text: str) -> None:
        self.lines.append(f"{level}: {text}")

    def server_changed(self, server: Any, was_up: bool, now_ms: int) -> tuple[int, int]:
        self.changed.append((server.name, was_up, server.weight_now))
        return self.requeued


class Farm:
    """Counts how often it had to look again, and at which weights."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.seen: list[list[int]] = []

    def changed(self) -> None:
        self.seen.append([server.weight_now for server in self.backend.servers])


def server_of(backend: Backend, name: str, **settings: Any) -> Server:
    server = Server(backend, name, len(backend.servers) + 1, Address(Family.IPV4, "127.0.0.1", 80))
    server.sockaddr = ("127.0.0.1", 80)
    backend.servers.append(server)
    for key, value in settings.items():
        setattr(server, key, value)
    if server.track is not None:
        server.track.tracked_by.append(server)
    server.user_weight = server.configured_weight
    return server


def two_servers(**settings: Any) -> tuple[Backend, Server, Server, Told]:
    backend = Backend("app", 1)
    backend.farm = Farm(backend)
    one, two = server_of(backend, "s1", **settings), server_of(backend, "s2")
    transitions.start_states([backend], 0)
    return backend, one, two, Told()


def recorded_backends() -> dict[str, Backend]:
    """The configuration at the head of the recording."""
    app, tr, solo, pre = (Backend(name, iid) for iid, name in enumerate(("app", "tr", "solo", "pre"), 1))
    s1 = server_of(app, "s1", configured_weight=10, check=object())
    server_of(app, "s2")
    server_of(app, "b1", is_backup=True)
    t1 = server_of(tr, "t1", track=s1)
    server_of(tr, "t2", track=t1)
    server_of(tr, "t3", track=s1, is_backup=True)
    server_of(solo, "x")
    p = server_of(pre, "p", check=object(), disabled=True)
    server_of(pre, "q", track=s1, disabled=True)
    server_of(pre, "r", track=p)
    server_of(pre, "n", sockaddr=None, resolve_error="no such host")
    transitions.start_states([app, tr, solo, pre], 0)
    s1.health = 4       # its first check has passed
    return {backend.name: backend for backend in (app, tr, solo, pre)}


def command(backends: dict[str, Backend], words: list[str], told: Told) -> str:
    """What the runtime API does for such a command; returns its answer."""
    rest = words[3:] if words[0] == "set" else words[2:]
    name = words[2]
    backend_name, server_name = name.split("/")
    server = backends[backend_name].server(server_name)
    assert server is not None
    try:
        if words[0] in ("enable", "disable"):
            transitions.set_admin(server, "ready" if words[0] == "enable" else "maint", 0, told)
        elif words[1] == "weight":
            transitions.set_weight(server, rest[0], 0, told)
        elif rest[0] == "state":
            transitions.set_admin(server, rest[1], 0, told)
        else:
            transitions.set_health(server, rest[1], 0, told)
    except ValueError as error:
        return str(error)
    return ""


def shown_states(backends: dict[str, Backend]) -> dict[str, str]:
    shown = {}
    for backend in backends.values():
        for server in backend.servers:
            weight = (server.effective_weight + 15) // 16
            shown[f"{backend.name}/{server.name}"] = f"{status(server).word} weight={weight}"
        counts = f"act={backend.active_count} bck={backend.backup_count} chkdown={backend.counters[CHKDOWN]}"
        shown[f"{backend.name}/BACKEND"] = f"{backend_status(backend).word} {counts}"
    return shown


def recorded_steps() -> list[tuple[str, list[str], list[str], list[str]]]:
    """(command, its answer, log lines, states that changed) for each command of the recording."""
    steps: list[tuple[str, list[str], list[str], list[str]]] = [("", [], [], [])]
    for line in RECORDED.read_text().split("\n"):
        if line.startswith("> "):
            steps.append((line[2:], [], [], []))
        elif line.startswith("< "):
            steps[-1][1].append(line[2:])
        elif line.startswith("  "):
            steps[-1][3].append(line[2:])
        elif line and not line.startswith("#"):
            steps[-1][2].append(line)
    return steps


def test_every_recorded_transition() -> None:
    backends = recorded_backends()
    states: dict[str, str] = {}
    for number, (line, answer, log, changed) in enumerate(recorded_steps()):
        told = Told()
        where = f"step {number}: {line}"
        if line:
            assert [command(backends, line.split(), told)] == (answer or [""]), where
        states.update(entry.split(": ", 1) for entry in changed)
        assert told.lines == log, where
        assert shown_states(backends) == states, where
    assert number > 70


def test_reason_of_a_check_stands_in_the_line() -> None:
    _, one, _, told = two_servers()
    transitions.set_operational(one, Operational.STOPPED, ', reason: Layer4 timeout, check duration: 2001ms', 5, told)
    assert told.lines == [
        "alert: Server app/s1 is DOWN, reason: Layer4 timeout, check duration: 2001ms. 1 active and 0 backup servers left. "
        "0 sessions active, 0 requeued, 0 remaining in queue."
    ]


def test_requeued_streams_and_sessions_are_told() -> None:
    _, one, _, told = two_servers()
    one.served, told.requeued = 7, (3, 2)
    transitions.set_operational(one, Operational.STOPPED, "", 5, told)
    assert told.lines[0].endswith("7 sessions active, 3 requeued, 2 remaining in queue.")
    transitions.set_operational(one, Operational.RUNNING, "", 6, told)
    assert told.lines[1].endswith("2 active and 0 backup servers online. 3 sessions requeued, 2 total in queue.")


def test_farm_is_brought_up_to_date_before_queues_are_served() -> None:
    backend, one, _, told = two_servers()
    transitions.set_operational(one, Operational.STOPPED, "", 5, told)
    assert backend.farm.seen[-1] == [0, 16]
    assert told.changed == [("s1", True, 0)]
    transitions.set_operational(one, Operational.RUNNING, "", 6, told)
    assert told.changed[-1] == ("s1", False, 16)
    looked = len(backend.farm.seen)
    transitions.set_operational(one, Operational.RUNNING, "", 7, told)
    assert len(backend.farm.seen) == looked
    assert len(told.changed) == 2


def test_downtime_and_last_change() -> None:
    backend, one, two, told = two_servers()
    transitions.set_operational(one, Operational.STOPPED, "", 1000, told)
    transitions.set_admin(two, "drain", 2000, told)
    assert backend_status(backend).word == "DOWN"
    assert (backend.down_since_ms, backend.last_change_ms, one.last_change_ms) == (2000, 2000, 1000)
    assert transitions.downtime_ms(one, 3500) == 2500
    transitions.set_operational(one, Operational.RUNNING, "", 4000, told)
    assert one.counters[DOWNTIME_MS] == 3000
    assert backend.counters[DOWNTIME_MS] == 2000
    assert transitions.downtime_ms(backend, 9999) == 2000
    assert one.counters[CHKDOWN] == 1


def test_maintenance_of_a_down_server_keeps_its_downtime_running() -> None:
    _, one, _, told = two_servers()
    transitions.set_operational(one, Operational.STOPPED, "", 1000, told)
    transitions.set_admin(one, "maint", 2000, told)
    transitions.set_admin(one, "ready", 5000, told)
    assert transitions.downtime_ms(one, 6000) == 4000
    assert one.counters[CHKDOWN] == 1


def test_disabled_servers_are_no_fall_of_their_backend() -> None:
    backend = Backend("app", 1)
    server_of(backend, "s1", disabled=True)
    transitions.start_states([backend], 0)
    assert (backend_status(backend).word, backend.counters[CHKDOWN], backend.down_since_ms) == ("DOWN", 0, 0)


def test_a_listen_section_without_servers_is_called_a_proxy() -> None:
    backend, one, two, told = two_servers()
    backend.kind = "listen"
    transitions.set_health(one, "down", 0, told, "Web interface")
    transitions.set_admin(two, "maint", 0, told)
    assert "Server app/s1 is DOWN, changed from Web interface." in told.lines[0]
    assert told.lines[-1] == "emerg: proxy app has no server available!"


def test_the_limit_follows_all_streams_of_the_backend_those_in_line_included() -> None:
    backend, one, _, _ = two_servers(minconn=1, maxconn=4)
    backend.fullconn, backend.served, backend.sessions = 10, 1, 6
    assert one.dynamic_maxconn() == 2
    backend.sessions = 10
    assert one.dynamic_maxconn() == 4


def test_slow_start_raises_the_weight_in_sixteenths() -> None:
    _, one, _, told = two_servers(slowstart_ms=2000, configured_weight=10)
    assert (one.operational, one.weight_now) == (Operational.RUNNING, 160)
    transitions.set_operational(one, Operational.STOPPED, "", 0, told)
    transitions.set_operational(one, Operational.RUNNING, "", 1000, told)
    assert (one.operational, one.weight_now) == (Operational.STARTING, 10)
    transitions.advance_slowstart(one, 2000, told)
    assert one.weight_now == 90
    one.maxconn = 20
    assert one.dynamic_maxconn() == 11
    transitions.set_weight(one, 20, 2100, told)
    assert one.weight_now == 180
    told.lines.clear()
    transitions.advance_slowstart(one, 3000, told)
    assert (one.operational, one.weight_now, one.dynamic_maxconn()) == (Operational.RUNNING, 320, 20)
    assert told.lines == [
        "notice: Server app/s1 is UP. 2 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
    ]
    transitions.advance_slowstart(one, 4000, told)
    assert len(told.lines) == 1


def test_slow_start_begins_anew_after_drain() -> None:
    _, one, _, told = two_servers(slowstart_ms=2000, configured_weight=10)
    transitions.set_admin(one, "maint", 0, told)
    transitions.set_admin(one, "ready", 0, told)
    transitions.advance_slowstart(one, 1000, told)
    transitions.set_admin(one, "drain", 1500, told)
    assert one.weight_now == 0
    transitions.set_admin(one, "ready", 1800, told)
    assert one.weight_now == 10


def test_check_verdict_is_without_effect_in_maintenance() -> None:
    _, one, _, told = two_servers()
    transitions.set_admin(one, "maint", 0, told)
    told.lines.clear()
    transitions.set_operational(one, Operational.RUNNING, "", 1, told)
    assert (one.operational, told.lines) == (Operational.STOPPED, [])


def test_a_resolved_name_brings_the_server_back() -> None:
    backend = Backend("app", 1)
    one = server_of(backend, "n", sockaddr=None, resolve_error="x", address=Address(Family.NAME, "www.example.com", 80))
    transitions.start_states([backend], 0)
    told = Told()
    transitions.clear_admin(one, Admin.RMAINT, 1, told)
    transitions.add_admin(one, Admin.RMAINT, 2, told, " (DNS timeout status)")
    transitions.set_admin(one, "maint", 3, told)
    transitions.clear_admin(one, Admin.RMAINT, 4, told)
    assert told.lines == [
        "notice: Server app/n ('www.example.com') is UP/READY (resolves again).",
        "alert: Server app/n is going DOWN for maintenance (DNS timeout status). 0 active and 0 backup servers left. "
        "0 sessions active, 0 requeued, 0 remaining in queue.",
        "emerg: backend app has no server available!",
        "notice: Server app/n ('www.example.com') resolves again but remains in maintenance.",
    ]


@pytest.mark.parametrize(("text", "answer"), [
    ("300", "Absolute weight can only be between 0 and 256 inclusive."),
    ("-1", "Absolute weight can only be between 0 and 256 inclusive."),
    ("", "Require <weight> or <weight%>."),
    ("x", "Empty weight string empty or preceded by garbage"),
    ("5x", "Trailing garbage in weight string"),
    ("5%x", "Trailing garbage in weight string"),
    ("-5%", "Relative weight must be positive."),
    ("٣", "Empty weight string empty or preceded by garbage"),
])
def test_bad_weights(text: str, answer: str) -> None:
    _, one, _, told = two_servers()
    with pytest.raises(ValueError, match="^" + answer.replace(".", r"\.").replace("%", "%") + "$"):
        transitions.set_weight(one, text, 0, told)
    assert one.user_weight == 1


def test_relative_weights() -> None:
    _, one, _, told = two_servers(configured_weight=10)
    for text, weight in (("50%", 5), ("99999%", 256), ("5%", 0), ("100%", 10)):
        transitions.set_weight(one, text, 0, told)
        assert one.user_weight == weight
    assert told.lines == []


def test_weight_out_of_range_as_a_number() -> None:
    _, one, _, told = two_servers()
    with pytest.raises(ValueError, match="Absolute weight"):
        transitions.set_weight(one, 257, 0, told)


def test_words_that_are_no_state() -> None:
    _, one, _, told = two_servers()
    with pytest.raises(ValueError, match="expects 'ready', 'drain' and 'maint'"):
        transitions.set_admin(one, "off", 0, told)
    with pytest.raises(ValueError, match="expects 'up', 'stopping', or 'down'"):
        transitions.set_health(one, "sick", 0, told)


def test_checks_that_are_not_configured_cannot_be_enabled() -> None:
    _, one, _, _ = two_servers()
    transitions.set_check_enabled(one, False)
    with pytest.raises(ValueError, match="cannot enable"):
        transitions.set_check_enabled(one, True)
    one.check = object()
    transitions.set_check_enabled(one, True)
    assert one.is_checked


@pytest.mark.parametrize(("change", "word", "row"), [
    ({}, "UP", "up"),
    ({"health": 3}, "UP 2/3", "going_down"),
    ({"user_weight": 0}, "UP", "draining"),
    ({"user_weight": 0, "check": None}, "no check", "draining"),
    ({"check": None}, "no check", "no_check"),
    ({"check_disabled": True, "health": 2}, "no check", "no_check"),
    ({"operational": Operational.STOPPED, "health": 0}, "DOWN", "down"),
    ({"operational": Operational.STOPPED, "health": 1}, "DOWN 1/2", "going_up"),
    ({"operational": Operational.STOPPED, "health": 1, "check": None}, "DOWN", "down"),
    ({"operational": Operational.STOPPING}, "NOLB", "nolb"),
    ({"operational": Operational.STOPPING, "health": 2}, "NOLB 1/3", "nolb"),
    ({"admin": Admin.FDRAIN}, "DRAIN", "draining"),
    ({"admin": Admin.FDRAIN, "operational": Operational.STOPPED, "health": 0}, "DOWN", "down"),
    ({"admin": Admin.FMAINT}, "MAINT", "maintain"),
    ({"admin": Admin.RMAINT}, "MAINT (resolution)", "maintain"),
    ({"admin": Admin.CMAINT}, "UP", "up"),
])
def test_rows_of_the_page(change: dict[str, Any], word: str, row: str) -> None:
    _, one, _, _ = two_servers(check=object())
    one.health = 4
    for name, value in change.items():
        setattr(one, name, value)
    assert status(one) == (word, row)


def test_words_of_the_dump_and_of_backends() -> None:
    backend, one, two, told = two_servers()
    assert server_is_up_word(one) == "UP"
    assert backend_status(Backend("empty", 2)) == ("UP", "up")
    for server in (one, two):
        transitions.set_operational(server, Operational.STOPPED, "", 1, told)
    assert server_is_up_word(one) == "DOWN"
    assert backend_status(backend) == ("DOWN", "down")


def test_bits_of_show_servers_state() -> None:
    _, one, _, _ = two_servers()
    assert check_state_bits(one) == 0
    one.admin = Admin.FMAINT | Admin.CMAINT
    assert check_state_bits(one) == 8
    one.check = object()
    assert check_state_bits(one) == 14
    one.check_disabled = True
    assert check_state_bits(one) == 2


def test_a_slow_server_is_told_up_when_it_is_already() -> None:
    _, one, _, told = two_servers(slowstart_ms=2000)
    transitions.set_operational(one, Operational.STOPPED, "", 0, told)
    transitions.set_operational(one, Operational.RUNNING, "", 0, told)
    told.lines.clear()
    transitions.set_operational(one, Operational.RUNNING, "", 500, told)
    assert (one.operational, told.lines) == (Operational.STARTING, [])
    transitions.advance_slowstart(one, 1, told)
    assert told.lines == []
