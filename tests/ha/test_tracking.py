"""What is tracked moves the address: scripts, files, processes, interfaces, and the real health of a proxy."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ha.lab import Lab, start_ha
from tests.ha.status import instance
from tests.ha.texts import VIP, pair


def start_pair(lab: Lab, tmp_path: Path, more: str, top: str, kind: str = "pyproxy-ha") -> None:
    """b with priority 100 and nothing tracked, a with 150 and what is asked for."""
    start_ha(lab["a"], "pyproxy-ha", pair(150, more=more, top=top), tmp_path)
    lab["a"].wait_address(VIP)
    start_ha(lab["b"], kind, pair(100), tmp_path).wait_line("Entering BACKUP")


@pytest.mark.parametrize("kind", ["pyproxy-ha", pytest.param("keepalived", marks=pytest.mark.peer("keepalived"))])
def test_a_failing_script_lowers_the_priority(lab: Lab, tmp_path: Path, kind: str) -> None:
    good = tmp_path / "good"
    good.touch()
    top = f'vrrp_script chk {{\n script "/usr/bin/test -e {good}"\n interval 0.1\n timeout 5\n weight -60\n fall 2\n rise 2\n}}'
    start_pair(lab, tmp_path, "track_script { chk }", top, kind)
    good.unlink()
    lab["b"].wait_address(VIP)
    lab["a"].wait_address(VIP, present=False)
    assert instance(lab["a"].daemons[0])["priority"] == 90
    assert instance(lab["a"].daemons[0])["effects"] == ["script chk -60"]
    good.touch()
    lab["a"].wait_address(VIP)
    lab["b"].wait_address(VIP, present=False)


def test_a_script_without_weight_is_a_fault_and_one_that_hangs_has_failed(lab: Lab, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\n[ ! -e " + str(tmp_path / "hang") + " ] || exec sleep 60\n")
    slow.chmod(0o755)
    top = f'vrrp_script chk {{\n  script "{slow}"\n  interval 0.2\n  timeout 1\n}}'
    start_pair(lab, tmp_path, "track_script { chk }", top)
    (tmp_path / "hang").touch()
    lab["a"].daemons[0].wait_line("Entering FAULT STATE (script chk is down)")
    lab["b"].wait_address(VIP)
    (tmp_path / "hang").unlink()
    lab["a"].wait_address(VIP)


def test_a_number_in_a_file(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "weight"
    top = f"track_file load {{\n  file {file}\n  weight 1\n  init_file 0\n}}"
    start_pair(lab, tmp_path, "track_file { load weight -1 }", top)
    assert file.read_text() == "0\n"
    file.write_text("60\n")
    lab["b"].wait_address(VIP)
    assert instance(lab["a"].daemons[0])["priority"] == 90
    os.replace(tmp_path / "weight", tmp_path / "old")          # gone counts as 0
    lab["a"].wait_address(VIP)
    file.write_text("254")
    lab["a"].daemons[0].wait_line("Entering FAULT STATE (file load is down)")


def test_a_process(lab: Lab, tmp_path: Path) -> None:
    program = tmp_path / "webdaemon-test"
    program.symlink_to("/bin/sleep")
    serving = lab["a"].start("web", [str(program), "600"])
    top = "vrrp_track_process web {\n  process webdaemon-test\n  weight 0\n}"
    start_pair(lab, tmp_path, "track_process { web }", top)
    serving.signal(signal.SIGKILL)
    lab["b"].wait_address(VIP)
    lab["a"].start("web", [str(program), "600"])
    lab["a"].wait_address(VIP)


def test_another_interface(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    a.ip("link add name spare0 type veth peer name spare1")
    a.ip("link set dev spare0 up")
    a.ip("link set dev spare1 up")
    try:
        start_pair(lab, tmp_path, "track_interface {\n spare0 weight -60\n}", "")
        a.ip("link set dev spare1 down")
        lab["b"].wait_address(VIP)
        a.ip("link set dev spare1 up")
        a.wait_address(VIP)
    finally:
        a.ip("link del dev spare0")


@contextmanager
def runtime_socket(path: Path, status: list[str]) -> Iterator[None]:
    """What answers `show stat` as a proxy would, with the last of `status`; "hang" never answers."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            if status[-1] == "hang":
                kept.append(connection)
                continue
            with connection:
                assert connection.recv(100) == b"show stat\n"
                rows = f"weblb,web1,UP,\nweblb,BACKEND,{status[-1]},\n"
                connection.sendall(("# pxname,svname,status,\n" + rows).encode())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
        for connection in kept:
            connection.close()


def test_the_health_of_a_proxys_backend(lab: Lab, tmp_path: Path) -> None:
    path, state = tmp_path / "proxy.sock", ["UP"]
    more = f"track_proxy {{ socket {path}  backend weblb  weight -60  interval 0.1  timeout 0.5 }}"
    with runtime_socket(path, state):
        start_pair(lab, tmp_path, more, "")
        for trouble in ("DOWN", "hang"):
            state.append(trouble)
            lab["b"].wait_address(VIP)
            lab["a"].wait_address(VIP, present=False)
            state.append("UP")
            lab["a"].wait_address(VIP)
    lab["b"].wait_address(VIP)                  # nobody answers there any more
    path.unlink()
    with runtime_socket(path, state):
        lab["a"].wait_address(VIP)
    path.unlink()


PROXIES = {"pyproxy": [sys.executable, "-m", "proxy"], "haproxy": ["/usr/sbin/haproxy"]}


@pytest.mark.parametrize("proxy_kind", ["pyproxy", pytest.param("haproxy", marks=pytest.mark.peer("haproxy"))])
def test_a_real_proxy_behind_track_proxy(lab: Lab, tmp_path: Path, proxy_kind: str) -> None:
    a, socket_path = lab["a"], tmp_path / "h.sock"
    cfg = tmp_path / "haproxy.cfg"
    cfg.write_text(f"""global
  stats socket {socket_path} level admin
defaults
  mode tcp
  timeout connect 1s
  timeout client 1s
  timeout server 1s
listen weblb
  bind 127.0.0.1:8080
  server web1 127.0.0.1:8081
""")
    proxy = a.start(proxy_kind, [*PROXIES[proxy_kind], "-db", "-f", str(cfg)])
    start_pair(lab, tmp_path, f"track_proxy {{ socket {socket_path} backend weblb weight -60 interval 0.1 }}", "")
    with socket.socket(socket.AF_UNIX) as runtime:
        runtime.connect(str(socket_path))
        runtime.sendall(b"disable server weblb/web1\n")
    lab["b"].wait_address(VIP)
    with socket.socket(socket.AF_UNIX) as runtime:
        runtime.connect(str(socket_path))
        runtime.sendall(b"enable server weblb/web1\n")
    a.wait_address(VIP)
    proxy.kill()
    lab["b"].wait_address(VIP)
