"""The commands of a stats socket, as HAProxy and pyproxy answer them: octet for octet, on fresh and on shaken configurations."""

from __future__ import annotations

import csv
import io
import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.differential.lab import Lab, commands, wait_until

pytestmark = pytest.mark.peer("haproxy")
PATIENCE_S = 30.0
CONFIGURATION = """
global
 nbthread 1
 maxconn 150
 stats socket @folder@/admin.sock level admin
 stats socket @folder@/operator.sock
 stats socket @folder@/user.sock level user
defaults
 mode http
 timeout connect 1s
 timeout client 10s
 timeout server 10s
frontend fe
 bind @front@ name web1
 maxconn 80
 default_backend app
 stats uri /adm
frontend spare
 bind @second@
 default_backend app
backend app
 id 77
 cookie SRV insert
 server s1 @nobody@ weight 10 check inter 1h cookie c1
 server s2 127.0.0.1:2 weight 20 maxconn 30 backup
 server s3 127.0.0.1:3 disabled
 server s4 [::1]:4 id 9
 server s5 127.0.0.1:5 check inter 1h port 99 addr 127.0.0.9 disabled
 server s6 127.0.0.6:6 check inter 1h port 98 disabled
 server s7 127.0.0.7:7 check inter 1h addr 127.0.0.9 disabled
backend other
 server t1 127.0.0.1:9 track app/s1
 server t2 localhost:9 init-addr last,libc
backend none
listen both
 bind @third@
 mode tcp
 server u1 @ready@
"""
ERRORS = """
set maxconn frontend|set maxconn frontend nope|set maxconn frontend nope 5|set maxconn frontend fe|set maxconn frontend fe -1
set maxconn server app/s2|set maxconn server app/s2 abc|set maxconn server app/s2 5x|set maxconn server
set maxconn server nope|set maxconn server nope/s 4|set maxconn server app/zz 4|set maxconn global|set maxconn global 100000
disable frontend|disable frontend nope|enable frontend|enable frontend fe|enable frontend nope|disable health
disable health nope/x|enable health app/s2|enable health nope/s2|enable health other/t1|disable agent nope
enable agent app/s1|enable agent x/y|disable server|disable server nope|disable server app/zz|disable server nope/s
disable server app/s1/x|shutdown session|shutdown session 0x123|shutdown session abc|shutdown sessions server
shutdown sessions server nope|shutdown sessions server app/zz|shutdown frontend|shutdown frontend nope|show sess 0x1
show servers state nope|show servers conn nope|get weight|get weight app|get weight app/zz|get weight nope/zz
get weight app/s1|get weight other/t1 x|get weight app/s4|set weight|set weight app/s1|set weight app/s1 abc
set weight app/s1 5x|set weight app/s1 -5|set weight app/s1 300|set weight app/s1 %|set server|set server app/s1
set server nope/s1 state ready|set server app/zz state ready|set server app|set server app/s1 bogus x|set server app/s1 state
set server app/s1 state bogus|set server app/s1 weight|set server app/s1 health|set server app/s1 health bogus
set server other/t1 health up|set server app/s1 agent up|set server app/s1 agent-addr 127.0.0.1
set server app/s1 agent-port 12|set server app/s1 agent-send foo|set server app/s1 check-port
set server app/s1 check-port abc|set server app/s1 check-port 99999|set server app/s3 check-port 123
set server app/s1 check-addr|set server app/s1 check-addr bogus|set server app/s1 addr|set server app/s1 addr bogus
set server app/s1 addr localhost|set server app/s1 addr 127.1|set server app/s1 fqdn foo.bar|set server app/s1 ssl on
set timeout|set timeout cli|set timeout cli 0|set timeout cli -1|set timeout cli abc|set timeout bar|set timeout cli 5
set timeout cli 5s|set timeout cli 1m|set severity-output foo|set severity-output|set severity-output none|show cli level
show backend|show backend foo|show map|show map nope|show map #1|show table nope|show peers nope
show env TZ|show env NOPE|show env|show cache|show peers|show stat 1 2 3|show stat -1 0 -1|show stat 99 1 1|operator|user
operator;show cli level|user;show cli level|user;operator;show cli level|operator;user;show cli level
operator;set weight app/s1 1|user;get weight app/s1|user;clear counters|operator;clear counters;clear counters all
set severity-output number;disable frontend nope;set weight app/s1 300;set server app/s2 addr bogus;set maxconn frontend fe -1
set severity-output string;disable frontend nope;show cli level;user;set weight app/s1 1|prompt|quit|quit foo|prompt n
clear counters foo|clear counters|clear counters all|clear counters all x
"""
CHANGES = """
set weight app/s1 50%
set weight app/s1 7
set weight app/s4 0
set weight app/s2 1000%
set server app/s2 weight 5
set server app/s1 state drain
set server app/s1 state maint
set server app/s1 state ready
set server app/s4 state drain
disable server app/s4
enable server app/s4
set server app/s3 state ready
set server app/s3 health down
set server app/s3 health up
set server app/s3 health stopping
set server app/s1 health up
disable health app/s1
enable health app/s1
disable agent app/s1
set maxconn server app/s2 9
set maxconn server app/s2 0
set server app/s2 addr 127.0.0.9
set server app/s2 addr 127.0.0.9
set server app/s2 addr 127.0.0.9 port 2
set server app/s2 addr 127.0.0.9 port 77
set server app/s2 addr 127.0.0.9 port +3
set server app/s2 addr 127.0.0.9 port x
set server app/s2 addr 127.0.0.9 port
set server app/s2 addr ::1 port 79
set server app/s2 addr 0:0:0:0:0:0:0:1
set server app/s4 addr 127.0.0.4
set server app/s4 addr 127.0.0.4 junk
set server app/s5 check-port 98
set server app/s5 check-addr 127.0.0.8
set server app/s5 check-addr 127.0.0.7 port 97
set server app/s5 addr 127.0.0.5 port +7
set server app/s5 addr 127.0.0.5 port -7
set server app/s5 addr 127.0.0.5 port 9
set server app/s5 state ready
set server other/t2 addr 127.0.0.3 port 5
set maxconn frontend fe 100
set maxconn frontend fe 0
set maxconn global 100
set maxconn global 0
disable frontend fe
disable frontend fe
enable frontend fe
enable frontend fe
shutdown frontend spare
shutdown frontend spare
enable frontend spare
disable frontend spare
set maxconn frontend spare 5
shutdown sessions server app/s1
clear counters
clear counters all
""".strip().splitlines()


def ask(lab: Lab, command: str, level: str = "admin") -> str:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(str(lab.folder / f"{level}.sock"))
        sock.sendall(command.encode() + b"\n")
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while octets := sock.recv(65536):
            answer += octets
    return answer.decode()


def neutral(lab: Lab, answer: str) -> str:
    """Without ports of the lab, folders and times."""
    answer = lab.named(answer).replace(str(lab.folder), "@folder@")
    return re.sub(r"PATH=.*\n|PYTHON\w*=.*\n|HAPROXY_\w+=.*\n|LC_CTYPE=.*\n|PWD=.*\n|SHLVL=.*\n|_=.*\n", "", answer)


def without_checks(answer: str) -> str:
    """`show servers conn` without how many connections are used, among which HAProxy counts those of checks."""
    return re.sub(r"( - 5000) \d+ \d+ \d+ ", r"\1 U M E ", answer)


Sides = tuple[Lab, Lab]


def made(peer: Callable[[str], str], folder: Callable[[str], Path]) -> Sides:
    theirs, ours = (Lab(commands(name, peer("haproxy")), folder(name), CONFIGURATION, {}) for name in ("haproxy", "pyproxy"))
    for lab in (theirs, ours):
        wait_until(lambda lab=lab: "L4CON" in ask(lab, "show stat app 4 1"), "the check")  # type: ignore[misc]
    return theirs, ours


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory, peer: Callable[[str], str]) -> Iterator[Sides]:
    labs = made(peer, tmp_path_factory.mktemp)
    yield labs
    for lab in labs:
        lab.close()


@pytest.fixture
def fresh(tmp_path: Path, peer: Callable[[str], str]) -> Iterator[Sides]:
    def folder(name: str) -> Path:
        (tmp_path / name).mkdir()
        return tmp_path / name

    labs = made(peer, folder)
    yield labs
    for lab in labs:
        lab.close()


def state_lines(lab: Lab, answer: str) -> list[list[str]]:
    """`show servers state` without the time since the last change, and without a check that happens to run."""
    rows = [line.split(" ") for line in neutral(lab, answer).splitlines()]
    return [row[:9] + row[10:] if len(row) > 10 and row[0] != "#" else row for row in rows]


def stat_rows(lab: Lab) -> dict[tuple[str, str], dict[str, str]]:
    text = neutral(lab, ask(lab, "show stat")).removeprefix("# ")
    rows = {(row["pxname"], row["svname"]): row for row in csv.DictReader(io.StringIO(text))}
    for row in rows.values():
        for name in ("lastchg", "downtime", "check_duration", "pid", "rate", "rate_max", "conn_rate", "conn_rate_max", "req_rate",
                     "req_rate_max", "last_chk", "need_conn_est", "", "-", None):
            row.pop(name, None)         # type: ignore[arg-type]
    return rows


@pytest.mark.parametrize("command", [command for line in ERRORS.split("\n") for command in line.split("|") if command])
def test_an_answer_is_haproxys(sides: Sides, command: str) -> None:
    theirs, ours = (neutral(lab, ask(lab, command)) for lab in sides)
    assert ours == theirs


LEVELS = [
    "show version", "show info", "show stat", "show env", "show sess", "show backend", "show servers state", "show servers conn",
    "show map", "show table", "show cli level", "show cli sockets", "show schema json", "clear counters", "clear counters all",
    "disable frontend spare", "enable frontend spare", "set maxconn frontend fe 80", "set maxconn server app/s2 30",
    "set maxconn global 150", "disable health app/s1", "enable health app/s1", "disable agent app/s1", "enable agent app/s1",
    "disable server app/s3", "enable server nope/x", "set server app/s1 weight 10", "set weight app/s1 10", "get weight app/s1",
    "shutdown session 0x1", "shutdown sessions server app/s1", "shutdown frontend nope", "set timeout cli 10", "operator", "user",
    "set severity-output none", "show peers", "show cache",
]


@pytest.mark.parametrize("level", ["user", "operator", "admin"])
@pytest.mark.parametrize("command", LEVELS)
def test_a_level_allows_what_it_allows_there(sides: Sides, level: str, command: str) -> None:
    theirs, ours = (ask(lab, command, level).startswith("Permission denied") for lab in sides)
    assert ours == theirs


def test_changes_leave_the_same_states(fresh: Sides) -> None:
    for command in ["show cli level", *CHANGES]:
        theirs, ours = (neutral(lab, ask(lab, command)) for lab in fresh)
        assert ours == theirs, command
        theirs_state, ours_state = (state_lines(lab, ask(lab, "show servers state")) for lab in fresh)
        assert ours_state == theirs_state, command
        for question in ("show servers conn", "get weight app/s1", "show stat app 4 9"):
            theirs, ours = (without_checks(neutral(lab, ask(lab, question))) for lab in fresh)
            assert ours.count("\n") == theirs.count("\n"), (command, question)
            assert question.startswith("show stat") or ours == theirs, (command, question)
    theirs_rows, ours_rows = (stat_rows(lab) for lab in fresh)
    assert [
        (row, name, value, ours_rows[row][name]) for row, cells in theirs_rows.items() for name, value in cells.items()
        if ours_rows[row][name] != value and row[0] != "harness"
    ] == []


def test_numbers_in_every_form(sides: Sides) -> None:
    theirs, ours = (
        [(item["field"], item["tags"], item["value"]["type"]) for item in json.loads(ask(lab, "show info json"))]
        for lab in sides)
    assert ours[: len(theirs)] == theirs            # behind them stand what later versions have
    theirs_lines, ours_lines = (
        [":".join(line.split(":")[:3]) for line in ask(lab, "show info typed").splitlines()] for lab in sides)
    assert ours_lines[: len(theirs_lines) - 1] == theirs_lines[:-1]         # the last line is empty
    for form in ("show stat json", "show stat -1 4 -1 json"):
        theirs, ours = (json.loads(ask(lab, form)) for lab in sides)
        theirs_names, ours_names = ([[item["field"]["name"] for item in row] for row in rows] for rows in (theirs, ours))
        assert ours_names == theirs_names
    for selection in (
        "show stat app 4 -1", "show stat 2 1 0", "show stat -1 2 -1", "show stat 77 6 9", "show stat up", "show stat no-maint",
    ):
        theirs_names, ours_names = (
            [",".join(line.split(",")[:2]) for line in ask(lab, selection).splitlines()] for lab in sides)
        assert ours_names == theirs_names, selection


def test_sessions_are_shown_and_ended(fresh: Sides) -> None:
    seen: list[Any] = []
    for lab in fresh:
        with socket.create_connection(("127.0.0.1", lab.ports["third"]), PATIENCE_S) as client:
            port = client.getsockname()[1]
            wait_until(lambda lab=lab, port=port: f"127.0.0.1:{port} fe=both be=both srv=u1" in ask(lab, "show sess"),  # type: ignore[misc]
                       "the session")
            line = next(line for line in ask(lab, "show sess").splitlines() if f"127.0.0.1:{port}" in line)
            name, _, rest = line.partition(": ")
            facts = dict(part.split("=", 1) for part in rest.split(" ") if part.count("=") == 1)
            detail = ask(lab, f"show sess {name}")
            assert re.search(r"frontend=both \(id=\d+ mode=tcp\), listener=\S+ \(id=1\)", detail)
            assert ask(lab, f"shutdown session {name}") == "\n"
            client.settimeout(PATIENCE_S)
            while client.recv(4096):
                pass
            wait_until(lambda lab=lab, port=port: f"127.0.0.1:{port} " not in ask(lab, "show sess"), "its end")  # type: ignore[misc]
            seen.append({key: facts[key] for key in ("proto", "fe", "be", "srv")})
    assert seen[0] == seen[1]
