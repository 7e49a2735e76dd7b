"""What the fields make of one row: words, addresses, times, averages over workers."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.base.addresses import Address, Family
from proxy.runtime.cells import INDEX, RATE_AT
from proxy.runtime.states import Operational
from proxy.stats.fields import FIELDS, NUMBER, reader_of, values_of
from proxy.stats.readings import Kind, Reading


def field(lab: Any, process: Any, kind: Kind, subject: Any, name: str, now_ms: int = 0) -> Any:
    return values_of(Reading(process, kind, subject, now_ms or lab.NOW_MS))[NUMBER[name]]


@pytest.mark.parametrize(("attribute", "word"), [("", "OPEN"), ("paused", "PAUSED"), ("stopped", "STOP")])
def test_frontend_status(lab: Any, process: Any, attribute: str, word: str) -> None:
    web = process.frontend("web")
    if attribute:
        setattr(web, attribute, True)
    assert field(lab, process, Kind.FRONTEND, web, "status") == word


def test_listener_status(lab: Any, process: Any) -> None:
    listener = process.frontend("web").listeners[0]
    listener.maxconn, listener.served = 5, 4
    assert field(lab, process, Kind.LISTENER, listener, "status") == "OPEN"
    listener.served = 5
    assert field(lab, process, Kind.LISTENER, listener, "status") == "FULL"
    listener.paused = True
    assert field(lab, process, Kind.LISTENER, listener, "status") == "WAITING"
    listener.name = "public"
    assert field(lab, process, Kind.LISTENER, listener, "svname") == "public"


@pytest.mark.parametrize(("sockaddr", "address", "text"), [
    (("192.0.2.1", 80), None, "192.0.2.1:80"), (("2001:db8::1", 80, 0, 0), None, "[2001:db8::1]:80"), ("/run/x", None, "unix"),
    (None, Address(Family.NAME, "example.com", 8080), "example.com:8080"), (None, Address(Family.UNIX, "/run/x"), "unix"),
    (None, Address(Family.ABSTRACT, "x"), "unix"),
])
def test_server_address(lab: Any, process: Any, sockaddr: Any, address: Address | None, text: str) -> None:
    server = process.server("app", "s1")
    server.sockaddr, server.address = sockaddr, address or server.address
    assert field(lab, process, Kind.SERVER, server, "addr") == text


def test_modes(lab: Any, process: Any) -> None:
    tcp1 = process.frontend("tcp1")
    assert field(lab, process, Kind.FRONTEND, tcp1, "mode") == "tcp"
    tcp1.is_health = True
    assert field(lab, process, Kind.FRONTEND, tcp1, "mode") == "health"


def test_slow_start_shows_what_is_reached(lab: Any, process: Any) -> None:
    server = process.server("app", "s2")
    assert field(lab, process, Kind.SERVER, server, "throttle") is None
    server.operational, server.ramp = Operational.STARTING, 4
    assert field(lab, process, Kind.SERVER, server, "throttle") == 25
    assert field(lab, process, Kind.SERVER, server, "weight") == 5
    assert field(lab, process, Kind.SERVER, server, "uweight") == 20


def test_backend_weight_is_that_of_its_carriers(lab: Any, process: Any) -> None:
    app = process.backend("app")
    assert field(lab, process, Kind.BACKEND, app, "weight") == 30
    for name in ("s1", "s2"):
        lab.operational(app.server(name), Operational.STOPPED)
    lab.transitions.set_weight(app.server("b1"), 7, lab.NOW_MS, lab.SilentEvents())
    lab.add_server(app, "b2", 1, weight=9, backup=True)
    assert field(lab, process, Kind.BACKEND, app, "weight") == 7
    app.backup_all = True
    assert field(lab, process, Kind.BACKEND, app, "uweight") == 16


def test_times(lab: Any, process: Any) -> None:
    s2, s3 = process.server("app", "s2"), process.server("app", "s3")
    assert field(lab, process, Kind.SERVER, s2, "lastsess") == -1
    lab.count(s2, lastsess_ms=lab.NOW_MS - 4200)
    assert field(lab, process, Kind.SERVER, s2, "lastsess") == 4
    lab.count(s3, downtime_ms=61_000)
    assert field(lab, process, Kind.SERVER, s3, "downtime") == 68
    assert field(lab, process, Kind.SERVER, s3, "lastchg", lab.NOW_MS + 1000) == 8
    assert field(lab, process, Kind.SERVER, process.server("app", "b1"), "downtime") is None


def test_octets_of_http1_are_those_of_http_frontends(lab: Any, process: Any) -> None:
    web, tcp = process.frontend("web"), process.frontend("tcp1")
    for frontend in (web, tcp):
        lab.count(frontend, bin=375, bout=1210)
    assert [field(lab, process, Kind.FRONTEND, web, name) for name in ("h1_bytes_in", "h1_bytes_out")] == [375, 1210]
    assert [field(lab, process, Kind.FRONTEND, tcp, name) for name in ("h1_bytes_in", "h1_bytes_out")] == [0, 0]


def test_no_check_fields_in_maintenance(lab: Any, process: Any) -> None:
    s1 = process.server("app", "s1")
    lab.transitions.set_admin(s1, "maint", lab.NOW_MS, lab.SilentEvents())
    assert field(lab, process, Kind.SERVER, s1, "check_status") is None
    assert field(lab, process, Kind.SERVER, s1, "check_health") is None
    assert field(lab, process, Kind.SERVER, s1, "chkdown") == 1


def test_a_check_that_has_not_ended_has_no_duration(lab: Any, process: Any) -> None:
    s1 = process.server("app", "s1")
    s1.check_result.status, s1.check_result.duration_ms, s1.check_result.running = "INI", -1, True
    assert field(lab, process, Kind.SERVER, s1, "check_status") == "* INI"
    assert field(lab, process, Kind.SERVER, s1, "check_duration") is None


def test_idle_limit_may_be_zero(lab: Any, process: Any) -> None:
    s1 = process.server("app", "s1")
    assert field(lab, process, Kind.SERVER, s1, "src_ilim") is None
    s1.pool_max_conn = 0
    assert field(lab, process, Kind.SERVER, s1, "src_ilim") == 0


def test_idle_connections_are_the_safe_and_the_others(lab: Any, process: Any) -> None:
    s1 = process.server("app", "s1")
    lab.count(s1, idle_cur=2, safe_cur=3)
    names = ("srv_icur", "idle_conn_cur", "safe_conn_cur")
    assert [field(lab, process, Kind.SERVER, s1, name) for name in names] == [5, 2, 3]


def test_failures_seen_in_traffic_where_it_is_observed(lab: Any, process: Any) -> None:
    s1 = process.server("app", "s1")
    lab.count(s1, hanafail=2)
    assert field(lab, process, Kind.SERVER, s1, "hanafail") is None
    s1.observe = "layer4"
    assert field(lab, process, Kind.SERVER, s1, "hanafail") == 2


def test_two_workers_make_one_row(lab: Any) -> None:
    process = lab.Process()
    backend = lab.add_backend(process, "app", 2)
    server = lab.add_server(backend, "s1", 80)
    frontend = lab.add_frontend(process, "web", 3, 80)
    keys = [lab.RowKey("server", "app", "s1"), lab.RowKey("listener", "web", "1"), lab.RowKey("backend", "app")]
    process.board = lab.Board(keys, columns=2)
    for column, (samples, total) in enumerate(((1, 10), (2000, 1024 * 40))):
        row = process.board.row(keys[0], column)
        row[INDEX["time_samples"]], row[INDEX["qtime_sum"]] = samples, total
        row[INDEX["stot"]], row[INDEX["qtime_max"]] = 7, 100 + column
        row[RATE_AT], row[RATE_AT + 1] = lab.NOW_MS // 1000, 3
    assert field(lab, process, Kind.SERVER, server, "stot") == 14
    assert field(lab, process, Kind.SERVER, server, "qtime_max") == 101
    assert field(lab, process, Kind.SERVER, server, "qtime") == 40
    assert field(lab, process, Kind.SERVER, server, "rate") == 6
    assert field(lab, process, Kind.LISTENER, frontend.listeners[0], "stot") == 0


@pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.word)
def test_one_field_reads_as_in_the_whole_row(lab: Any, process: Any, kind: Kind) -> None:
    subjects = {Kind.FRONTEND: process.frontends, Kind.BACKEND: process.backends,
                Kind.SERVER: [server for backend in process.backends for server in backend.servers],
                Kind.LISTENER: [front.listeners[0] for front in process.frontends]}
    for subject in subjects[kind]:
        reading = Reading(process, kind, subject, lab.NOW_MS)
        assert [reader_of(number, kind)(reading) for number in range(len(FIELDS))] == values_of(reading)
