"""The command line as a process: exit statuses, signals, the daemon and its pid file, failures to start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy import Proxy, StartError
from proxy.master.identity import find_identity

ROOT = Path(__file__).parents[2]
CONFIGURATION = """\
global
    GLOBAL
defaults
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 10s
listen site
    bind 127.0.0.1:PORT
    server one 127.0.0.1:ORIGIN
"""


@pytest.fixture
def write(tmp_path: Path, free_port: Callable[[], int]) -> Callable[..., tuple[str, int]]:
    """write(origin_port, global lines) gives an address after it has put the configuration into the test's folder."""

    def put(origin: int = 9, in_global: str = "maxconn 50") -> tuple[str, int]:
        port = free_port()
        text = CONFIGURATION.replace("PORT", str(port)).replace("ORIGIN", str(origin)).replace("GLOBAL", in_global)
        (tmp_path / "cfg").write_text(text)
        return "127.0.0.1", port

    return put


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, -15), (signal.SIGINT, -2), (signal.SIGUSR1, 0)])
@pytest.mark.parametrize("flag", ["-db", "-d"])
def test_how_it_ends(write: Any, command: Any, number: int, status: int, flag: str) -> None:
    write()
    running = command(flag, "-f", "cfg")
    running.signal(number)
    assert running.wait() == status
    assert "Traceback" not in running.errors
    assert ("Proxy site stopped (cumulated conns: FE: 0, BE: 0)." in running.errors) == (number == signal.SIGUSR1)


def test_a_program_that_serves_need_not_say_which_it_is(write: Any, command: Any, origin: Any, ask: Any, eventually: Any) -> None:
    address = write(origin("one").port)
    running = command("-db", "-f", "cfg", ready=False)
    eventually(lambda: ask(address).status == 200, "an answer")
    running.signal(signal.SIGUSR1)
    assert running.wait() == 0
    assert running.errors == f"[WARNING]  ({running.pid}) : Proxy site stopped (cumulated conns: FE: 1, BE: 1).\n"


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_it_serves(write: Any, command: Any, origin: Any, ask: Any, loop: str) -> None:
    address = write(origin("one").port)
    running = command("-db", "-f", "cfg", environment={"PYPROXY_LOOP": loop})
    assert ask(address).text == "one"
    running.signal(signal.SIGUSR1)
    assert running.wait() == 0


def test_a_soft_stop_waits_for_the_request_under_way(write: Any, command: Any, origin: Any, ask: Any, eventually: Any) -> None:
    slow = origin("slow")
    slow.holding = threading.Event()
    address = write(slow.port)
    running = command("-db", "-f", "cfg")
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(ask(address, "/hold")))
    asking.start()
    slow.arrived.acquire()
    running.signal(signal.SIGUSR1)
    eventually(lambda: refused(address), "the listener to be gone")
    assert running.process.poll() is None
    slow.holding.set()
    asking.join()
    assert answers[0].status == 200
    assert running.wait() == 0


def test_hard_stop_after_limits_a_soft_stop(write: Any, command: Any, origin: Any) -> None:
    slow = origin("slow")
    slow.holding = threading.Event()
    address = write(slow.port, "hard-stop-after 50ms")
    running = command("-db", "-f", "cfg")
    with socket.create_connection(address) as sock:
        sock.sendall(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        slow.arrived.acquire()
        running.signal(signal.SIGUSR1)
        assert running.wait() == 0
    assert "soft-stop running for too long" in running.errors


@pytest.mark.parametrize(("flag", "shown"), [("-V", True), ("-d", True), ("-db", False), ("-q", False)])
def test_who_asks_for_more_hears_what_starts(write: Any, command: Any, origin: Any, flag: str, shown: bool) -> None:
    write(origin("one").port, "node x")
    running = command(flag, "-f", "cfg")
    running.signal(signal.SIGUSR1)
    assert running.wait() == 0
    assert ("Using epoll() as the polling mechanism.\nEvent loop : uvloop " in running.output) == shown
    assert ("Note: setting global.maxconn to " in running.errors) == shown


TRACED = """\
00000000:site.accept(0001)=FD from [127.0.0.1:PORT] ALPN=<none>
00000000:site.clireq[FD:ffffffff]: GET /one HTTP/1.1
00000000:site.clihdr[FD:ffffffff]: host: x
00000000:site.srvrep[FD:ffffffff]: HTTP/1.1 200 OK
00000000:site.srvhdr[FD:ffffffff]: content-length: 3
00000001:site.clireq[FD:ffffffff]: GET /two HTTP/1.1
00000001:site.clihdr[FD:ffffffff]: host: x
00000001:site.clihdr[FD:ffffffff]: x-a: \\xe9
00000001:site.srvrep[FD:ffffffff]: HTTP/1.1 200 OK
00000001:site.srvhdr[FD:ffffffff]: content-length: 3
00000001:site.clicls[FD:ffffffff]
00000001:site.closed[FD:ffffffff]
"""


@pytest.mark.parametrize("word", ["", "accept-proxy"])
@pytest.mark.parametrize("flags", [["-d"], ["-d", "-q"]])
def test_debug_shows_what_passes(write: Any, command: Any, origin: Any, tmp_path: Path, word: str, flags: list[str]) -> None:
    address = write(origin("one").port)
    text = (tmp_path / "cfg").read_text()
    (tmp_path / "cfg").write_text(text.replace(f"bind 127.0.0.1:{address[1]}", f"bind 127.0.0.1:{address[1]} {word}"))
    running = command(*flags, "-f", "cfg")
    with socket.create_connection(address) as sock:
        port = sock.getsockname()[1]
        if word:
            sock.sendall(b"PROXY TCP4 192.0.2.9 192.0.2.1 1234 80\r\n")
        for request in (b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /two HTTP/1.1\r\nHost: x\r\nX-A: \xe9\r\n\r\n"):
            sock.sendall(request)
            answer = b""
            while not answer.endswith(b"\r\n\r\none"):
                answer += sock.recv(4096)
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(100) == b""
    running.signal(signal.SIGUSR1)
    assert running.wait() == 0
    every = [line for line in running.output.splitlines() if line.startswith("0000")]
    lines = [line for line in every if "srvhdr" not in line or "length" in line]
    descriptor = lines[0].partition(")=")[2][:4]
    assert "\n".join(lines) + "\n" == TRACED.replace("PORT", str(port)).replace("FD", descriptor)


def test_debug_shows_connections_in_tcp_mode(write: Any, command: Any, origin: Any, ask: Any, tmp_path: Path) -> None:
    address = write(origin("one").port)
    (tmp_path / "cfg").write_text((tmp_path / "cfg").read_text().replace("mode http", "mode tcp"))
    running = command("-d", "-f", "cfg")
    assert ask(address).text == "one"
    running.signal(signal.SIGUSR1)
    assert running.wait() == 0
    assert [line.split("(")[0].split("[")[0] for line in running.output.splitlines() if line.startswith("0000")] == [
        "00000000:site.accept", "00000000:site.clicls", "00000000:site.closed",
    ]


def test_hup_shows_the_states_and_pausing_pauses(write: Any, command: Any, origin: Any, ask: Any, eventually: Any) -> None:
    address = write(origin("one").port)
    running = command("-db", "-f", "cfg")
    running.signal(signal.SIGTTOU)
    eventually(lambda: refused(address), "the listener to be paused")
    running.signal(signal.SIGTTIN)
    eventually(lambda: ask(address).status == 200, "the listener to be back")
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR2):
        running.signal(number)
        ask(address)                            # its answer comes after the signal was acted on
    running.signal(signal.SIGUSR1)
    running.wait()
    for text in ("Paused proxy site.", "Resumed proxy site.", "SIGHUP received, dumping servers states.",
                 "SIGHUP: Server site/one is UP. Conn: ", "Dumping memory usage: ", "SIGUSR2 ignored"):
        assert text in running.errors, text


@pytest.mark.parametrize(("number", "text"), [(signal.SIGHUP, "SIGHUP received"), (signal.SIGTTOU, "Paused proxy site.")])
def test_a_signal_while_it_starts_waits_until_it_serves(
    write: Any, command: Any, origin: Any, number: int, text: str, tmp_path: Path
) -> None:
    write(origin("one").port)
    os.mkfifo(tmp_path / "slow.cfg")                # its start lasts until we have written the configuration
    running = command("-db", "-f", "slow.cfg", ready=False)
    with open(tmp_path / "slow.cfg", "w") as slow:
        running.signal(number)
        running.signal(signal.SIGUSR1)
        slow.write((tmp_path / "cfg").read_text())
    assert running.wait() == 0
    assert text in running.errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_that_was_ignored_from_the_start_stays_ignored(
    write: Any, command: Any, origin: Any, ask: Any, number: int
) -> None:
    """As in HAProxy: what a script starts in the background outlives the Ctrl-C that ends the script."""
    address = write(origin("one").port)
    running = command("-db", "-f", "cfg", shell='trap "" INT TERM')
    running.signal(number)
    assert ask(address).status == 200
    running.signal(signal.SIGUSR1)
    assert running.wait() == 0


def test_without_standard_streams(write: Any, command: Any, origin: Any, ask: Any) -> None:
    address = write(origin("one").port)
    running = command("-db", "-f", "cfg", shell="exec <&- >&- 2>&-")
    assert ask(address).status == 200
    assert [os.readlink(f"/proc/{running.pid}/fd/{number}") for number in range(3)] == ["/dev/null"] * 3
    running.signal(signal.SIGUSR1)
    assert running.wait() == 0


def test_an_output_that_is_full_is_told(run_once: Any, command: Any, write: Any, origin: Any) -> None:
    write(origin("one").port)
    running = command("-c", "-f", "cfg", ready=False, shell="exec >/dev/full")
    assert running.wait() == 1
    assert "cannot write to the standard output: No space left on device" in running.errors
    assert "bug" not in running.errors


def refused(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return True
    return False


def test_the_daemon(write: Any, run_once: Any, daemons: Any, origin: Any, ask: Any, tmp_path: Path, wait_gone: Any) -> None:
    address = write(origin("one").port)
    started = run_once("-D", "-f", "cfg", "-p", "pid")
    assert (started.returncode, started.stdout, started.stderr) == (0, "", "")
    pid = daemons()
    assert (tmp_path / "pid").read_text() == f"{pid}\n"
    assert ask(address).text == "one"
    assert os.getsid(pid) != os.getsid(0)
    assert {os.readlink(f"/proc/{pid}/fd/{standard}") for standard in (0, 1, 2)} == {"/dev/null"}
    os.kill(pid, signal.SIGUSR1)
    wait_gone(pid)
    assert (tmp_path / "pid").exists()


def test_db_keeps_a_daemon_in_the_foreground(write: Any, command: Any) -> None:
    write(in_global="daemon")
    running = command("-db", "-f", "cfg")
    assert running.process.poll() is None


def test_a_trial_in_the_foreground_leaves_the_daemons_pid_file_alone(write: Any, command: Any, tmp_path: Path) -> None:
    (tmp_path / "pid").write_text("4242\n")
    write(in_global=f"pidfile {tmp_path}/pid")
    command("-db", "-f", "cfg")
    assert (tmp_path / "pid").read_text() == "4242\n"
    command("-db", "-f", "cfg", "-p", "other")
    assert (tmp_path / "other").exists()


FAILURES = {
    "address": ("", "Address already in use", "held by"),
    "pidfile": ("pidfile /nowhere/pid", "Cannot create pidfile /nowhere/pid", "mkdir -p /nowhere"),
    "chroot": ("chroot /nowhere", "Cannot chroot(/nowhere).", "mkdir -p /nowhere"),
}


@pytest.mark.parametrize(("what", "flag"), [
    (what, flag) for what in FAILURES for flag in ("-db", "-D") if (what, flag) != ("pidfile", "-db")
])
def test_a_failed_start_says_what_and_how_to_fix_it(write: Any, run_once: Any, what: str, flag: str, tmp_path: Path) -> None:
    in_global, message, hint = FAILURES[what]
    address = write(in_global=in_global or "maxconn 50")
    with socket.socket() as holder:
        if what == "address":
            holder.bind(address)
            holder.listen()
        failed = run_once(flag, "-f", "cfg", *(["-p", "pid"] if what != "pidfile" else []))
    assert failed.returncode == 1
    assert message in failed.stderr
    assert hint in failed.stderr
    assert "Traceback" not in failed.stderr
    if what == "address":
        assert f"pid {os.getpid()}" in failed.stderr
        assert not (tmp_path / "pid").exists()


@pytest.mark.root
@pytest.mark.parametrize(("line", "message", "hint"), [
    ("bind 127.0.0.1:80", "Permission denied", "ports below 1024 need root"),
    ("bind /root/pyproxy-test.sock", "Permission denied", "may not write in /root"),
])
def test_what_an_ordinary_user_may_not_do(line: str, message: str, hint: str) -> None:
    proxy = Proxy(f"frontend f\n    mode http\n    timeout client 1s\n    {line}\n")
    os.seteuid(65534)
    try:
        with pytest.raises(StartError, match=message) as caught:
            proxy.start()
    finally:
        os.seteuid(0)
    assert hint in caught.value.hint


@pytest.mark.root
@pytest.mark.parametrize(("line", "hint"), [
    ("user daemon", "only root may become another user: start as root, or remove 'user'"),
    ("group daemon", "only root may become another group: start as root, or remove 'group'"),
    ("chroot /tmp", "only root may: start as root, or remove 'chroot'"),
])
def test_what_only_root_may_become(line: str, hint: str) -> None:
    settings = Proxy(f"global\n    {line}\nfrontend f\n    mode http\n    bind 127.0.0.1:0\n").configuration.global_
    os.setegid(65534)
    os.seteuid(65534)
    try:
        with pytest.raises(StartError) as caught:
            find_identity(settings)
    finally:
        os.seteuid(0)
        os.setegid(0)
    assert hint in caught.value.hint


@pytest.mark.parametrize("octets", [b"\x00\xff\xfe" * 50, b"\x7fELF" + bytes(range(256))])
def test_a_binary_file_is_no_configuration(run_once: Any, tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "cfg").write_bytes(octets)
    failed = run_once("-c", "-f", "cfg")
    assert failed.returncode == 1
    assert "[ALERT]" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert len(failed.stderr) < 10_000


def test_an_unknown_user_is_found_when_checking(write: Any, run_once: Any) -> None:
    write(in_global="user nobody-of-that-name")
    for words in (["-c"], ["-db"], ["-D"]):
        failed = run_once(*words, "-f", "cfg")
        assert failed.returncode == 1
        assert "cannot find user id for 'nobody-of-that-name'" in failed.stderr


def test_no_listener(write: Any, run_once: Any, tmp_path: Path) -> None:
    (tmp_path / "cfg").write_text("backend b\n mode tcp\n timeout connect 1s\n timeout server 1s\n")
    failed = run_once("-db", "-f", "cfg")
    assert failed.returncode == 1
    assert "[haproxy.main()] No enabled listener found (check for 'bind' directives) ! Exiting." in failed.stderr
    checked = run_once("-c", "-f", "cfg")
    assert checked.returncode == 2
    assert "will not start (no listener) => exit(2)." in checked.stdout


def test_a_limit_that_cannot_be_raised_is_a_warning(write: Any, command: Any) -> None:
    write(in_global="maxconn 2000000000")
    running = command("-db", "-f", "cfg")
    running.signal(signal.SIGUSR1)
    assert running.wait() == 0
    assert "Cannot raise FD limit to 4000000" in running.errors


@pytest.mark.root
@pytest.mark.parametrize("limit", [8, 9, 10, 11])
def test_too_few_descriptors_to_start_with(write: Any, tmp_path: Path, limit: int) -> None:
    """Wherever the start meets the limit, that is what is told. Root could raise it: that right is taken away."""
    write(9, "maxconn 5")
    limited = ["setpriv", "--bounding-set=-sys_resource", "/bin/sh", "-c", f'ulimit -n {limit}; exec "$0" "$@"']
    done = subprocess.run(
        [*limited, sys.executable, "-m", "proxy", "-db", "-f", "cfg"], cwd=tmp_path, capture_output=True, text=True, timeout=30,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )
    assert done.returncode == 1
    assert "Too many open files: not even the start has enough of them, the limit is" in done.stderr
    assert "ulimit -n" in done.stderr
    assert "bug" not in done.stderr


def test_a_warning_is_fatal_with_dW(write: Any, run_once: Any, command: Any, tmp_path: Path) -> None:
    (tmp_path / "cfg").write_text("frontend f\n mode http\n bind 127.0.0.1:1\n")
    failed = run_once("-dW", "-c", "-f", "cfg")
    assert failed.returncode == 1
    assert "Some warnings were found and 'zero-warning' is set. Aborting." in failed.stderr
