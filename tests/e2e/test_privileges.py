"""What is left of root once it serves: /proc/PID/status of every process, with `user` and `chroot`, and without."""

from __future__ import annotations

import os
import pwd
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_master_worker import Master

pytestmark = pytest.mark.root
NONE = "0" * 16
CONFIGURATION = """\
global
    nbthread WORKERS
    IDENTITY
    stats socket FOLDER/admin.sock mode 660 user nobody group nogroup level admin
    stats socket FOLDER/plain.sock
defaults
    mode http
    timeout connect 1s
    timeout client 300s
    timeout server 300s
listen site
    bind 127.0.0.1:PORT
    server one 127.0.0.1:ORIGIN
"""
ROOTED = "user nobody\n    group nogroup\n    chroot FOLDER/empty"


@pytest.fixture
def address(tmp_path: Path, free_port: Callable[[], int], origin: Callable[..., Any]) -> Callable[[int, str], tuple[str, int]]:
    def write(workers: int, identity: str) -> tuple[str, int]:
        port = free_port()
        text = CONFIGURATION.replace("WORKERS", str(workers)).replace("IDENTITY", identity).replace("PORT", str(port))
        (tmp_path / "cfg").write_text(text.replace("ORIGIN", str(origin("one").port)).replace("FOLDER", str(tmp_path)))
        (tmp_path / "empty").mkdir(exist_ok=True)
        return "127.0.0.1", port

    return write


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def family(pid: int) -> list[int]:
    """A process and all below it."""
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [pid, *(each for child in children for each in family(child))]


def assert_without_privileges(pid: int, uid: int, gid: int, root: Path | None) -> None:
    status = status_of(pid)
    assert status["Uid"].split() == [str(uid)] * 4
    assert status["Gid"].split() == [str(gid)] * 4
    assert {name: status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == dict.fromkeys(
        ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), NONE)
    assert status["NoNewPrivs"] == "1"
    assert status["Groups"].split() in ([], [str(gid)])
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    soft, hard = next(line for line in limits if line.startswith("Max open files")).split()[3:5]
    assert soft == hard
    if root is not None:
        assert os.readlink(f"/proc/{pid}/root") == os.readlink(f"/proc/{pid}/cwd") == str(root)
        owner = os.stat(f"/proc/{pid}/maps")                    # root's: nobody of that user may look into the memory
        assert (owner.st_uid, owner.st_gid) == (0, 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_user_and_chroot(tmp_path: Path, address: Any, command: Any, ask: Any, workers: int) -> None:
    at = address(workers, ROOTED.replace("FOLDER", str(tmp_path)))
    running = command("-f", "cfg")
    assert ask(at).status == 200
    processes = family(running.pid)
    assert len(processes) == (1 if workers == 1 else 1 + workers)
    nobody = pwd.getpwnam("nobody")
    for pid in processes:
        assert_without_privileges(pid, nobody.pw_uid, nobody.pw_gid, tmp_path / "empty")


@pytest.mark.parametrize("workers", [1, 2])
def test_user_and_chroot_under_a_master(tmp_path: Path, address: Any, ask: Any, workers: int) -> None:
    at = address(workers, ROOTED.replace("FOLDER", str(tmp_path)))
    master = Master(tmp_path)
    nobody = pwd.getpwnam("nobody")
    try:
        master.await_ready()
        for _ in range(2):
            assert ask(at).status == 200
            current = master.workers()[-1]
            processes = family(current)
            assert len(processes) == (1 if workers == 1 else 1 + workers)
            for pid in processes:
                assert_without_privileges(pid, nobody.pw_uid, nobody.pw_gid, tmp_path / "empty")
            assert status_of(master.process.pid)["Uid"].split() == ["0"] * 4        # it starts the next worker, which binds
            master.reload()
    finally:
        master.end(signal.SIGTERM)
        master.close()


def test_without_a_user_there_is_nothing_left_but_roots_name(tmp_path: Path, address: Any, command: Any, ask: Any) -> None:
    at = address(1, "")
    running = command("-f", "cfg")
    assert ask(at).status == 200
    assert_without_privileges(running.pid, 0, 0, None)


def test_a_user_alone(tmp_path: Path, address: Any, command: Any, ask: Any) -> None:
    at = address(1, "user nobody")
    running = command("-f", "cfg")
    assert ask(at).status == 200
    nobody = pwd.getpwnam("nobody")
    assert_without_privileges(running.pid, nobody.pw_uid, nobody.pw_gid, None)


def test_stats_sockets_are_whose_they_should_be(tmp_path: Path, address: Any, command: Any) -> None:
    address(1, ROOTED.replace("FOLDER", str(tmp_path)))
    before = os.umask(0)
    try:
        command("-f", "cfg")
    finally:
        os.umask(before)
    nobody = pwd.getpwnam("nobody")
    found = os.stat(tmp_path / "admin.sock")
    assert (found.st_mode & 0o7777, found.st_uid, found.st_gid) == (0o660, nobody.pw_uid, nobody.pw_gid)
    found = os.stat(tmp_path / "plain.sock")            # nothing said: nobody else's, whatever the umask
    assert (found.st_mode & 0o7777, found.st_uid) == (0o600, 0)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(30)
        sock.connect(str(tmp_path / "plain.sock"))
        sock.sendall(b"show cli level\n")
        assert sock.recv(100) == b"operator\n\n"
