"""The metrics against those of HAProxy's own exporter, captured from 2.6.12 and, where it is installed, asked anew."""

from __future__ import annotations

import contextlib
import math
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.runtime.states import Operational
from proxy.stats.prometheus import PrometheusService

OF_LATER_VERSIONS = "haproxy_process_blocked_traffic_warnings_total"
_SAMPLE = re.compile(r"(?P<name>[a-z0-9_]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
CONFIG = """
global
    maxconn 200
    nbthread 1
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
listen admin
    bind 127.0.0.1:{port}
    option socket-stats
    http-request use-service prometheus-exporter if {{ path /metrics }}
frontend web
    bind unix@{folder}/web.sock
    default_backend app
backend app
    cookie SERVERID insert
    option httpchk
    server s1 127.0.0.1:1 cookie c1 check inter 100 fall 1 weight 10
    server s2 127.0.0.1:1 disabled maxqueue 10 maxconn 20
    server b1 127.0.0.1:1 backup
listen tcp1
    mode tcp
    bind unix@{folder}/tcp.sock
    server t1 127.0.0.1:1
"""


def shape(text: str) -> tuple[dict[str, str], dict[str, set[tuple[tuple[str, str], ...]]]]:
    """(type of each metric, the sets of labels of its samples)."""
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    labels: dict[str, set[tuple[tuple[str, str], ...]]] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        found = _SAMPLE.fullmatch(line)
        assert found is not None, line
        pairs = re.findall(r'([a-z]+)="([^"]*)"', found["labels"] or "")
        labels.setdefault(found["name"], set()).add(tuple(sorted(pairs)))
    return types, labels


def metrics(lab: Any, process: Any, target: str = "/metrics") -> str:
    return str(lab.fetch(PrometheusService(process, lab.StoppedClock(), "/metrics"), target))


def value(text: str, sample: str) -> float:
    return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(sample + " "))


def same_process(lab: Any) -> Any:
    """The proxies of CONFIG."""
    process = lab.Process()
    process.maxconn = 200
    admin = lab.add_frontend(process, "admin", 2, 1, kind="listen")
    admin.options = frozenset({"socket-stats"})
    lab.add_backend(process, "admin", 2, kind="listen")
    lab.add_frontend(process, "web", 3, 1)
    app = lab.add_backend(process, "app", 4, cookie="SERVERID")
    s1 = lab.add_server(app, "s1", 1, weight=10, cookie="c1", checked=True)
    lab.add_server(app, "s2", 1, disabled=True)
    lab.add_server(app, "b1", 1, backup=True)
    lab.add_frontend(process, "tcp1", 5, 1, is_http=False, kind="listen")
    lab.add_server(lab.add_backend(process, "tcp1", 5, is_http=False, kind="listen"), "t1", 1)
    lab.transitions.start_states(process.backends, lab.START_MS)
    lab.checked(s1, "L4CON", 0, 0, "Connection refused")
    return process


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def haproxys(peer: Callable[[str], str], folder: Path) -> str:
    """What HAProxy's exporter says for CONFIG, once its check has failed."""
    port = free_port()
    config = folder / "haproxy.cfg"
    config.write_text(CONFIG.format(port=port, folder=folder))
    running = subprocess.Popen([peer("haproxy"), "-q", "-db", "-f", str(config)], stderr=subprocess.DEVNULL, close_fds=True)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                    text = answer.read().decode()
                if 'check_status{proxy="app",server="s1",state="L4CON"} 1' in text:
                    return str(text)
            except OSError:
                pass                                    # not listening yet
            with contextlib.suppress(subprocess.TimeoutExpired):
                pytest.fail(f"haproxy ended with {running.wait(0.05)}")
    finally:
        running.terminate()
        running.wait(10)
    pytest.fail("haproxy did not answer in time")


@pytest.mark.peer("haproxy")
def test_names_types_and_labels_are_haproxys(lab: Any, peer: Callable[[str], str], tmp_path: Path) -> None:
    their_types, their_labels = shape(haproxys(peer, tmp_path))
    our_types, our_labels = shape(metrics(lab, same_process(lab)))
    assert our_types.pop(OF_LATER_VERSIONS) == "counter"
    our_labels.pop(OF_LATER_VERSIONS)
    assert our_types == their_types
    assert list(our_types) == list(their_types)
    versionless = {name: labels for name, labels in our_labels.items() if name != "haproxy_process_build_info"}
    their_labels.pop("haproxy_process_build_info")
    for name, labels in versionless.items():
        assert labels == their_labels[name], name
    assert versionless.keys() == their_labels.keys()


def test_prometheus_itself_reads_it(lab: Any, process: Any) -> None:
    families = list(text_string_to_metric_families(metrics(lab, process)))
    assert len(families) > 150
    assert all(family.documentation for family in families)


def test_values(lab: Any, process: Any) -> None:
    lab.count(process.server("app", "s2"), qtime_sum=3000, ctime_sum=2048, time_samples=2000, ttime_max=1500, stot=5)
    text = metrics(lab, process)
    assert value(text, 'haproxy_server_queue_time_average_seconds{proxy="app",server="s2"}') == pytest.approx(0.003)
    assert value(text, 'haproxy_server_connect_time_average_seconds{proxy="app",server="s2"}') == pytest.approx(0.002)
    assert value(text, 'haproxy_server_max_total_time_seconds{proxy="app",server="s2"}') == pytest.approx(1.5)
    assert value(text, 'haproxy_frontend_http_responses_total{code="4xx",proxy="web"}') == 4
    assert math.isnan(value(text, 'haproxy_server_queue_limit{proxy="app",server="s2"}'))
    assert value(text, 'haproxy_server_check_code{proxy="app",server="s3"}') == 0
    assert value(text, "haproxy_process_max_connections") == 200
    assert "haproxy_process_failed_resolutions 0.0" in text
    assert 'haproxy_frontend_http_requests_total{proxy="tcp1"}' not in text


@pytest.mark.parametrize(("change", "state"), [
    (lambda lab, server: None, "UP"),
    (lambda lab, server: lab.transitions.set_admin(server, "maint", lab.NOW_MS, lab.SilentEvents()), "MAINT"),
    (lambda lab, server: lab.transitions.set_admin(server, "drain", lab.NOW_MS, lab.SilentEvents()), "DRAIN"),
    (lambda lab, server: lab.operational(server, Operational.STOPPED), "DOWN"),
    (lambda lab, server: lab.operational(server, Operational.STOPPING), "NOLB"),
], ids=["up", "maint", "drain", "down", "nolb"])
def test_exactly_one_state_of_a_server_is_1(lab: Any, process: Any, change: Any, state: str) -> None:
    change(lab, process.server("app", "s1"))
    text = metrics(lab, process)
    states = {name: value(text, f'haproxy_server_status{{proxy="app",server="s1",state="{name}"}}')
              for name in ("DOWN", "UP", "MAINT", "DRAIN", "NOLB")}
    assert [name for name, number in states.items() if number] == [state]
    assert value(text, f'haproxy_backend_agg_server_status{{proxy="app",state="{state}"}}') >= 1


@pytest.mark.parametrize(("target", "scopes"), [
    ("/metrics", {"process", "frontend", "backend", "server"}),
    ("/metrics?scope=*", {"process", "frontend", "backend", "server"}),
    ("/metrics?scope=server", {"server"}), ("/metrics?scope=global&scope=backend", {"process", "backend"}),
    ("/metrics?scope=", set()), ("/metrics?a=b&scope=%66rontend", {"frontend"}),
])
def test_scopes(lab: Any, process: Any, target: str, scopes: set[str]) -> None:
    assert {name.split("_")[1] for name in shape(metrics(lab, process, target))[0]} == scopes


def test_no_maint(lab: Any, process: Any) -> None:
    assert 'server="t2"' in metrics(lab, process)
    assert 'server="t2"' not in metrics(lab, process, "/metrics?no-maint")


def test_unknown_scope_is_a_bad_request(lab: Any, process: Any) -> None:
    service = PrometheusService(process, lab.StoppedClock(), "/metrics")
    assert service.respond(lab.request("/metrics?scope=servers")).status == 400


@pytest.mark.parametrize(("path", "target", "matches"), [
    ("/metrics", "/metrics", True), ("/metrics", "/metrics?scope=server", True), ("/metrics", "/metrics/", False),
    ("/metrics", "http://x/metrics", True), ("", "/anything", True),
])
def test_matches(lab: Any, process: Any, path: str, target: str, matches: bool) -> None:
    assert PrometheusService(process, lab.StoppedClock(), path).matches(b"GET", target.encode()) is matches


def test_names_cannot_break_out_of_a_label(lab: Any, process: Any) -> None:
    process.server("app", "s1").name = 'x"} 1\n# evil'
    names = {sample.labels.get("server") for family in text_string_to_metric_families(metrics(lab, process))
             for sample in family.samples}
    assert 'x"} 1\n# evil' in names


def test_many_servers_come_in_pieces_with_one_heading(lab: Any, process: Any) -> None:
    for number in range(500):
        lab.add_server(process.backend("app"), f"n{number}", 1000 + number)
    service = PrometheusService(process, lab.StoppedClock(), "/metrics")
    pieces = list(service.respond(lab.request("/metrics?scope=server")).body)
    assert max(len(piece) for piece in pieces) < 64 * 1024
    text = b"".join(pieces).decode()
    assert text.count("# TYPE haproxy_server_status ") == 1
    assert text.count('haproxy_server_status{proxy="app",server="n499"') == 5
