"""Two workers and their master: one load balancer for its clients, whoever of the two they come to."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import select
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

HEAD = """\
global
    nbthread 2
    GLOBAL
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    timeout queue 20s
"""
PATIENCE_S = 20.0


class Site:
    """A configuration that is served by two workers."""

    def __init__(self, running: Any, address: tuple[str, int], ask: Callable[..., Any], eventually: Callable[..., Any]) -> None:
        self.running = running
        self.address = address
        self._ask = ask
        self._eventually = eventually

    @property
    def master(self) -> int:
        return int(self.running.pid)

    def workers(self) -> list[int]:
        """The pids of the workers, in the order of their age."""
        return [int(pid) for pid in Path(f"/proc/{self.master}/task/{self.master}/children").read_text().split()]

    def ask(self, target: str = "/", *fields: str, **how: Any) -> Any:
        """One request on a connection of its own."""
        return self._ask(self.address, target, *fields, **how)

    def row(self, service: str, proxy: str = "site") -> dict[str, str]:
        """A row of the statistics."""
        text = self.ask("/admin;csv").text.removeprefix("# ")
        return next(row for row in csv.DictReader(io.StringIO(text)) if (row["pxname"], row["svname"]) == (proxy, service))

    def act(self, action: str, *servers: str) -> None:
        """What an administrator does on the page."""
        body = "&".join([*(f"s={name}" for name in servers), f"action={action}", "b=site"]).encode()
        answer = self.ask("/admin", "Content-Type: application/x-www-form-urlencoded", method="POST", body=body)
        assert (answer.status, answer.field("location")) == (303, "/admin;st=DONE")

    def client_of_each(self) -> tuple[Client, Client]:
        """Two clients that stay, each with another worker."""
        found: dict[int, Client] = {}
        for _ in range(200):
            client = Client(self)
            if client.worker in found:
                client.close()
            else:
                found[client.worker] = client
            if len(found) == 2:
                first, second = (found[pid] for pid in self.workers())
                return first, second
        raise AssertionError(f"every client came to {found.keys()}")


class Client:
    """A connection that is kept, and the pid of the worker that it came to."""

    def __init__(self, site: Site) -> None:
        self._sock = socket.create_connection(site.address, timeout=PATIENCE_S)
        self.get()
        self.worker = site._eventually(lambda: holder_of(self._sock, site.workers()), "the worker that has the connection")

    def get(self, target: str = "/", *fields: str) -> str:
        """One request; the body of its answer."""
        self.send(target, *fields)
        return self.receive()[1]

    def send(self, target: str = "/", *fields: str) -> None:
        self._sock.sendall("\r\n".join((f"GET {target} HTTP/1.1", "Host: x", *fields, "", "")).encode())

    def receive(self) -> tuple[int, str]:
        """The status and the body of an answer that has a length."""
        octets = b""
        while b"\r\n\r\n" not in octets:
            octets += self._more()
        head, _, body = octets.partition(b"\r\n\r\n")
        lengths = [line.partition(b":")[2] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        while len(body) < int(lengths[0]):
            body += self._more()
        return int(head.split()[1]), body.decode()

    def _more(self) -> bytes:
        octets = self._sock.recv(65536)
        if not octets:
            raise ConnectionError("the connection has ended")
        return octets

    def close(self) -> None:
        self._sock.close()


def holder_of(client: socket.socket, pids: list[int]) -> int | None:
    """Which process has the other end of a connection."""
    wanted = f"{client.getpeername()[1]:04X} {client.getsockname()[1]:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if f"{words[1].partition(':')[2]} {words[2].partition(':')[2]}" == wanted:
            for pid in pids:
                for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                    with contextlib.suppress(OSError):
                        if os.readlink(descriptor) == f"socket:[{words[9]}]":
                            return pid
    return None


@pytest.fixture
def serve(
    tmp_path: Path, command: Callable[..., Any], free_port: Callable[[], int], ask: Callable[..., Any],
    eventually: Callable[..., Any],
) -> Iterator[Callable[..., Site]]:
    """serve(lines of a listen section, lines of the global one): the site, served by two workers."""

    def start(lines: str, in_global: str = "maxconn 500", **how: Any) -> Site:
        address = ("127.0.0.1", free_port())
        (tmp_path / "cfg").write_text(
            HEAD.replace("GLOBAL", in_global) + f"listen site\n    bind 127.0.0.1:{address[1]}\n    stats uri /admin\n"
            "    stats admin if TRUE\n" + "".join(f"    {line.strip()}\n" for line in lines.strip().splitlines()))
        return Site(command("-db", "-f", "cfg", **how), address, ask, eventually)

    return start


def servers(*origins: Any, **options: str) -> str:
    """Server lines for origins, named after them."""
    return "\n".join(f"server {each.name} 127.0.0.1:{each.port} {options.get(each.name, '')}" for each in origins)


# -- one balancer -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("weights", "order"), [((1, 1, 1), "abc"), ((3, 2, 1), "abacab")])
def test_turns_are_taken_strictly_whichever_worker_is_asked(serve: Any, origin: Any, weights: Any, order: str) -> None:
    webs = [origin(name) for name in "abc"]
    site = serve(servers(*webs, **{name: f"weight {weight}" for name, weight in zip("abc", weights, strict=True)}))
    first, second = site.client_of_each()
    picked = "".join((first, second)[number * 7 % 5 % 2].get() for number in range(4 * len(order)))
    assert picked in order * 6
    first.close()
    second.close()


def test_a_change_of_weights_changes_the_turns_of_both(serve: Any, origin: Any) -> None:
    webs = [origin(name) for name in "abc"]
    site = serve(servers(*webs))
    first, second = site.client_of_each()
    site.act("maint", "b")
    picked = "".join(client.get() for _ in range(6) for client in (first, second, second))
    assert picked in ("ac" * 9, "ca" * 9)
    site.act("ready", "b")
    picked = "".join(client.get() for _ in range(6) for client in (first, second, second))
    assert picked in "abc" * 7
    first.close()
    second.close()


def test_under_load_every_server_gets_exactly_its_share(serve: Any, origin: Any) -> None:
    webs = [origin(name) for name in "ab"]
    site = serve(servers(*webs))
    per_client, clients = 50, 8

    def client(_: int) -> Counter[str]:
        one = Client(site)
        seen = Counter(one.get() for _ in range(per_client))
        one.close()
        return seen

    with ThreadPoolExecutor(clients) as pool:
        seen = sum(pool.map(client, range(clients)), Counter())
    assert seen.total() == per_client * clients
    asked = Counter(web.name for web in webs for _ in web.seen)
    assert asked["a"] == asked["b"] == (per_client + 1) * clients // 2


def test_a_cookie_sticks_whichever_worker_is_asked(serve: Any, origin: Any) -> None:
    webs = [origin(name) for name in "abc"]
    site = serve("cookie SRV insert indirect\n" + servers(*webs, a="cookie a", b="cookie b", c="cookie c"))
    first, second = site.client_of_each()
    for name in "abc":
        picked = [client.get("/", f"Cookie: SRV={name}") for _ in range(4) for client in (first, second)]
        assert picked == [name] * 8
    first.close()
    second.close()


# -- one set of numbers -------------------------------------------------------------------------------------------------------


def test_counters_are_exact_sums(serve: Any, origin: Any) -> None:
    web = origin("a")
    site = serve("option httpclose\n" + servers(web))
    requests, clients = 25, 8
    with ThreadPoolExecutor(clients) as pool:
        statuses = list(pool.map(lambda _: [site.ask("/").status for _ in range(requests)], range(clients)))
    assert {status for each in statuses for status in each} == {200}
    total = requests * clients
    server, back, front = site.row("a"), site.row("BACKEND"), site.row("FRONTEND")
    assert [int(server[name]) for name in ("stot", "hrsp_2xx", "lbtot", "connect")] == [total] * 4
    assert [int(back[name]) for name in ("stot", "hrsp_2xx", "lbtot")] == [total] * 3
    assert int(front["req_tot"]) == total + 3
    assert int(front["conn_tot"]) == total + 3
    assert int(server["bout"]) % total == 0
    assert int(server["bin"]) % total == 0
    assert (server["scur"], server["qcur"], back["scur"]) == ("0", "0", "0")
    assert 1 <= int(server["smax"]) <= 2 * clients          # the next one may come before the last has been counted out
    metrics = site.ask("/admin;typed").text
    assert f".stot.1:MCP:u64:{total}\n" in metrics


def test_the_greatest_number_at_once_is_that_of_both_together(serve: Any, origin: Any, eventually: Any) -> None:
    web = origin("a")
    web.holding = threading.Event()
    site = serve(servers(web))
    first, second = site.client_of_each()
    for client in (first, second):
        client.send("/hold")
    eventually(lambda: site.row("a")["scur"] == "2", "both to be at the server")
    web.holding.set()
    assert [client.receive() for client in (first, second)] == [(200, "a")] * 2
    assert eventually(lambda: site.row("a")["scur"] == "0", "both to be over")
    assert site.row("a")["smax"] == "2"
    first.close()
    second.close()


def test_the_page_and_the_log_show_the_masters_pid(serve: Any, origin: Any, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as syslog:
        syslog.bind(("127.0.0.1", 0))
        syslog.settimeout(PATIENCE_S)
        web = origin("a")
        site = serve(f"log 127.0.0.1:{syslog.getsockname()[1]} local0\nlog-format %pid:%rt\n" + servers(web))
        first, second = site.client_of_each()
        page = site.ask("/admin").text
        assert f"{site.master} (process #1, nbproc = 1, nbthread = 2)" in page
        for _ in range(5):
            for client in (first, second):
                client.get()
        first.close()
        second.close()
        site.running.signal(signal.SIGUSR1)
        site.running.wait()
        syslog.setblocking(False)
        lines = []
        with contextlib.suppress(BlockingIOError):
            while True:
                lines.append(syslog.recv(4096).decode().strip())
    seen = [match.groups() for line in lines if (match := re.search(r"\]: (\d+):(\d+)$", line))]
    assert {pid for pid, _ in seen} == {str(site.master)}
    assert all(f"[{site.master}]: " in line for line in lines)
    assert sorted(int(number) for _, number in seen) == list(range(len(seen)))


# -- limits -------------------------------------------------------------------------------------------------------------------


def test_maxconn_of_a_server_holds_for_both_and_each_serves_its_own_in_order(serve: Any, origin: Any, eventually: Any) -> None:
    web = origin("a")
    site = serve(servers(web, a="maxconn 1"))
    first, second = site.client_of_each()
    web.holding = threading.Event()
    clients = [first, second, *site.client_of_each(), *site.client_of_each(), *site.client_of_each()]
    for number, client in enumerate(clients):
        client.send(f"/hold/{number}")
        eventually(lambda number=number: int(site.row("BACKEND")["qcur"]) == number, f"number {number} to be in line")
    assert site.row("a")["scur"] == "1"
    web.holding.set()
    assert [client.receive()[0] for client in clients] == [200] * len(clients)
    order = [int(path.rpartition("/")[2]) for _, path, _ in web.seen if path.startswith("/hold")]
    assert sorted(order) == list(range(len(clients)))
    # the oldest of all is next (test_shared_queue), unless its worker is not let run for LOOK_AGAIN_MS, as on a busy machine
    for own in (0, 1):
        assert [number for number in order if number % 2 == own] == list(range(own, len(clients), 2))
    assert (site.row("a")["smax"], site.row("BACKEND")["qmax"]) == ("1", str(len(clients) - 1))
    for client in clients:
        client.close()


def test_maxconn_of_a_server_is_exceeded_by_one_at_the_most(serve: Any, origin: Any, eventually: Any) -> None:
    web = origin("a")
    limit, clients, requests = 3, 16, 30
    site = serve(servers(web, a=f"maxconn {limit}"))

    def client(_: int) -> int:
        one = Client(site)
        good = sum(one.get() == "a" for _ in range(requests))
        one.close()
        return good

    with ThreadPoolExecutor(clients) as pool:
        assert sum(pool.map(client, range(clients))) == clients * requests
    # an answer may come to its client before the other worker, which is asked here, sees that its stream is over
    row = eventually(lambda: row if (row := site.row("a"))["scur"] == "0" else None, "all to be over")
    assert limit <= int(row["smax"]) <= limit + 1
    assert (row["qcur"], site.row("BACKEND")["qcur"]) == ("0", "0")


@pytest.mark.parametrize("where", ["section", "bind", "global"])
def test_maxconn_of_the_front_side_holds_for_both(
    serve: Any, origin: Any, eventually: Any, where: str, free_port: Any, ask: Any
) -> None:
    """Whom the limit does not let in waits until somebody leaves, though it be with the other worker."""
    web = origin("a")
    port = free_port()
    lines = {"section": "maxconn 4", "bind": f"bind 127.0.0.1:{port} maxconn 4", "global": ""}[where]
    site = serve(f"{lines}\n{servers(web)}", "maxconn 4" if where == "global" else "maxconn 50")
    address = ("127.0.0.1", port) if where == "bind" else site.address
    waiting = [socket.create_connection(address, timeout=PATIENCE_S) for _ in range(24)]
    for sock in waiting:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    answered = 0
    while waiting:
        ready, _, _ = select.select(waiting, [], [], PATIENCE_S)
        assert ready, f"{answered} were answered, nobody else is"
        assert len(ready) <= 5
        ready[0].recv(65536)
        ready[0].close()
        waiting.remove(ready[0])
        answered += 1


# -- one administrator --------------------------------------------------------------------------------------------------------


def test_what_an_administrator_does_holds_at_once_in_both(serve: Any, origin: Any) -> None:
    webs = [origin(name) for name in "ab"]
    site = serve(servers(*webs, a="cookie a", b="cookie b") + "\ncookie SRV insert indirect")
    first, second = site.client_of_each()
    for gone, left in (("a", "b"), ("b", "a")) * 5:
        site.act("maint", gone)
        assert [client.get() for client in (first, second, second, first)] == [left] * 4
        assert [client.get("/", f"Cookie: SRV={gone}") for client in (first, second)] == [left] * 2
        assert site.row(gone)["status"] == "MAINT"
        site.act("drain", gone)
        assert [client.get() for client in (first, second)] == [left] * 2
        assert [client.get("/", f"Cookie: SRV={gone}") for client in (first, second)] == [gone] * 2
        site.act("ready", gone)
        assert {first.get(), first.get()} == {second.get(), second.get()} == {"a", "b"}
    first.close()
    second.close()


def test_sessions_are_ended_in_both(serve: Any, origin: Any, eventually: Any) -> None:
    web = origin("a")
    site = serve(servers(web))
    first, second = site.client_of_each()
    web.holding = threading.Event()
    for client in (first, second):
        client.send("/hold")
    eventually(lambda: site.row("a")["scur"] == "2", "both to be at the server")
    site.act("shutdown", "a")
    assert [client.receive()[0] for client in (first, second)] == [502, 502]
    eventually(lambda: site.row("a")["scur"] == "0", "both to be gone")
    web.holding.set()
    first.close()
    second.close()


def test_checks_are_made_once_and_both_hear_of_them(serve: Any, origin: Any, eventually: Any) -> None:
    webs = [origin(name) for name in "ab"]
    site = serve("option httpchk GET /check\n" + servers(*webs, a="check inter 50 fall 2", b="check inter 50"))
    first, second = site.client_of_each()
    eventually(lambda: site.row("a")["check_status"] == "L7OK", "a check")
    webs[0].close()
    eventually(lambda: site.row("a")["status"] == "DOWN", "the fall")
    assert [client.get() for client in (first, second, first, second)] == ["b"] * 4
    row = site.row("a")
    assert (row["chkdown"], row["check_status"]) == ("1", "L4CON")
    assert int(row["downtime"]) >= 0
    first.close()
    second.close()


def test_errors_seen_by_both_count_as_one_row_of_errors(serve: Any, origin: Any, eventually: Any) -> None:
    webs = [origin(name) for name in "ab"]
    site = serve(
        "retries 0\nhttp-check expect status 404\n"
        + servers(*webs, a="check inter 1h observe layer7 error-limit 4 on-error mark-down", b="backup"))
    first, second = site.client_of_each()
    webs[0].status = 500
    for client in (first, second, first):
        client.get()
    assert site.row("a")["status"] == "UP"
    webs[0].status = 200
    assert second.get() == "a"                  # one that is well begins the count anew
    webs[0].status = 500
    for client in (first, second, first, second):
        client.get()
    eventually(lambda: site.row("a")["status"].startswith("DOWN"), "the fall")
    assert site.row("a")["hanafail"] == "1"
    assert (first.get(), second.get()) == ("b", "b")
    first.close()
    second.close()


# -- ends ---------------------------------------------------------------------------------------------------------------------


def test_a_worker_that_is_killed_costs_its_own_connections_only(serve: Any, origin: Any, eventually: Any) -> None:
    web = origin("a")
    site = serve(servers(web, a="maxconn 2"))
    first, second = site.client_of_each()
    for _ in range(10):
        first.get()
        second.get()
    before = {name: int(site.row("a")[name]) for name in ("stot", "hrsp_2xx", "bout", "lbtot")}
    web.holding = threading.Event()
    for client in (first, second):
        client.send("/hold")
    eventually(lambda: site.row("a")["scur"] == "2", "both to be at the server")
    os.kill(first.worker, signal.SIGKILL)
    with pytest.raises(ConnectionError):
        first.receive()
    eventually(lambda: len(site.workers()) == 2 and first.worker not in site.workers(), "another worker")
    eventually(lambda: site.row("a")["scur"] == "1", "its slot to be free")
    web.holding.set()
    assert second.receive() == (200, "a")
    new, other = site.client_of_each()
    assert {new.worker, other.worker} == set(site.workers())
    assert new.get() == other.get() == second.get() == "a"
    after = site.row("a")
    assert all(int(after[name]) > value for name, value in before.items())
    assert (after["scur"], after["qcur"]) == ("0", "0")
    eventually(lambda: site.row("FRONTEND")["scur"] == "4", "clients that have left to be counted out")
    for client in (first, second, new, other):
        client.close()
    site.running.signal(signal.SIGTERM)
    site.running.wait()
    assert "was killed by SIGKILL; another one takes its place." in site.running.errors


def test_killed_workers_under_load_lose_nobody_elses_requests(serve: Any, origin: Any, eventually: Any) -> None:
    web = origin("a")
    site = serve(servers(web))
    seen: Counter[str] = Counter()
    over = threading.Event()

    def load() -> None:
        while not over.is_set():
            client = None
            try:
                client = Client(site)
                while not over.is_set():
                    client.get()
                    seen["good"] += 1
            except (OSError, AssertionError, IndexError):
                seen["lost"] += 1
            finally:
                if client is not None:
                    client.close()

    threads = [threading.Thread(target=load) for _ in range(6)]
    for thread in threads:
        thread.start()
    killed = 3
    for _ in range(killed):
        good = seen["good"]
        eventually(lambda good=good: seen["good"] > good + 100, "some requests")
        victim = site.workers()[0]
        os.kill(victim, signal.SIGKILL)
        eventually(lambda victim=victim: victim not in site.workers() and len(site.workers()) == 2, "another worker")
    good = seen["good"]
    eventually(lambda: seen["good"] > good + 100, "some more requests")
    over.set()
    for thread in threads:
        thread.join()
    assert seen["lost"] <= killed * len(threads)
    assert int(site.row("a")["hrsp_2xx"]) >= seen["good"]


def test_without_their_master_workers_finish_and_leave(serve: Any, origin: Any, eventually: Any, wait_gone: Any) -> None:
    web = origin("a")
    site = serve(servers(web))
    first, second = site.client_of_each()
    pids = site.workers()
    web.holding = threading.Event()
    first.send("/hold")
    web.arrived.acquire()
    eventually(lambda: any(path == "/hold" for _, path, _ in web.seen), "the request to arrive")
    os.kill(site.master, signal.SIGKILL)
    wait_gone(second.worker)
    eventually(lambda: refuses(site.address), "the address to be free")
    web.holding.set()
    assert first.receive() == (200, "a")
    for pid in pids:
        wait_gone(pid)
    first.close()
    second.close()


def refuses(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, -15), (signal.SIGINT, -2), (signal.SIGUSR1, 0)])
def test_how_both_end(serve: Any, origin: Any, wait_gone: Any, number: int, status: int) -> None:
    web = origin("a")
    site = serve(servers(web))
    first, second = site.client_of_each()
    pids = site.workers()
    for pid in pids:
        os.kill(pid, number)                    # means nothing to a worker: a terminal's Ctrl-C comes to all of them
    assert (first.get(), second.get()) == ("a", "a")
    site.running.signal(number)
    assert site.running.wait() == status
    for pid in pids:
        wait_gone(pid)
    assert "Traceback" not in site.running.errors
    assert ("Proxy site stopped (cumulated conns: FE: " in site.running.errors) == (number == signal.SIGUSR1)
    first.close()
    second.close()


def pending_signals(pid: int) -> int:
    """Those sent to a process that it has not seen yet, as a set of bits. Source: proc_pid_status(5), ShdPnd."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(text.partition("ShdPnd:")[2].split()[0], 16)


def test_pausing_pauses_both(serve: Any, origin: Any, eventually: Any) -> None:
    site = serve(servers(origin("a")))
    site.running.signal(signal.SIGTTOU)
    eventually(lambda: refuses(site.address), "both to be paused")
    site.running.signal(signal.SIGTTIN)
    eventually(lambda: site.ask("/").status == 200, "one to be back")
    first, second = site.client_of_each()
    first.close()
    second.close()
    site.running.signal(signal.SIGHUP)
    site.running.signal(signal.SIGQUIT)
    eventually(lambda: not pending_signals(site.master), "signals to have come: those that come at once have no order")
    site.running.signal(signal.SIGUSR1)
    site.running.wait()
    assert site.running.errors.count("Paused proxy site.") == site.running.errors.count("Resumed proxy site.") == 1
    assert site.running.errors.count("SIGHUP: Server site/a is UP. Conn: ") == 1
    assert site.running.errors.count("Dumping memory usage: ") == 2
