"""Programs are named, placed, started and ended."""

import os
import select
import signal
import sys
from pathlib import Path

import pytest

from bench.command import selected
from bench.programs import BenchError, Program, Running, find, free_port, named_program, pinned, proxy_environment, share_out


def test_the_proxy_has_a_core_for_itself() -> None:
    cores = share_out({0, 1, 2, 3})
    assert (cores.proxy, cores.rest) == ({3}, {0, 1, 2})


def test_one_core_is_shared() -> None:
    cores = share_out({5})
    assert (cores.proxy, cores.rest) == ({5}, {5})


def test_a_program_of_ones_own() -> None:
    assert named_program("old=env 'A=b c' pyproxy") == Program("old", ("env", "A=b c", "pyproxy"))


@pytest.mark.parametrize("text", ["pyproxy", "=pyproxy", "x=", ""])
def test_what_names_no_program(text: str) -> None:
    with pytest.raises(ValueError, match="NAME=COMMAND"):
        named_program(text)


def test_programs_are_replaced_by_name_and_chosen() -> None:
    standard = {name: Program(name, (name,)) for name in ("haproxy", "pyproxy")}
    mine = Program("pyproxy", ("mine",))
    other = Program("other", ("other",))
    assert selected(standard, [mine, other], "") == [standard["haproxy"], mine, other]
    assert selected(standard, [other], "other,haproxy") == [standard["haproxy"], other]
    with pytest.raises(BenchError, match="no program is called caddy; there are haproxy, pyproxy"):
        selected(standard, [], "caddy")


def test_a_missing_program_names_its_package() -> None:
    with pytest.raises(BenchError, match="apt-get install no-such-program"):
        find("no-such-program")


def test_ports_stay_clear_of_outgoing_connections() -> None:
    assert 20000 <= free_port() < 32000


def test_pinning_ends() -> None:
    before = os.sched_getaffinity(0)
    with pinned(frozenset({min(before)})):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_a_proxy_keeps_bytecode_out_of_the_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYPROXY_LOOP", "asyncio")
    environment = proxy_environment(Program("x", ("x",), environment={"A": "b"}), tmp_path)
    assert environment["PYTHONPYCACHEPREFIX"] == str(tmp_path / "pycache")
    assert environment["A"] == "b"
    assert not {"PYTHONDONTWRITEBYTECODE", "PYPROXY_LOOP"} & set(environment)


def running(folder: Path, code: str) -> Running:
    return Running("sample", [sys.executable, "-c", code], frozenset(os.sched_getaffinity(0)), folder)


def test_a_program_that_ends_at_once_is_told_with_its_words(tmp_path: Path) -> None:
    process = running(tmp_path, "raise SystemExit('no such keyword')")
    with pytest.raises(BenchError, match="ended with status 1: no such keyword"):
        process.wait_for(free_port())
    process.stop()


def test_stopping_takes_the_children_of_one_that_will_not_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.programs.STOP_S", 0.05)
    code = """import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
print(child if child else '', flush=True, end='')
signal.pause()
"""
    process = running(tmp_path, code)
    while not process.messages():
        os.sched_yield()
    child = int(process.messages())
    watched = os.pidfd_open(child)
    try:
        process.stop()
        assert process.process.poll() == -signal.SIGKILL
        assert select.select([watched], [], [], 10)[0], "the child is still there"
    finally:
        os.close(watched)
