"""Who is told of a transition: scripts with keepalived's arguments, pipes, mail."""

from __future__ import annotations

import os
import pwd
import select
import signal
import socket
from pathlib import Path

import pytest

from tests.ha.lab import Daemon, Host, Lab, start_ha
from tests.ha.test_election import HA, KA
from tests.ha.texts import VIP, pair

TELLS = '#!/bin/sh\necho "$(id -un) $*" >> {}\n'
KINDS = [HA, pytest.param(KA, marks=pytest.mark.peer(KA))]


def script(folder: Path, name: str = "told") -> tuple[Path, Path]:
    """A script that writes down its arguments, and where."""
    path, log = folder / f"{name}.sh", folder / f"{name}.log"
    path.write_text(TELLS.format(log))
    path.chmod(0o755)
    log.touch()
    log.chmod(0o666)
    return path, log


def wait_lines(daemon: Daemon, log: Path, count: int) -> list[str]:
    """The lines of a file, once there are so many; scripts run beside the daemon."""
    for _ in range(400):
        lines = log.read_text().splitlines()
        if len(lines) >= count:
            return lines
        daemon.read(0.05)
    raise AssertionError(f"only {log.read_text()!r}: {daemon.text}")


@pytest.mark.parametrize("kind", KINDS)
def test_scripts_are_told_as_keepalived_tells_them(lab: Lab, tmp_path: Path, kind: str) -> None:
    a = lab["a"]
    path, log = script(tmp_path)
    more = f'notify "{path} any \'two words\'"\nnotify_master {path}\nnotify_stop "{path} stopping"'
    text = pair(150, more=more, top="global_defs {\n script_user root\n enable_script_security\n}")
    daemon = start_ha(a, kind, text, tmp_path)
    a.wait_address(VIP)
    wait_lines(daemon, log, 3)
    daemon.signal(signal.SIGTERM)
    lines = sorted(wait_lines(daemon, log, 5))
    assert lines == ["root ", "root any two words INSTANCE web BACKUP 150", "root any two words INSTANCE web MASTER 150",
                     "root any two words INSTANCE web STOP 150", "root stopping"]
    daemon.wait()


def test_a_script_runs_as_its_user_and_an_unsafe_one_does_not_run_as_root(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    os.chmod(tmp_path, 0o755)
    for parent in (tmp_path.parent, tmp_path.parent.parent):
        os.chmod(parent, 0o755)
    path, log = script(tmp_path)
    unsafe, unsafe_log = script(tmp_path, "unsafe")
    os.chown(unsafe, pwd.getpwnam("nobody").pw_uid, 0)
    more = f"notify_master {path} nobody\nnotify_backup {unsafe}"
    daemon = start_ha(a, HA, pair(150, more=more, top="global_defs {\n script_user root\n enable_script_security\n}"), tmp_path)
    a.wait_address(VIP)
    assert wait_lines(daemon, log, 1) == ["nobody "]
    daemon.wait_line(f"{unsafe} can be changed by others: it is not run")
    assert unsafe_log.read_text() == ""


@pytest.mark.parametrize("kind", KINDS)
def test_the_pipe_has_a_line_for_each_transition(lab: Lab, tmp_path: Path, kind: str) -> None:
    a, fifo = lab["a"], tmp_path / "fifo"
    top = f"global_defs {{\n script_user root\n vrrp_notify_fifo {fifo}\n}}"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        daemon = start_ha(a, kind, pair(150, top=top), tmp_path)
        a.wait_address(VIP)
        lab.unplug("a")
        daemon.wait_line("FAULT STATE")
        said = b""
        while said.count(b"\n") < 3:
            assert select.select([reading], [], [], 10)[0]
            said += os.read(reading, 4096)
    finally:
        os.close(reading)
    assert said.decode().splitlines() == ['INSTANCE "web" BACKUP 150', 'INSTANCE "web" MASTER 150', 'INSTANCE "web" FAULT 150']
    lab.plug("a")


def receive_mail(host: Host, server: socket.socket) -> str:
    """Take one mail as an SMTP server does; the whole of what the client said."""
    server.settimeout(20)
    connection, _ = server.accept()
    said = ""
    with connection, connection.makefile("rwb") as stream:
        stream.write(b"220 mail\r\n")
        stream.flush()
        in_text = False
        for raw in stream:
            line = raw.decode()
            said += line
            if in_text:
                if line != ".\r\n":
                    continue
                in_text = False
                reply = b"250 taken\r\n"
            elif line.upper().startswith("DATA"):
                in_text, reply = True, b"354 go on\r\n"
            elif line.upper().startswith("QUIT"):
                stream.write(b"221 bye\r\n")
                break
            else:
                reply = b"250 ok\r\n"
            stream.write(reply)
            stream.flush()
    return said


def test_mail_about_a_transition(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    with a.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.bind(("127.0.0.1", 2525))
        server.listen()
        top = """global_defs {
  notification_email { admin@example.com root@example.com }
  notification_email_from ka@localhost
  smtp_server 127.0.0.1 2525
  smtp_helo_name ha1
  router_id LVS_DEVEL
}"""
        start_ha(a, HA, pair(150, more="smtp_alert", top=top), tmp_path)
        first, second = sorted((receive_mail(a, server), receive_mail(a, server)), key=lambda mail: "MASTER" in mail)
    assert "ehlo ha1" in first
    assert "Subject: [LVS_DEVEL] VRRP Instance web - Entering BACKUP state" in first
    assert "Subject: [LVS_DEVEL] VRRP Instance web - Entering MASTER state" in second
    assert "From: ka@localhost" in second
    assert "To: admin@example.com, root@example.com" in second
    assert second.lower().count("rcpt to:") == 2


def test_the_pipe_tells_of_priorities_and_of_worse_masters(lab: Lab, tmp_path: Path) -> None:
    a, b, fifo, file = lab["a"], lab["b"], tmp_path / "fifo", tmp_path / "w"
    file.write_text("0\n")
    top = f"global_defs {{\n notify_fifo {fifo}\n vrrp_notify_priority_changes on\n}}\n"
    top += f"track_file w {{\n file {file}\n weight -1\n}}"
    daemon = start_ha(a, HA, pair(150, top=top, more="track_file {\n w\n }"), tmp_path)
    a.wait_address(VIP)
    with open(fifo, "rb", buffering=0) as pipe:
        file.write_text("10\n")
        daemon.wait_line("Changing effective priority from 150 to 140")
        lab.block("b")
        start_ha(b, HA, pair(100), tmp_path)
        b.wait_address(VIP)
        lab.unblock("b")
        daemon.wait_line("received an advert with lower priority 100")
        said = pipe.read(4096).decode()
    assert said.splitlines()[2] == 'INSTANCE "web" MASTER_PRIORITY 140'
    assert 'INSTANCE "web" MASTER_RX_LOWER_PRI 140\n' in said
