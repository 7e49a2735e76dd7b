"""The statistics of HAProxy and of pyproxy for one configuration: every form but the page itself, the admin form, Prometheus."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.differential.lab import Lab, commands, wait_until

pytestmark = pytest.mark.peer("haproxy")

CONFIGURATION = """
defaults
 mode http
 timeout connect 1s
 timeout client 10s
 timeout server 10s
frontend fe
 bind @front@ name web1
 bind @second@
 option socket-stats
 http-request use-service prometheus-exporter if { path /metrics }
 default_backend app
backend app
 option httpchk GET /
 timeout check 5s
 http-check disable-on-404
 server s1 @ready@ check cookie a inter 100 fall 50
 server s2 @ready@ weight 5 maxconn 10
 server s3 @nobody@ check inter 100 fall 1
 server s4 @ready@ disabled
 server s5 @ready@ check disabled backup
 server s6 @ready@ track s1
backend empty
backend tcpb
 mode tcp
 server t1 @ready@ check inter 100
listen pages
 bind @third@
 stats enable
 stats uri /adm
 stats refresh 7s
 stats realm My\\ Realm
 stats auth a:b
 stats admin if TRUE
"""
USER = {"authorization": "Basic " + base64.b64encode(b"a:b").decode()}


class Side:
    """One of the two programs."""

    def __init__(self, name: str, haproxy: str, folder: Path) -> None:
        self.lab = Lab(commands(name, haproxy), folder, CONFIGURATION, {})
        wait_until(lambda: self.states()["s3"] == "DOWN" and "*" not in self.checks()["s1"], "checks")

    def ask(self, target: str, method: str = "GET", body: str | None = None, place: str = "third", **fields: str) -> Any:
        """(status, fields that matter, body) of a request."""
        connection = HTTPConnection("127.0.0.1", self.lab.ports[place], timeout=15)
        try:
            connection.request(method, target, body, {**USER, **fields})
            response = connection.getresponse()
            shown = {name.lower(): value for name, value in response.getheaders()}
            for name in ("date", "transfer-encoding", "content-length", "content-security-policy", "x-content-type-options",
                         "x-frame-options", "referrer-policy", "connection"):
                shown.pop(name, None)
            return response.status, shown, response.read().decode()
        finally:
            connection.close()

    def rows(self, target: str = "/adm;csv") -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.ask(target)[2].removeprefix("# "))))

    def states(self) -> dict[str, str]:
        return {row["svname"]: row["status"].split()[0] for row in self.rows() if row["pxname"] == "app"}

    def checks(self) -> dict[str, str]:
        return {row["svname"]: row["check_status"] for row in self.rows() if row["pxname"] == "app"}


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory, peer: Callable[[str], str]) -> Iterator[tuple[Side, Side]]:
    made = [Side(name, peer("haproxy"), tmp_path_factory.mktemp(name)) for name in ("haproxy", "pyproxy")]
    yield made[0], made[1]
    for side in made:
        side.lab.close()


@pytest.mark.parametrize("target", [
    "/adm", "/adm;csv", "/adm;json", "/adm;typed", "/adm;json-schema", "/adm;norefresh", "/adm;csv;norefresh", "/adm;st=DONE",
    "/adminx", "/adm/;csv", "/adm;foo", "/adm;CSV", "/adm?csv", "/adm?;csv", "/ad", "/adm;csv;json", "/adm;json;csv",
    "/adm?scope=app;csv",
])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_status_and_fields(sides: tuple[Side, Side], method: str, target: str) -> None:
    theirs, ours = (side.ask(target, method)[:2] for side in sides)
    assert ours == theirs


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_for_servers(sides: tuple[Side, Side], method: str) -> None:
    theirs, ours = (side.ask("/adm", method)[0] for side in sides)
    assert ours == theirs == 503


@pytest.mark.parametrize("value", [
    "", "Basic", "Basic YTpj", "Basic eDpi", "Basic YQ==", "Basic YTpiOmM=", "basic YTpi", "Bearer YTpi", "Basic  YTpi",
])
def test_who_is_let_in(sides: tuple[Side, Side], value: str) -> None:
    theirs, ours = (side.ask("/adm;csv", authorization=value)[:2] for side in sides)
    assert ours == theirs


def test_the_answer_without_a_password(sides: tuple[Side, Side]) -> None:
    theirs, ours = (side.ask("/adm", authorization="") for side in sides)
    assert ours == theirs
    assert ours[1]["www-authenticate"] == 'Basic realm="My Realm"'


@pytest.mark.parametrize("options", [
    ";csv", ";csv;up", ";csv;no-maint", ";csv;up;no-maint", ";csv;scope=app", ";csv?scope=ap", "?scope=e;csv",
    ";csv?scope=nothing", "?;csv", ";up;csv", ";csv;norefresh", ";csv;scope=APP",
])
def test_rows_of_the_csv(sides: tuple[Side, Side], options: str) -> None:
    theirs, ours = ([(row["pxname"], row["svname"], row["status"]) for row in side.rows(f"/adm{options}")] for side in sides)
    assert ours == theirs


def test_columns_of_the_csv(sides: tuple[Side, Side]) -> None:
    theirs, ours = (side.ask("/adm;csv")[2].splitlines() for side in sides)
    assert ours[0] == theirs[0]
    filled = [[[bool(value) for value in line.split(",")] for line in lines[1:]] for lines in (theirs, ours)]
    assert filled[0] == filled[1]


def test_typed_lines(sides: tuple[Side, Side]) -> None:
    theirs, ours = (side.ask("/adm;typed")[2].splitlines() for side in sides)
    assert [line.split(":")[:3] for line in ours] == [line.split(":")[:3] for line in theirs]


def test_json(sides: tuple[Side, Side]) -> None:
    def shape(text: str) -> Any:
        return [[{**entry, "value": entry["value"]["type"]} for entry in row] for row in json.loads(text)]

    theirs, ours = (shape(side.ask("/adm;json")[2]) for side in sides)
    assert ours == theirs


FORMS = [
    "b=app&s=s1&action=maint", "b=app&s=s1&action=drain", "b=app&s=s1&s=s2&action=maint", "s=s1&b=app&action=maint",
    "action=maint&s=s1&b=app", "b=app&s=s1&s=none&action=maint", "b=app&s=none&action=maint", "b=none&s=s1&action=maint",
    "b=app&s=s4&action=ready", "b=app&action=maint", "s=s1&action=maint", "b=app&s=s1", "b=&s=s1&action=maint",
    "b=app&s=&action=maint", "b=app&s=s1&action=", "b=app&s=s1&action=foo", "b=app&s=s1&action=MAINT", "b=#2&s=s1&action=maint",
    "b=%232&s=s1&action=maint",
    "b=#99&s=s1&action=maint", "", "x", "b=app&s=s1&action=maint&x=1", "b=app&s=s1&action=%6daint", "b=app&s=%731&action=maint",
    "b=app&s=s1&action=maint&action=drain", "b=app&s=s1&action=foo&action=maint", "b=app&b=tcpb&s=s1&action=maint",
    "b=tcpb&b=app&s=s1&action=maint", "b=app&s=s1&action=stop", "b=app&s=s1&action=disable", "b=app&s=s1&action=start",
    "b=app&s=s1&action=enable", "b=app&s=s4&action=enable", "b=app&s=s1&action=dhlth", "b=app&s=s2&action=dhlth",
    "b=app&s=s1&action=dagent", "b=app&s=s6&action=hdown", "b=app&s=s2&action=hdown", "b=app&s=s2&action=hnolb",
    "b=app&s=s1&action=shutdown", "b=fe&s=s1&action=ready", "b=app&s=s1&action=maint" + "&x=y" * 5000,
]


@pytest.mark.parametrize("form", FORMS, ids=[form[:40] for form in FORMS])
def test_the_admin_form(sides: tuple[Side, Side], form: str) -> None:
    seen = []
    for side in sides:
        status, fields, _ = side.ask("/adm;up;norefresh?scope=ap", "POST", form)
        states = side.states()
        seen.append((status, fields, {name: states[name] for name in ("s1", "s2", "s4")}))
        side.ask("/adm", "POST", "b=app&s=s1&s=s2&action=ready")
        side.ask("/adm", "POST", "b=app&s=s1&action=ehlth")
        side.ask("/adm", "POST", "b=app&s=s2&action=hrunn")
        side.ask("/adm", "POST", "b=app&s=s4&action=maint")
    assert seen[1] == seen[0]


OF_LATER_VERSIONS = "haproxy_process_blocked_traffic_warnings_total"


def metrics(text: str) -> tuple[dict[str, str], set[tuple[str, ...]]]:
    """(type of each metric, every series with its labels)."""
    lines = [line for line in text.splitlines() if OF_LATER_VERSIONS not in line]
    types = dict(line.split()[2:4] for line in lines if line.startswith("# TYPE"))
    series = set()
    for line in lines:
        if line and not line.startswith("#"):
            name, labels, _ = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()      # type: ignore[union-attr]
            found = sorted(re.findall(r'\w+="(?:[^"\\]|\\.)*"', labels or ""))
            series.add((name, *(label for label in found if not label.startswith("version="))))
    return types, series


@pytest.mark.parametrize("query", [
    "", "?scope=global", "?scope=frontend", "?scope=listener", "?scope=backend", "?scope=server", "?scope=sticktable", "?scope=*",
    "?scope=", "?scope=global&scope=server", "?scope=server&scope=", "?scope=&scope=server", "?scope=%73erver", "?no-maint",
    "?scope=server&no-maint",
    "?no-maint=0", "?foo=1", "?&scope=server",
])
def test_metrics(sides: tuple[Side, Side], query: str) -> None:
    theirs, ours = (side.ask(f"/metrics{query}", place="front") for side in sides)
    assert ours[:2] == theirs[:2]
    assert metrics(ours[2]) == metrics(theirs[2])
    assert metrics(ours[2])[1] or query in ("?scope=", "?scope=sticktable", "?scope=server&scope=")


@pytest.mark.parametrize("query", ["?scope=bad", "?scope=stick", "?scope", "?scope=server#x"])
def test_scopes_that_are_none(sides: tuple[Side, Side], query: str) -> None:
    theirs, ours = (side.ask(f"/metrics{query}", place="front") for side in sides)
    assert ours == theirs
    assert ours[0] == 400
