"""All commands of a process: who may give which, and that nothing that is said breaks anything."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.admin.commands import DENIED, LEVELS, Caller, allows
from proxy.config.load import load
from proxy.master.assemble import Instance, assemble

CONFIGURATION = """
global
 stats socket /nowhere/admin.sock level admin
defaults
 mode http
 timeout connect 1s
 timeout client 1s
 timeout server 1s
frontend fe
 bind 127.0.0.1:0
 default_backend app
 stats auth admin:hunter2
backend app
 server s1 127.0.0.1:1 check
 server s2 127.0.0.1:2 track s1
"""
# HAProxy management guide, section 9.3: who may do what; compared with the program by tests/differential/test_commands.py.
WANTED = {
    "user": {
        "add acl", "add map", "clear acl", "clear map", "clear table", "del acl", "del map", "get acl", "get map",
        "get weight", "set map", "set severity-output", "set table", "set timeout", "show acl", "show backend",
        "show cli level", "show cli sockets", "show info", "show map", "show peers",
        "show schema json", "show servers conn", "show servers state", "show stat", "show table", "show version", "user",
    },
    "operator": {
        "clear counters", "operator", "show env", "show sess",
    },
    "admin": {
        "disable agent", "disable frontend", "disable health", "disable server", "enable agent", "enable frontend",
        "enable health", "enable server", "set maxconn frontend", "set maxconn global", "set maxconn server",
        "set server", "set weight", "show cache", "shutdown frontend", "shutdown session", "shutdown sessions server",
    },
}


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    made = assemble(load(text=CONFIGURATION.replace(":0\n", ":1\n"), environment={"SECRET": "x"}))
    yield made
    made.close()


def answer(instance: Instance, command: str, level: str = "admin") -> str:
    found: Any = instance.control.speaker().answer(command, Caller(level, lambda lower: None))
    if inspect.isawaitable(found):
        async def wait() -> Any:
            return await found

        found = asyncio.run(wait())
    assert isinstance(found, str)
    return found


def test_every_command_has_the_level_it_should_have(instance: Instance) -> None:
    rows = instance.control.speaker()._commands.rows
    assert {(row.level, " ".join(row.words)) for row in rows} == {
        (level, words) for level, commands in WANTED.items() for words in commands}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("wanted", "words"), [(level, words) for level, some in WANTED.items() for words in sorted(some)])
def test_who_may_not_is_denied_whatever_follows(instance: Instance, level: str, wanted: str, words: str) -> None:
    for more in ("", " app/s1 maint", " nope", " fe 1"):
        if allows(level, wanted):
            continue
        assert answer(instance, words + more, level) == DENIED


def test_help_lists_what_may_be_done_and_nothing_else(instance: Instance) -> None:
    for level in LEVELS:
        listed = answer(instance, "help", level)
        for row in instance.control.speaker()._commands.rows:
            assert (f"  {row.usage}" in listed) is allows(level, row.level)


def test_no_secret_is_shown(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("DB_PASSWORD", "swordfish"), ("STATS", "admin:hunter2"), ("API_TOKEN", "swordfish"), ("COLOUR", "red")):
        instance.control._environment[name] = value
    shown = answer(instance, "show env")
    assert "swordfish" not in shown
    assert "hunter2" not in shown
    assert "COLOUR=red\n" in shown
    assert answer(instance, "show env DB_PASSWORD") == "DB_PASSWORD=***\n"
    for row in instance.control.speaker()._commands.rows:
        if row.words[0] == "show":
            assert "hunter2" not in answer(instance, " ".join(row.words)), row.usage


WORDS = sorted({word for some in WANTED.values() for words in some for word in words.split()})
VALUES = st.sampled_from([
    *WORDS, "app/s1", "app/s2", "fe", "app", "all", "-1", "0", "1", "256", "99999999999999999999", "50%", "addr", "port", "state",
    "maint", "ready", "health", "up", "weight", "check-port", "check-addr", "agent", "0x1", "0x", "cli", "typed", "json", "desc",
    "::1", "127.0.0.1", "+5", "-5", "number", "\u0661", "\0", "../..", "%s%n", "<script>", "\udcff", "1e9", "nan", "_1", "1_0",
])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(VALUES | st.text(max_size=8), max_size=6))
def test_nothing_that_is_said_breaks_anything(instance: Instance, words: list[str]) -> None:
    if words[:1] == ["shutdown"]:
        words[0] = "show"                   # it would end the frontend for all other examples
    for level in LEVELS:
        answer(instance, " ".join(words), level)
    weights = [server.user_weight for server in instance.process.backends[0].servers]
    assert all(0 <= weight <= 256 for weight in weights)
    assert all(server.maxconn >= 0 for server in instance.process.backends[0].servers)
