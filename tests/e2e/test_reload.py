"""`pyproxy -f cfg -D -p pid -sf $(cat pid)`: no connection refused, none in flight lost."""

from __future__ import annotations

import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.engine.handover import take_over
from proxy.runtime.states import Admin

CONFIGURATION = """\
global
    nbthread 2
defaults
    mode http
    timeout connect 1s
    timeout client 300s
    timeout server 300s
listen site
    bind 127.0.0.1:PORT
    server one 127.0.0.1:ORIGIN
"""


@pytest.fixture
def site(tmp_path: Path, free_port: Callable[[], int], origin: Callable[..., Any]) -> tuple[Any, tuple[str, int]]:
    web = origin("one")
    port = free_port()
    (tmp_path / "cfg").write_text(CONFIGURATION.replace("PORT", str(port)).replace("ORIGIN", str(web.port)))
    return web, ("127.0.0.1", port)


class Load:
    """Clients that ask again and again, each request on a connection of its own, and what became of them."""

    def __init__(self, address: tuple[str, int] | str, ask: Callable[..., Any], clients: int = 4) -> None:
        self.seen: Counter[str] = Counter()
        self._over = threading.Event()
        self._arguments = (address, ask)
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        address, ask = self._arguments
        while not self._over.is_set():
            try:
                self.seen[str(ask(address).status)] += 1
            except Exception as error:
                self.seen[type(error).__name__] += 1

    def stop(self) -> Counter[str]:
        self._over.set()
        for thread in self._threads:
            thread.join()
        return self.seen


@pytest.mark.parametrize("workers", [(1, 1, 1, 1), (2, 2, 2, 2), (1, 3, 2, 1)], ids=str)
def test_nothing_is_refused_and_nothing_lost(
    site: Any, run_once: Any, daemons: Any, ask: Any, wait_gone: Any, eventually: Any, tmp_path: Path, workers: tuple[int, ...]
) -> None:
    web, address = site
    first, *others = ((tmp_path / "cfg").read_text().replace("nbthread 2", f"nbthread {count}") for count in workers)
    (tmp_path / "cfg").write_text(first)
    web.holding = threading.Event()
    assert run_once("-D", "-f", "cfg", "-p", "pid").returncode == 0
    pids = [daemons()]
    answers: list[Any] = []
    in_flight = []
    load = Load(address, ask)
    try:
        for configuration in others:
            (tmp_path / "cfg").write_text(configuration)
            in_flight.append(threading.Thread(target=lambda: answers.append(ask(address, "/hold", patience_s=300))))
            in_flight[-1].start()
            eventually(lambda: sum(path == "/hold" for _, path, _ in list(web.seen)) == len(in_flight), "the request to arrive")
            before = sum(load.seen.values())
            reloaded = run_once("-D", "-f", "cfg", "-p", "pid", "-sf", str(pids[-1]))
            assert (reloaded.returncode, reloaded.stderr) == (0, "")
            pids.append(daemons())
            eventually(lambda before=before: sum(load.seen.values()) > before + 20, "some requests after the reload")
    finally:
        seen = load.stop()
        web.holding.set()
    assert len(set(pids)) == len(workers)
    assert set(seen) == {"200"}
    for thread in in_flight:
        thread.join()
    assert [answer.status for answer in answers] == [200] * len(others)
    for pid in pids[:-1]:
        wait_gone(pid)
    assert ask(address).status == 200


STATISTICS = """\
listen stats
    mode http
    bind 127.0.0.1:STATS
    stats enable
    stats uri /
    stats admin if TRUE
"""


FORM = "Content-Type: application/x-www-form-urlencoded"


def row_of(ask: Any, address: tuple[str, int], proxy: str, service: str) -> dict[str, str]:
    """A row of the statistics."""
    lines = ask(address, "/;csv").body.decode().splitlines()
    names = lines[0].removeprefix("# ").split(",")
    rows = [dict(zip(names, line.split(","), strict=False)) for line in lines[1:]]
    return next(row for row in rows if (row["pxname"], row["svname"]) == (proxy, service))


@pytest.mark.parametrize("workers", [1, 2])
def test_counters_and_states_go_on(
    site: Any, run_once: Any, daemons: Any, ask: Any, wait_gone: Any, eventually: Any, tmp_path: Path, workers: int,
    free_port: Callable[[], int],
) -> None:
    web, address = site
    stats = ("127.0.0.1", free_port())
    web.holding = threading.Event()
    (tmp_path / "cfg").write_text((tmp_path / "cfg").read_text().replace("nbthread 2", f"nbthread {workers}")
                                  + STATISTICS.replace("STATS", str(stats[1])))
    assert run_once("-D", "-f", "cfg", "-p", "pid").returncode == 0
    old = daemons()
    for _ in range(5):
        ask(address)
    held = threading.Thread(target=lambda: ask(address, "/hold", patience_s=300))
    held.start()
    eventually(lambda: any(path == "/hold" for _, path, _ in list(web.seen)), "the request to arrive")
    ask(stats, "/", FORM, method="POST", body=b"s=one&action=drain&b=site")
    replaced = old
    for _ in range(2):          # the one between has gone before the first, which it has followed
        assert run_once("-D", "-f", "cfg", "-p", "pid", "-sf", str(replaced)).returncode == 0
        if replaced != old:
            wait_gone(replaced)
        replaced = daemons()
        row = row_of(ask, stats, "site", "one")
        assert (row["status"], row["stot"]) == ("DRAIN", "6")
    before = int(row_of(ask, stats, "site", "BACKEND")["hrsp_2xx"])
    assert before == 5
    web.holding.set()           # what the old process still counts arrives too
    held.join()
    wait_gone(old)
    eventually(lambda: row_of(ask, stats, "site", "BACKEND")["hrsp_2xx"] == "6", "the last answer to be counted")


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_changed_while_a_new_process_starts_is_told_to_it(
    site: Any, command: Any, ask: Any, tmp_path: Path, workers: int, free_port: Callable[[], int]
) -> None:
    """This process is the new one: it has asked for everything, and is not ready yet."""
    stats = ("127.0.0.1", free_port())
    (tmp_path / "cfg").write_text((tmp_path / "cfg").read_text().replace("nbthread 2", f"nbthread {workers}")
                                  + STATISTICS.replace("STATS", str(stats[1])))
    old = command("-db", "-f", "cfg")
    inherited = take_over([old.pid])
    (predecessor,) = inherited.take_predecessors()
    assert not Admin(predecessor.legacy.servers["site", "one"].admin)
    ask(stats, "/", FORM, method="POST", body=b"s=one&action=drain&b=site")
    old.signal(signal.SIGUSR1)
    assert old.wait() == 0
    said = list(iter(predecessor.hear, None))         # once it is told to finish, and before it has gone
    assert {Admin(each["site", "one"].admin) for each in said} == {Admin.FDRAIN}
    predecessor.close()
    inherited.close()


def test_st_ends_the_old_one_at_once(site: Any, run_once: Any, daemons: Any, ask: Any, wait_gone: Any) -> None:
    web, address = site
    web.holding = threading.Event()
    assert run_once("-D", "-f", "cfg", "-p", "pid").returncode == 0
    old = daemons()
    with socket.create_connection(address) as sock:
        sock.sendall(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        web.arrived.acquire()
        assert run_once("-D", "-f", "cfg", "-p", "pid", "-st", str(old)).returncode == 0
        wait_gone(old)
        assert daemons() != old
    assert ask(address).status == 200


def test_a_reload_that_fails_changes_nothing(site: Any, run_once: Any, daemons: Any, ask: Any, tmp_path: Path) -> None:
    _, address = site
    assert run_once("-D", "-f", "cfg", "-p", "pid").returncode == 0
    old = daemons()
    (tmp_path / "bad").write_text((tmp_path / "cfg").read_text() + "nonsense\n")
    assert run_once("-D", "-f", "bad", "-p", "pid", "-sf", str(old)).returncode == 1
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = f"frontend other\n    bind 127.0.0.1:{holder.getsockname()[1]}\n"
        (tmp_path / "bad").write_text((tmp_path / "cfg").read_text() + taken)
        failed = run_once("-D", "-f", "bad", "-p", "pid", "-sf", str(old))
        assert failed.returncode == 1
        assert "Address already in use" in failed.stderr
    assert daemons() == old
    assert ask(address).status == 200


def test_an_old_process_that_shares_no_address_is_asked_to_pause(site: Any, run_once: Any, daemons: Any, ask: Any) -> None:
    _, address = site
    first, second = socket.socketpair()
    with first, second, socket.socket() as old:
        old.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        old.bind(address)
        old.listen()
        import os

        pid = os.fork()
        if pid == 0:
            # The "old process": holds the address until it is asked to pause, and ends when it is asked to finish.
            wanted = {signal.SIGTTOU, signal.SIGUSR1}
            signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
            first.send(b"r")
            signal.sigwait({signal.SIGTTOU})
            old.close()
            signal.sigwait({signal.SIGUSR1})
            os._exit(7)
        old.close()
        assert second.recv(1) == b"r"
        started = run_once("-D", "-f", "cfg", "-p", "pid", "-sf", str(pid))
        assert (started.returncode, started.stderr) == (0, "")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        daemons()
        assert ask(address).status == 200


@pytest.mark.parametrize("workers", [1, 2])
def test_x_gets_sockets_of_all_kinds_from_a_stats_socket(
    site: Any, run_once: Any, daemons: Any, ask: Any, wait_gone: Any, eventually: Any, tmp_path: Path, workers: int
) -> None:
    """Three times, under load: no connection is refused, also where nothing else than -x tells of the old process."""
    _, address = site
    path, stats = tmp_path / "web", tmp_path / "stats"
    exposed = f"nbthread {workers}\n    stats socket {stats} expose-fd listeners"
    text = (tmp_path / "cfg").read_text().replace("nbthread 2", exposed)
    (tmp_path / "cfg").write_text(text.replace("    server", f"    bind [::1]:{address[1]}\n    bind {path}\n    server"))
    assert run_once("-D", "-f", "cfg", "-p", "pid").returncode == 0
    pids = [daemons()]
    inode = path.stat().st_ino
    loads = [Load(where, ask, 2) for where in (address, ("::1", address[1]), str(path))]
    try:
        for _ in range(3):
            before = [sum(load.seen.values()) for load in loads]
            reloaded = run_once("-D", "-f", "cfg", "-p", "pid", "-x", str(stats), "-sf", str(pids[-1]))
            assert reloaded.returncode == 0
            assert "Failed to get the sockets" not in reloaded.stderr
            pids.append(daemons())
            eventually(
                lambda before=before: all(sum(load.seen.values()) > count + 5 for load, count in zip(loads, before, strict=True)),
                "requests after the reload")
    finally:
        seen = [set(load.stop()) for load in loads]
    assert seen == [{"200"}] * 3
    assert len(set(pids)) == 4
    assert path.stat().st_ino == inode
    for pid in pids[:-1]:
        wait_gone(pid)


def test_x_that_leads_nowhere(site: Any, run_once: Any, daemons: Any, tmp_path: Path, ask: Any) -> None:
    _, address = site
    started = run_once("-D", "-f", "cfg", "-p", "pid", "-x", str(tmp_path / "nothing"))
    assert started.returncode == 0
    assert "Failed to get the sockets from the old process" in started.stderr
    assert ask(address).status == 200
    daemons()
