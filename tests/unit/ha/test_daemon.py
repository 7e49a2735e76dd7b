"""The command line, and the small parts of the processes."""

from __future__ import annotations

import io
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from proxy.base.errors import StartError
from proxy.ha.conf.load import load
from proxy.ha.conf.model import Configuration, Global
from proxy.ha.daemon import ipvsadm_command as ipvsadm
from proxy.ha.daemon.arguments import Arguments, UsageError, help_text, parse_arguments, settle_pid_files
from proxy.ha.daemon.capabilities import CAP_NET_ADMIN, CAP_NET_RAW, effective, require
from proxy.ha.daemon.channel import Receiving, Sending
from proxy.ha.daemon.children import VRRP, status_path
from proxy.ha.daemon.command import main
from proxy.ha.daemon.metrics import MetricsServer
from proxy.ha.daemon.namespace import enter_namespace
from proxy.ha.daemon.parent import Parent
from proxy.ha.daemon.pidfile import PidFile
from proxy.ha.daemon.reading import read, read_in_child, read_meanwhile
from proxy.ha.daemon.signals import Signals
from proxy.ha.daemon.status_command import ask, status_command
from proxy.ha.daemon.status_socket import StatusSocket
from proxy.ha.log import ProcessLog
from proxy.ha.loop import Loop
from proxy.ha.speaker.status import table

GOOD = "vrrp_instance v {\ninterface lo\nvirtual_router_id 1\nvirtual_ipaddress { 192.0.2.1 }\n}\n"


class Lines:
    """A log that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, level: str, text: str) -> None:
        self.said.append(text)

    def detail(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def test_options_combine_and_values_follow_or_are_attached() -> None:
    found = parse_arguments(["-nlD", "-f", "x.conf", "-pP", "--vrrp_pid=R", "--config-id", "ha1", "-S3", "-g/var/log/x"])
    assert (found.foreground, found.console, found.detailed, found.file, found.pid_file) == (True, True, True, "x.conf", "P")
    assert (found.vrrp_pid_file, found.config_id, found.facility, found.log_file) == ("R", "ha1", "local3", "/var/log/x")
    assert (found.vrrp, found.checkers) == (True, True)
    assert not found.log_options().syslog


@pytest.mark.parametrize(("words", "vrrp", "checkers"),
                         [(["-P"], True, False), (["-C"], False, True), (["-P", "-C"], True, True), ([], True, True)])
def test_subsystems(words: list[str], vrrp: bool, checkers: bool) -> None:
    found = parse_arguments(words)
    assert (found.vrrp, found.checkers) == (vrrp, checkers)
    some = Configuration(static_addresses=())
    assert not VRRP.wanted(found, some)


def test_config_test_with_and_without_a_file() -> None:
    assert parse_arguments(["-t"]).check
    found = parse_arguments(["--config-test=/tmp/x", "-f", "y"])
    assert (found.check, found.check_log, found.file) == (True, "/tmp/x", "y")


@pytest.mark.parametrize("words",
                         [["-Q"], ["--nonsense"], ["x.conf"], ["-f"], ["-S", "mail"], ["-u", "9"], ["--signum=KILL", "x"]])
def test_wrong_words(words: list[str]) -> None:
    with pytest.raises(UsageError):
        parse_arguments(words)
    assert main(words) == 1


def test_help_version_and_signals(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-h"]) == 0
    assert "--use-file" in capsys.readouterr().out
    assert "accepted, of keepalived's:" in help_text()
    assert main(["-v"]) == 0
    assert capsys.readouterr().out.startswith("pyproxy-ha ")
    assert main(["--signum=RELOAD"]) == 0
    assert capsys.readouterr().out == "1\n"
    assert main(["--signum=WHAT"]) == 1


@pytest.mark.parametrize(("global_", "pid_file"), [
    (Global(), "/run/keepalived.pid"), (Global(instance="x"), "/run/keepalived/keepalived_x.pid"),
    (Global(use_pid_dir=True), "/run/keepalived/keepalived.pid"),
    (Global(net_namespace="ns", instance="x"), "/run/keepalived/keepalived_ns_x.pid"),
])
def test_where_pid_files_are(global_: Global, pid_file: str) -> None:
    arguments = Arguments()
    settle_pid_files(arguments, global_)
    assert arguments.pid_file == pid_file
    assert status_path(arguments.vrrp_pid_file).endswith(".sock")
    written = Arguments(pid_file="/x")
    settle_pid_files(written, global_)
    assert written.pid_file == "/x"


def test_check_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.conf"
    path.write_text(GOOD)
    assert main(["-t", "-f", str(path)]) == 0
    path.write_text(GOOD.replace("virtual_router_id", "virtual_router"))
    assert main(["-t", "-f", str(path)]) == 5
    said = capsys.readouterr().err
    assert "'virtual_router_id'?" in said
    path.write_text(GOOD.replace("interface lo", "interface lo //x"))
    assert main(["-t", "-f", str(path)]) == 0, "what keepalived passes over is no error"
    assert main(["-t", "-f", str(tmp_path / "none")]) == 6
    os.mkfifo(tmp_path / "pipe")
    assert main(["-t", "-f", str(tmp_path / "pipe")]) == 6, "nobody writes to it: it must not be waited for"
    assert "not a regular file" in capsys.readouterr().err
    log = tmp_path / "log"
    assert main([f"--config-test={log}", "-f", str(tmp_path / "none")]) == 6
    assert "Config files missing" in log.read_text()


def test_a_check_looks_into_the_namespace_that_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.conf"
    path.write_text(GOOD)
    assert main(["-t", "-s", "there-is-none", "-f", str(path)]) == 5
    assert "no network namespace 'there-is-none'" in capsys.readouterr().err


def test_a_log_file_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.conf"
    path.write_text(GOOD)
    words = ["-n", "-g", "/proc/nowhere/log", "-f", str(path), "-p", str(tmp_path / "p.pid")]
    assert main(words) == 2
    assert "cannot write log file /proc/nowhere/log: No such file" in capsys.readouterr().err


@pytest.mark.parametrize(("error", "said"), [
    (OSError(24, "Too many open files"), "pyproxy-ha: Too many open files\n"),
    (RuntimeError("odd"), "pyproxy-ha: internal error: RuntimeError: odd at test_daemon.py:"),
])
def test_what_nobody_expected_is_told_without_a_traceback(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
                                                          error: Exception, said: str) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("proxy.ha.daemon.command.read_in_child", broken)
    assert main(["-t", "-f", "/dev/null"]) == 2
    assert said in capsys.readouterr().err


def test_without_processes_the_parent_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, log = tmp_path / "x.conf", Lines()
    path.write_text(GOOD)
    arguments = Arguments(file=str(path), vrrp_pid_file=str(tmp_path / "r.pid"), pid_file=str(tmp_path / "p.pid"))
    configuration, _ = load(str(path))
    parent = Parent(arguments, configuration, cast("ProcessLog", log))
    tries = 0

    def no_process() -> int:
        nonlocal tries
        tries += 1
        if tries == 2:
            parent.reload()
            os.kill(os.getpid(), signal.SIGTERM)
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", no_process)
    assert parent.run(PidFile(str(tmp_path / "p.pid"))) == 0
    assert "cannot start the VRRP child: Resource temporarily unavailable; trying again" in log.said
    assert "cannot read the configuration: Resource temporarily unavailable" in log.said
    assert "not reloaded: the configuration stays as it was" in log.said


def test_ipvsadm_asks_where_the_checkers_usually_are(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def nobody(path: str) -> dict[str, object]:
        asked.append(path)
        raise FileNotFoundError(2, "No such file")

    monkeypatch.setattr(ipvsadm, "ask", nobody)
    assert main(["ipvsadm", "-Ln"]) == 1
    assert main(["ipvsadm", "-Ln", "-c", "/x/c.pid"]) == 1
    assert asked == ["/run/keepalived_checkers.sock", "/x/c.sock"]


def test_the_terminal_may_have_another_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    octets = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(octets, "latin-1"))
    main(["-v"])
    sys.stdout.write("\udcff\u20ac")
    sys.stdout.flush()
    assert octets.getvalue().endswith(b"\\udcff\\u20ac")


def test_reading_in_a_child_is_reading(tmp_path: Path, loop: Loop) -> None:
    path = tmp_path / "x.conf"
    path.write_text(GOOD + "foo\n")
    here = read(str(path), "id")
    called: list[int] = []
    there = read_in_child(str(path), "id", lambda: called.append(1))
    assert there.configuration == here.configuration
    assert (there.errors, called) == (1, [1])
    found = []
    read_meanwhile(loop, str(path), "id", found.append)
    while not found:
        loop.once(5)
    assert found[0].configuration == here.configuration
    assert read_in_child(str(tmp_path), None).configuration is None


def test_capabilities(tmp_path: Path) -> None:
    file = tmp_path / "status"
    file.write_text("Name:\tx\nCapEff:\t0000000000001000\n")
    assert effective(str(file)) == {CAP_NET_ADMIN}
    require((CAP_NET_ADMIN,), frozenset({CAP_NET_ADMIN}))
    with pytest.raises(StartError) as caught:
        require((CAP_NET_ADMIN, CAP_NET_RAW), frozenset({CAP_NET_ADMIN}))
    assert "CAP_NET_RAW (to send and receive adverts" in caught.value.message
    assert "CAP_NET_ADMIN (" not in caught.value.message


def test_a_pid_file_is_one_process_s(tmp_path: Path) -> None:
    path = tmp_path / "run" / "p.pid"
    first = PidFile(str(path))
    first.write(123)
    with pytest.raises(StartError, match=r"already running \(pid 123"):
        PidFile(str(path))
    first.remove()
    assert not path.exists()
    path.write_text("99999999\n")               # left by a crash
    second = PidFile(str(path))
    second.write(os.getpid())
    second.remove()
    with pytest.raises(StartError, match="cannot make"):
        PidFile("/proc/nowhere/x.pid")


def test_a_namespace_that_is_not_there() -> None:
    with pytest.raises(StartError, match="no network namespace"):
        enter_namespace("there-is-none")
    with pytest.raises(StartError):
        enter_namespace("../../proc/self/ns/net")


def test_messages_go_through_the_channel_in_pieces(loop: Loop) -> None:
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sending, receiving = Sending(loop, ours), Receiving(theirs)
    big = "x" * 1_000_000
    for message in (Configuration(), big, "last"):
        sending.send(message)
    got: list[object] = []
    while len(got) < 3:
        loop.once(0.01)
        got += receiving.read() or []
    assert got == [Configuration(), big, "last"]
    sending.close()
    assert receiving.read() is None
    receiving.close()


def test_signals_are_events(loop: Loop) -> None:
    seen: list[str] = []
    signals = Signals(loop, {signal.SIGUSR1: lambda: seen.append("one"), signal.SIGUSR2: lambda: seen.append("two")})
    try:
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR2)
        while len(seen) < 2:
            loop.once(5)
    finally:
        signals.close()
    assert sorted(seen) == ["one", "two"]
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


SNAPSHOT = {
    "pid": 1, "time": 1000.0, "unknown_vrids": 0, "groups": [{"name": "g", "state": "MASTER", "members": ["v"]}],
    "instances": [{
        "name": "v", "state": "FAULT", "reason": "interface eth0 is down", "since": 880.0, "interface": "eth0",
        "virtual_router_id": 51, "version": 2,
        "priority": 90, "configured_priority": 150, "effects": ["script chk -60"], "faults": ["interface eth0 is down"],
        "source": "192.0.2.1",
        "advert_int_s": 1.0, "last_advert": {"from": "192.0.2.2", "priority": 100, "ago_s": 0.25}, "addresses": ["192.0.2.9/32"],
        "held": False,
        "adverts_sent": 3, "adverts_received": 4, "dropped": {"ttl": 2},
        "changes": [{"at": 880.0, "from": "MASTER", "to": "FAULT", "reason": "x"}],
    }],
}


def test_the_table() -> None:
    text = table(SNAPSHOT)
    head, row, group, *_ = text.splitlines()
    assert head.split() == ["INSTANCE", "STATE", "SINCE", "PRIORITY", "LAST", "ADVERT", "SENT", "HEARD", "ADDRESSES"]
    assert row.split("  ")[:4] == ["v", "       FAULT", "2.0 m",
                                   "90 = 150 with script chk -60"] or "90 = 150 with script chk -60" in row
    assert "100 from 192.0.2.2, 0.2 s ago" in row
    assert row.endswith("(192.0.2.9/32)")
    assert group == "group g: MASTER (v)"
    assert "dropped: ttl 2" in text


def test_the_status_socket_answers_one_line(tmp_path: Path, loop: Loop, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "s.sock")
    log = Lines()
    server = StatusSocket(loop, log, path, lambda: SNAPSHOT)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(b"status\n")
        for _ in range(4):
            loop.once(0.05)
        assert b'"FAULT"' in client.recv(65536)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(b"stop\n")
        for _ in range(4):
            loop.once(0.05)
        assert b"unknown question" in client.recv(65536)
    silent = [socket.socket(socket.AF_UNIX) for _ in range(12)]
    for each in silent:
        each.connect(path)
        loop.once(0.05)
    assert silent[-1].recv(10) == b"", "more than a few at a time are sent away"
    server.close()
    for each in silent:
        each.close()
    assert not os.path.exists(path)
    with pytest.raises(OSError, match="No such file"):
        ask(path)
    assert status_command(["-s", path]) == 1
    assert status_command(["--watch=x"]) == 1
    assert status_command(["--json", "more"]) == 1
    assert status_command(["-Z"]) == 1
    assert status_command(["-h"]) == 0
    assert "no answer from" in capsys.readouterr().err
    assert not log.said
    StatusSocket(loop, log, str(tmp_path / "no" / "s.sock"), dict).close()
    assert "no status socket" in log.said[0]


def test_the_other_childs_metrics_are_asked_for(loop: Loop, tmp_path: Path) -> None:
    log, path = Lines(), str(tmp_path / "c.sock")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = MetricsServer(loop, log, lambda: "one 1\n")
    server.configure(Global(metrics_address="127.0.0.1", metrics_port=port), path)

    def scraped() -> bytes:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            client.setblocking(False)
            octets = b""
            while True:
                loop.once(0.05)
                try:
                    chunk = client.recv(65536)
                except BlockingIOError:
                    continue
                if not chunk:
                    return octets.partition(b"\r\n\r\n")[2]
                octets += chunk

    assert scraped().endswith(b"one 1\n# HELP pyproxy_ha_checkers_up whether the checkers child has answered\n"
                              b"# TYPE pyproxy_ha_checkers_up gauge\npyproxy_ha_checkers_up 0\n")
    other = StatusSocket(loop, log, path, dict, lambda: "two 2\n")
    assert scraped().endswith(b"pyproxy_ha_checkers_up 1\ntwo 2\n")
    other.close()
    server.close()
    assert log.said == []


def test_metrics_over_http(loop: Loop) -> None:
    log = Lines()
    server = MetricsServer(loop, log, lambda: "metric 1\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server.configure(Global(metrics_address="127.0.0.1", metrics_port=port))
    answers = {}
    for request in (b"GET /metrics HTTP/1.1", b"HEAD /metrics HTTP/1.1", b"GET / HTTP/1.1", b"POST /metrics HTTP/1.1",
                    b"nonsense"):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(request + b"\r\n\r\n")
            for _ in range(4):
                loop.once(0.05)
            answers[request] = client.recv(65536)
    assert answers[b"GET /metrics HTTP/1.1"].endswith(b"\r\n\r\nmetric 1\n")
    assert answers[b"HEAD /metrics HTTP/1.1"].endswith(b"\r\n\r\n")
    assert b"404" in answers[b"GET / HTTP/1.1"]
    assert b"405" in answers[b"POST /metrics HTTP/1.1"]
    assert b"405" in answers[b"nonsense"]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server.configure(Global(metrics_address="127.0.0.1", metrics_port=port))
        assert log.said == [f"no metrics at 127.0.0.1 port {port}: Address already in use, trying again"]
    while len(log.said) < 2:
        loop.once(5)
    assert log.said[1:] == [f"metrics at 127.0.0.1 port {port}"], "it is tried again once the port is free"
    server.configure(Global())
    server.close()
