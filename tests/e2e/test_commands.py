"""Commands with several workers, and through a master: what one socket is told holds for all of them."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_master_worker import Master

PATIENCE_S = 30.0
CONFIGURATION = """\
global
    nbthread WORKERS
    stats socket FOLDER/admin.sock level admin
    stats socket FOLDER/user.sock level user
defaults
    mode tcp
    timeout connect 1s
    timeout client 300s
    timeout server 300s
listen site
    bind 127.0.0.1:PORT
    server one 127.0.0.1:ORIGIN
frontend spare
    bind 127.0.0.1:SPARE
    default_backend site
frontend pages
    mode http
    bind 127.0.0.1:PAGES
    stats uri /admin
"""


class Held:
    """A listening socket that accepts and keeps quiet."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]


def say(path: Path, text: str) -> str:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(str(path))
        sock.sendall(text.encode() + b"\n")
        answer = b""
        while octets := sock.recv(65536):
            answer += octets
    return answer.decode()


@pytest.fixture
def held() -> Iterator[Held]:
    made = Held()
    yield made
    made.socket.close()


@pytest.fixture
def ports(tmp_path: Path, free_port: Callable[[], int], held: Held) -> Callable[[int], dict[str, int]]:
    def write(workers: int) -> dict[str, int]:
        found: dict[str, int] = {}
        text = CONFIGURATION.replace("WORKERS", str(workers)).replace("ORIGIN", str(held.port)).replace("FOLDER", str(tmp_path))
        with ExitStack() as holding:            # so that no port is given twice
            for name in ("PORT", "SPARE", "PAGES"):
                found[name] = free_port()
                holding.enter_context(socket.create_server(("127.0.0.1", found[name])))
                text = text.replace(name, str(found[name]))
        (tmp_path / "cfg").write_text(text)
        return found

    return write


@pytest.fixture
def started(command: Callable[..., Any]) -> Iterator[Callable[[], None]]:
    """started() starts it; ended by TERM, because workers whose master is killed finish their streams first."""
    made: list[Any] = []
    yield lambda: made.append(command("-f", "cfg"))
    for each in made:
        each.signal(signal.SIGTERM)
        each.wait()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE_S)


def refused(port: int) -> bool:
    try:
        connect(port).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("workers", [1, 2])
def test_sessions_of_all_workers(tmp_path: Path, ports: Any, started: Any, eventually: Any, workers: int) -> None:
    port = ports(workers)["PORT"]
    started()
    admin = tmp_path / "admin.sock"
    clients = [connect(port) for _ in range(12)]
    try:
        listed = eventually(lambda: (text := say(admin, "show sess")).count("srv=one") == 12 and text, "all sessions")
        lines = [line.partition(":") for line in listed.splitlines() if line]
        names = {rest.partition("src=")[2].split()[0]: name for name, _, rest in lines}
        assert {f"127.0.0.1:{client.getsockname()[1]}" for client in clients} == set(names)
        first, *others = clients
        name = names[f"127.0.0.1:{first.getsockname()[1]}"]
        assert f"{name}: [" in say(admin, f"show sess {name}")
        assert say(admin, f"shutdown session {name}") == "\n"
        first.settimeout(PATIENCE_S)
        assert first.recv(10) == b""
        eventually(lambda: say(admin, f"shutdown session {name}") == "No such session (use 'show sess').\n\n", "its end")
        assert say(admin, "show sess").count("srv=one") == 11
        assert say(admin, "shutdown sessions server site/one") == "\n"
        for other in others:
            other.settimeout(PATIENCE_S)
            assert other.recv(10) == b""
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_frontends_and_limits_of_all_workers(
    tmp_path: Path, ports: Any, started: Any, eventually: Any, ask: Any, workers: int
) -> None:
    at = ports(workers)
    started()
    admin, spare = tmp_path / "admin.sock", at["SPARE"]
    assert not refused(spare)
    assert say(admin, "disable frontend spare") == "\n"
    eventually(lambda: refused(spare), "no worker to listen")
    assert "spare,FRONTEND" in say(admin, "show stat")
    assert ",PAUSED," in next(line for line in say(admin, "show stat").splitlines() if line.startswith("spare,FRONTEND"))
    assert say(admin, "enable frontend spare") == "\n"
    eventually(lambda: not refused(spare), "all to listen again")
    assert say(admin, "shutdown frontend spare") == "\n"
    eventually(lambda: refused(spare), "nobody to listen")
    assert say(admin, "enable frontend spare") == "Frontend was previously shut down, cannot enable.\n\n"
    assert ask(("127.0.0.1", at["PAGES"]), "/admin;csv").status == 200
    assert say(admin, "set maxconn frontend pages 7;set maxconn server site/one 5;set maxconn global 9") == "\n\n\n"
    row = next(line for line in say(admin, "show stat").splitlines() if line.startswith("pages,FRONTEND"))
    assert row.split(",")[6] == "7"
    row = next(line for line in say(admin, "show stat").splitlines() if line.startswith("site,one"))
    assert row.split(",")[6] == "5"
    assert "\nMaxconn: 9\n" in say(admin, "show info")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_limit_that_is_raised_lets_those_in_who_wait(
    tmp_path: Path, ports: Any, started: Any, eventually: Any, workers: int
) -> None:
    port = ports(workers)["PORT"]
    started()
    admin = tmp_path / "admin.sock"
    assert say(admin, "set maxconn server site/one 1") == "\n"

    def columns() -> list[str]:
        return next(line for line in say(admin, "show stat").splitlines() if line.startswith("site,one")).split(",")

    clients = [connect(port) for _ in range(8)]
    try:
        # of those that look in one instant each worker may take one
        eventually(lambda: int(columns()[4]) + int(columns()[2]) >= 1 and "srv=<none>" in say(admin, "show sess"), "a queue")
        assert say(admin, "set maxconn server site/one 20") == "\n"
        eventually(lambda: columns()[4] == "8", "all to be served")
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_counters_begin_anew_everywhere(
    tmp_path: Path, ports: Any, started: Any, eventually: Any, ask: Any, workers: int
) -> None:
    at = ports(workers)
    started()
    admin, user = tmp_path / "admin.sock", tmp_path / "user.sock"
    for _ in range(6):
        ask(("127.0.0.1", at["PAGES"]), "/admin;csv")

    def row() -> list[str]:
        return next(line for line in say(admin, "show stat").splitlines() if line.startswith("pages,FRONTEND")).split(",")

    eventually(lambda: row()[7] == "6", "the count")
    assert say(user, "clear counters") == "Permission denied\n\n"
    assert say(admin, "clear counters") == "\n"
    eventually(lambda: (row()[5], row()[7]) == ("0", "6"), "the peak to go")
    assert say(admin, "clear counters all") == "\n"
    eventually(lambda: row()[7:10] == ["0", "0", "0"], "all to go")


@pytest.mark.parametrize("workers", [1, 2])
def test_the_address_of_a_server(tmp_path: Path, ports: Any, started: Any, eventually: Any, workers: int) -> None:
    port = ports(workers)["PORT"]
    started()
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(PATIENCE_S)
        told = say(tmp_path / "admin.sock", f"set server site/one addr 127.0.0.1 port {other.getsockname()[1]}")
        assert told.startswith("no need to change the addr, port changed from ")
        for _ in range(4):
            with connect(port):
                other.accept()[0].close()


@pytest.mark.parametrize("workers", [1, 2])
def test_levels_go_through_the_master(tmp_path: Path, ports: Any, eventually: Any, workers: int) -> None:
    """What a worker is asked through the master's socket is asked with that socket's level."""
    at = ports(workers)
    master = Master(tmp_path, "-S", f"{tmp_path}/m.sock,level,operator")
    try:
        master.await_ready()
        through = tmp_path / "m.sock"
        with connect(at["PORT"]):
            eventually(lambda: "srv=one" in say(through, "@1 show sess"), "the session")
            assert say(through, "@1 disable frontend spare") == "Permission denied\n\n"
            assert say(through, "@1 shutdown session 0x1") == "Permission denied\n\n"
            assert say(through, "@1 set server site/one state maint") == "Permission denied\n\n"
            assert say(through, "@1 clear counters all") == "Permission denied\n\n"
            assert say(through, "user;@1 show sess") == "\nPermission denied\n\n"
            assert say(through, "user;reload") == "\nPermission denied\n\n"
        assert not refused(at["SPARE"])
        assert say(tmp_path / "user.sock", "show sess") == "Permission denied\n\n"
        assert say(tmp_path / "admin.sock", "disable frontend spare") == "\n"
    finally:
        master.end()
        master.close()


def test_questions_during_a_reload(tmp_path: Path, ports: Any) -> None:
    """A reload replaces who answers; no answer is cut, and none is about two processes at once."""
    ports(2)
    master = Master(tmp_path, "-S", f"{tmp_path}/m.sock")
    try:
        master.await_ready()
        for _ in range(3):
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(PATIENCE_S)
                sock.connect(str(tmp_path / "m.sock"))
                sock.sendall(b"@1 show stat; reload; @1 show stat; @1 show sess\n")
                answer = b""
                while octets := sock.recv(65536):
                    answer += octets
            assert answer.count(b"# pxname,svname") == 2
            assert answer.count(b"site,BACKEND") == 2
            assert b"Success=1\n" in answer
            assert master.notice().startswith("RELOADING=1")
            master.await_ready()
    finally:
        master.end()
        master.close()
