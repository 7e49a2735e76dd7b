"""Virtual servers in the lab: web servers that say who they are, clients that ask, configurations."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.ha.lab import PATIENCE_S, PYPROXY_HA, SYSTEM_PATH, Daemon, Host, Lab, start_ha

VIP = "10.77.0.100"

# Answers every line with the host's name; `GET` with an HTTP answer. One process, as many connections as come.
SERVER = """
import selectors, socket, sys
name, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
status = sys.argv[4] if len(sys.argv) > 4 else "200 OK"
waiting = selectors.DefaultSelector()
listening = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET, backlog=256)
waiting.register(listening, selectors.EVENT_READ)
datagrams = socket.socket(listening.family, socket.SOCK_DGRAM)
datagrams.bind((address, port))
waiting.register(datagrams, selectors.EVENT_READ)
print("serving", flush=True)
while True:
    for key, _ in waiting.select():
        if key.fileobj is listening:
            connection, _ = listening.accept()
            waiting.register(connection, selectors.EVENT_READ)
        elif key.fileobj is datagrams:
            octets, source = datagrams.recvfrom(2048)
            datagrams.sendto(name.encode(), source)
        else:
            try:
                octets = key.fileobj.recv(2048)
            except OSError:
                octets = b""
            if not octets:
                waiting.unregister(key.fileobj)
                key.fileobj.close()
            elif octets.startswith(b"GET "):
                key.fileobj.sendall(f"HTTP/1.1 {status}\\r\\nContent-Length: {len(name)}\\r\\n\\r\\n{name}".encode())
            else:
                key.fileobj.sendall(name.encode())
"""


@contextmanager
def real_servers(lab: Lab) -> Iterator[Lab]:
    """R1 and R2 serve; afterwards nothing of ours is left in any kernel."""
    missing = [name for name in ("nft", "ss") if shutil.which(name, path=SYSTEM_PATH) is None]
    if missing:
        reason = f"{', '.join(missing)} not installed (Debian packages: nftables, iproute2)"
        if os.environ.get("PYPROXY_REQUIRE_PEERS") == "1":
            pytest.fail(f"test not run: {reason}", pytrace=False)
        pytest.skip(reason)
    try:
        for name in ("r1", "r2"):
            behind(lab[name])
            serve(lab[name])
        yield lab
    finally:
        for host in lab.hosts.values():
            for daemon in list(host.daemons):
                daemon.kill()
            host.run("/usr/sbin/nft", "flush", "ruleset")
            host.ip("addr flush dev lo scope global")
            host.ip(f"route del {lab['client'].address}/32", check=False)


def serve(host: Host, port: int = 80, address: str = "0.0.0.0", status: str = "200 OK") -> Daemon:
    """Start a server on a host and wait until it serves."""
    daemon = host.start("server", [sys.executable, "-c", SERVER, host.name, address, str(port), status])
    daemon.wait_line("serving")
    return daemon


def behind(host: Host, vip: str = VIP) -> None:
    """Make a host a real server of direct routing: it has the address and does not tell."""
    host.ip(f"addr replace {vip}/{'128' if ':' in vip else '32'} dev lo")
    host.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2")


def connect(host: Host, vip: str = VIP, port: int = 80, source_port: int = 0, source: str = "") -> socket.socket:
    """A connection from a host."""
    sock = host.socket(socket.AF_INET6 if ":" in vip else socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(PATIENCE_S)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if source_port or source:
        sock.bind((source, source_port))
    try:
        sock.connect((vip, port))
    except BaseException:
        sock.close()
        raise
    return sock


def ask(sock: socket.socket) -> str:
    """Who is at the other end."""
    sock.sendall(b"who\n")
    return sock.recv(100).decode()


def who(host: Host, vip: str = VIP, port: int = 80, source: str = "") -> str:
    """Connect, ask, close: who answers; "refused" or "reset" when nobody does."""
    try:
        with connect(host, vip, port, source=source) as sock:
            return ask(sock)
    except ConnectionRefusedError:
        return "refused"
    except ConnectionResetError:
        return "reset"


def real(host: Host, port: int = 80, weight: int = 1, check: str = "", more: str = "") -> str:
    """A `real_server` of this host."""
    return f"real_server {host.address} {port} {{\n weight {weight}\n {more}\n {check}\n}}\n"


QUICK = "delay_loop 0.1\n warmup 0\n retry 1\n delay_before_retry 0.05\n connect_timeout 1\n"
TCP_CHECK = f"TCP_CHECK {{\n {QUICK} }}"
HTTP_CHECK = f"HTTP_GET {{\n url {{\n path /\n status_code 200\n }}\n {QUICK} }}"


def virtual(*servers: str, what: str = f"{VIP} 80", algo: str = "rr", kind: str = "DR", protocol: str = "TCP",
            more: str = "") -> str:
    """A `virtual_server`."""
    return (f"virtual_server {what} {{\n delay_loop 0.1\n lb_algo {algo}\n lb_kind {kind}\n protocol {protocol}\n {more}\n"
            + "".join(servers) + "}\n")


def direct(host: Host, text: str, folder: Path, *extra: str, vip: str = VIP) -> Daemon:
    """Start pyproxy-ha as a director that has the address, and wait until it serves."""
    if vip not in host.addresses():
        host.ip(f"addr add {vip}/{'128 nodad' if ':' in vip else '32'} dev eth0")
    daemon = start_ha(host, "pyproxy-ha", text, folder, *extra)
    daemon.wait_line("virtual servers by")
    wait_ready(daemon)
    return daemon


def wait_ready(daemon: Daemon) -> None:
    """Wait until the checkers child answers; the kernel has its rules by then."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            listed(daemon)
            return
        except (FileNotFoundError, ConnectionRefusedError):
            assert time.monotonic() < deadline, daemon.text
            daemon.read(0.02)


def listed(daemon: Daemon) -> dict[str, Any]:
    """What the checkers child says of itself."""
    assert daemon.folder is not None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(str(daemon.folder / "c.sock"))
        sock.sendall(b"status\n")
        octets = b""
        while chunk := sock.recv(1 << 16):
            octets += chunk
    found: dict[str, Any] = json.loads(octets)
    return found


def ipvsadm(daemon: Daemon, *words: str) -> str:
    """What `pyproxy-ha ipvsadm` shows."""
    assert daemon.folder is not None
    return daemon.host.run(*PYPROXY_HA, "ipvsadm", *words, "-c", str(daemon.folder / "c.pid"))


def counts(answers: Sequence[str]) -> dict[str, int]:
    """How often each answer came."""
    return {name: answers.count(name) for name in sorted(set(answers))}


def kill_checkers(daemon: Daemon) -> None:
    """Kill the checkers child as hard as can be."""
    assert daemon.folder is not None
    os.kill(int((daemon.folder / "c.pid").read_text()), signal.SIGKILL)


def eventually(daemon: Daemon, wanted: Any, what: str) -> None:
    """Ask again and again, while the daemon speaks, until it is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not wanted():
        assert time.monotonic() < deadline, f"never {what}: {daemon.text}"
        select.select([], [], [], 0.02)
        daemon.read()
