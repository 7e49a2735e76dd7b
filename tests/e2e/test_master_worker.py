"""`-W`: reloads that nobody notices, broken configurations, signals, and what happens when one of the processes is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_reload import FORM, STATISTICS, Load, row_of

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0
CONFIGURATION = """\
global
    nbthread WORKERS
defaults
    mode http
    timeout connect 1s
    timeout client 300s
    timeout server 300s
listen site
    bind 127.0.0.1:PORT
    cookie SRV insert indirect
    server one 127.0.0.1:ORIGIN cookie c1
"""


class Master:
    """`pyproxy -W -f cfg`, and what it tells systemd."""

    def __init__(self, folder: Path, *words: str) -> None:
        self._heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._heard.settimeout(PATIENCE_S)
        name = tempfile.mktemp(prefix="n", dir="/tmp")
        self._heard.bind("\0" + name)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default", "NOTIFY_SOCKET": "@" + name}
        self._errors = (folder / "errors").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "proxy", "-W", "-f", "cfg", *words], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=self._errors, stderr=self._errors,
        )

    def notice(self) -> str:
        return self._heard.recv(1000).decode()

    def await_ready(self) -> None:
        assert self.notice() == f"READY=1\nMAINPID={self.process.pid}"

    def reload(self, number: signal.Signals = signal.SIGUSR2) -> None:
        self.process.send_signal(number)
        assert self.notice().startswith("RELOADING=1\nMONOTONIC_USEC=")
        self.await_ready()

    def workers(self) -> list[int]:
        """Its children, oldest first."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return [int(pid) for pid in Path(path).read_text().split()]

    @property
    def errors(self) -> str:
        self._errors.flush()
        return Path(self._errors.name).read_text()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()         # workers see the end of their lines
            self.process.wait()
        self._heard.close()
        self._errors.close()


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Callable[..., Master]]:
    made: list[Master] = []

    def make(*words: str) -> Master:
        made.append(Master(tmp_path, *words))
        made[-1].await_ready()
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def site(tmp_path: Path, free_port: Callable[[], int], origin: Callable[..., Any]) -> tuple[Any, tuple[str, int]]:
    web, port = origin("one"), free_port()
    text = CONFIGURATION.replace("PORT", str(port)).replace("ORIGIN", str(web.port)).replace("WORKERS", "1")
    (tmp_path / "cfg").write_text(text)
    return web, ("127.0.0.1", port)


def change(folder: Path, old: str, new: str) -> None:
    text = (folder / "cfg").read_text()
    assert old in text
    (folder / "cfg").write_text(text.replace(old, new))


@pytest.mark.parametrize("workers", [1, 2])
def test_ten_reloads_that_nobody_notices(
    site: Any, master: Any, ask: Any, eventually: Any, wait_gone: Any, tmp_path: Path, workers: int
) -> None:
    web, address = site
    change(tmp_path, "nbthread 1", f"nbthread {workers}")
    web.holding = threading.Event()
    running = master()
    pids = running.workers()
    answers: list[int] = []
    held = threading.Thread(target=lambda: answers.append(ask(address, "/hold", patience_s=300).status))
    held.start()
    eventually(lambda: any(path == "/hold" for _, path, _ in list(web.seen)), "the request to arrive")
    load = Load(address, ask)
    try:
        for number in (signal.SIGUSR2, signal.SIGHUP) * 5:
            before = sum(load.seen.values())
            running.reload(number)
            pids.append(running.workers()[-1])
            eventually(lambda before=before: sum(load.seen.values()) > before + 20, "some requests after the reload")
    finally:
        seen = load.stop()
    web.holding.set()
    held.join()
    assert (set(seen), answers) == ({"200"}, [200])
    assert len(set(pids)) == 11
    for pid in pids[:-1]:
        wait_gone(pid)
    assert running.end() == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


@pytest.mark.parametrize("workers", [1, 2])
def test_counters_states_and_cookies_go_on(
    site: Any, master: Any, ask: Any, free_port: Any, tmp_path: Path, eventually: Any, workers: int
) -> None:
    _, address = site
    stats = ("127.0.0.1", free_port())
    text = (tmp_path / "cfg").read_text().replace("nbthread 1", f"nbthread {workers}")
    two = f"    server two 127.0.0.1:{site[0].port} cookie c2 weight 7\n"
    (tmp_path / "cfg").write_text(text + two + STATISTICS.replace("STATS", str(stats[1])))
    running = master()
    for _ in range(4):
        ask(address, "/", "Cookie: SRV=c2")
    ask(stats, "/", FORM, method="POST", body=b"s=one&action=maint&b=site")
    eventually(lambda: row_of(ask, stats, "site", "one")["status"] == "MAINT", "the maintenance")
    for reloads in range(1, 4):
        running.reload()
        ask(address, "/", "Cookie: SRV=c2")
        expected = str(4 + reloads)
        # one that the old process still served is seen when the new one looks again, within a second
        eventually(lambda expected=expected: row_of(ask, stats, "site", "two")["stot"] == expected, "all of them to be counted")
        one, two_now = row_of(ask, stats, "site", "one"), row_of(ask, stats, "site", "two")
        assert (one["status"], one["stot"], two_now["weight"]) == ("MAINT", "0", "7")


def test_a_broken_configuration_changes_nothing(site: Any, master: Any, ask: Any, tmp_path: Path) -> None:
    _, address = site
    running = master()
    before = running.workers()
    good = (tmp_path / "cfg").read_text()
    (tmp_path / "cfg").write_text(good + "    nonsense\n")
    running.reload()
    assert "unknown keyword 'nonsense' in 'listen' section" in running.errors
    assert "Loading failure!" in running.errors
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        (tmp_path / "cfg").write_text(good + f"    bind 127.0.0.1:{holder.getsockname()[1]}\n")
        running.reload()
    assert "Address already in use" in running.errors
    assert running.workers() == before
    assert ask(address).status == 200
    (tmp_path / "cfg").write_text(good)
    running.reload()
    assert running.workers() != before
    assert ask(address).status == 200


def test_a_first_start_that_fails(tmp_path: Path, site: Any, run_once: Any) -> None:
    with socket.create_server(site[1]):
        failed = run_once("-W", "-f", "cfg", "-p", "pid")
    assert failed.returncode == 1
    assert "Address already in use" in failed.stderr
    assert (tmp_path / "pid").read_text() == ""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGUSR1, 0)])
def test_how_it_ends(site: Any, master: Any, number: signal.Signals, status: int) -> None:
    running = master("-p", "pid")
    (worker,) = running.workers()
    assert int((Path(running._errors.name).parent / "pid").read_text()) == running.process.pid
    assert running.end(number) == status
    assert running.notice() == "STOPPING=1"
    assert f"Current worker ({worker}) exited with code" in running.errors
    assert f"All workers exited. Exiting... ({status})" in running.errors


def test_a_soft_stop_waits_for_streams(site: Any, master: Any, ask: Any) -> None:
    web, address = site
    web.holding = threading.Event()
    running = master()
    answers: list[int] = []
    held = threading.Thread(target=lambda: answers.append(ask(address, "/hold", patience_s=300).status))
    held.start()
    web.arrived.acquire()
    running.process.send_signal(signal.SIGUSR1)
    assert running.notice() == "STOPPING=1"
    web.holding.set()
    held.join()
    assert answers == [200]
    assert running.process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_the_master_is_killed(site: Any, master: Any, ask: Any, wait_gone: Any, tmp_path: Path, workers: int) -> None:
    web, address = site
    change(tmp_path, "nbthread 1", f"nbthread {workers}")
    web.holding = threading.Event()
    running = master()
    (worker,) = running.workers()
    answers: list[int] = []
    held = threading.Thread(target=lambda: answers.append(ask(address, "/hold", patience_s=300).status))
    held.start()
    web.arrived.acquire()
    running.process.kill()
    running.process.wait()
    web.holding.set()
    held.join()
    assert answers == [200]
    wait_gone(worker)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_the_worker_is_killed(site: Any, master: Any) -> None:
    running = master()
    os.kill(running.workers()[0], signal.SIGKILL)
    assert running.process.wait(PATIENCE_S) == 137
    assert "exit-on-failure: killing every processes with SIGTERM" in running.errors


def test_no_exit_on_failure(site: Any, master: Any, ask: Any, tmp_path: Path, eventually: Any) -> None:
    change(tmp_path, "global\n", "global\n    master-worker no-exit-on-failure\n")
    running = master()
    os.kill(running.workers()[0], signal.SIGKILL)
    eventually(lambda: "the master waits for a reload" in running.errors, "the master to notice")
    running.reload()
    assert ask(site[1]).status == 200
    assert running.end() == 0


def test_a_process_of_several_is_killed(site: Any, master: Any, ask: Any, tmp_path: Path, eventually: Any) -> None:
    change(tmp_path, "nbthread 1", "nbthread 2")
    running = master()
    (worker,) = running.workers()
    members = [int(pid) for pid in Path(f"/proc/{worker}/task/{worker}/children").read_text().split()]
    os.kill(members[0], signal.SIGKILL)
    eventually(lambda: "another one takes its place" in running.errors, "the worker to notice")
    running.reload()
    assert ask(site[1]).status == 200
    assert running.end() == 0


def test_max_reloads(site: Any, master: Any, tmp_path: Path, ask: Any, eventually: Any) -> None:
    web, address = site
    change(tmp_path, "global\n", "global\n    mworker-max-reloads 1\n")
    web.holding = threading.Event()
    running = master()
    (first,) = running.workers()
    with socket.create_connection(address) as held:
        held.sendall(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        web.arrived.acquire()
        running.reload()
        assert first in running.workers()
        running.reload()
        eventually(lambda: first not in running.workers(), "the oldest worker to be ended")
        eventually(lambda: f"Former worker ({first}) exited with code 143 (Terminated)" in running.errors, "its end to be told")
    web.holding.set()


def test_hard_stop_after_limits_the_old_worker(site: Any, master: Any, tmp_path: Path, eventually: Any) -> None:
    web, address = site
    change(tmp_path, "global\n", "global\n    hard-stop-after 100ms\n")
    web.holding = threading.Event()
    running = master()
    (first,) = running.workers()
    with socket.create_connection(address) as held:
        held.sendall(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        web.arrived.acquire()
        running.reload()
        eventually(lambda: first not in running.workers(), "the old worker to leave")
    web.holding.set()
    assert "performing a hard-stop" in running.errors


def test_a_master_takes_over_from_a_master(site: Any, master: Any, ask: Any, wait_gone: Any) -> None:
    _, address = site
    old = master()
    load = Load(address, ask)
    try:
        new = master("-sf", str(old.process.pid))
        assert old.process.wait(PATIENCE_S) == 0
    finally:
        seen = load.stop()
    assert set(seen) == {"200"}
    assert new.end() == 0


def test_a_daemon(site: Any, run_once: Any, daemons: Any, ask: Any, wait_gone: Any) -> None:
    _, address = site
    started = run_once("-W", "-D", "-f", "cfg", "-p", "pid")
    assert started.returncode == 0
    pid = daemons()
    children = Path(f"/proc/{pid}/task/{pid}/children")
    (worker,) = map(int, children.read_text().split())
    os.kill(pid, signal.SIGHUP)
    wait_gone(worker)
    assert ask(address).status == 200
    os.kill(pid, signal.SIGTERM)
    wait_gone(pid)


def test_no_master_at_the_other_end(site: Any, run_once: Any) -> None:
    failed = run_once("-f", "cfg", "-x", "sockpair@77")
    assert failed.returncode == 1
    assert "no master at the other end of 'sockpair@77'" in failed.stderr


def say(path: Path, text: str) -> str:
    """One connection to a socket for commands: what is said, and all that is answered."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(str(path))
        sock.sendall(text.encode())
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while octets := sock.recv(65536):
            answer += octets
    return answer.decode()


def test_the_master_socket(site: Any, master: Any, tmp_path: Path, ask: Any) -> None:
    path = tmp_path / "m"
    running = master("-S", f"{path},mode,600")
    assert path.stat().st_mode & 0o777 == 0o600
    (worker,) = running.workers()
    table = say(path, "show proc\n").splitlines()
    assert table[0] == "#<PID>          <type>          <reloads>       <uptime>        <version>      "
    assert table[1].split()[:5] == [str(running.process.pid), "master", "0", "[failed:", "0]"]
    assert (table[2], table[3].split()[:3], table[4:]) == ("# workers", [str(worker), "worker", "0"], ["# programs", ""])
    assert say(path, "@1 show version; show version\n") == say(path, "show version\n") * 2
    assert f"\nPid: {worker}\n" in say(path, f"@!{worker} show info\n")
    assert say(path, "@1; show cli level; show version\n").startswith("admin\n\n")
    assert say(path, "@7 show info\n") == "Can't find the target PID matching the prefix '@7'\n"
    assert say(path, "bogus\n").startswith("Unknown command, but maybe one of the following ones is a better match:\n")
    assert "  reload                                  : reload haproxy\n" in say(path, "help\n")
    assert say(path, "prompt\n@1\nshow version\n@master\nquit\n").startswith(f"\nmaster> {worker}> ")
    assert say(path, "operator; user; reload\n") == "\n\nPermission denied\n\n"


def test_reload_over_the_master_socket(site: Any, master: Any, tmp_path: Path, ask: Any, wait_gone: Any) -> None:
    path = tmp_path / "m"
    running = master("-S", str(path))
    (worker,) = running.workers()
    assert say(path, "reload\n").startswith("Success=1\n--\n")
    assert running.workers()[-1] != worker
    wait_gone(worker)
    good = (tmp_path / "cfg").read_text()
    (tmp_path / "cfg").write_text(good + "    nonsense\n")
    answer = say(path, "reload\n")
    assert answer.startswith("Success=0\n--\n")
    assert "unknown keyword 'nonsense'" in answer
    assert "2 [failed: 1]" in say(path, "show proc\n")


def test_a_stats_socket_is_answered(site: Any, master: Any, tmp_path: Path, ask: Any, eventually: Any) -> None:
    _, address = site
    path = tmp_path / "s"
    change(tmp_path, "global\n", f"global\n    stats socket {path} mode 600 level admin\n    nbthread 2\n")
    change(tmp_path, "    nbthread 1\n", "")
    running = master()
    assert say(path, "set weight site/one 9\n") == "\n"
    assert say(path, "get weight site/one\n") == "9 (initial 1)\n\n"
    assert say(path, "disable server site/one\n") == "\n"
    assert ask(address).status == 503
    running.reload()
    assert ask(address).status == 503
    assert say(path, "enable server site/one; get weight site/one; set weight site/none 1\n") == (
        "\n9 (initial 1)\n\nNo such server.\n\n")
    # where the old worker has answered, which had not heard yet that it is to finish, it tells the new one
    eventually(lambda: ask(address).status == 200, "the server to be back")
    assert "site,one," in say(path, "show stat\n")
    assert running.end() == 0
