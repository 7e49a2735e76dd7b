"""A director's life: devices that come and go, options at the end, suspended checks, SSL_GET, what an idle one costs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ha.lab import Lab
from tests.ha.virtual import QUICK, TCP_CHECK, VIP, ask, connect, direct, eventually, listed, real, real_servers, virtual, who

NFT = "/usr/sbin/nft"
TLS_SERVER = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
listening = socket.create_server(("0.0.0.0", 443))
print("serving", flush=True)
while True:
    connection, _ = listening.accept()
    try:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(4096)
            tls.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    except OSError:
        connection.close()
"""

PLAIN_SERVER = """
import socket
listening = socket.create_server(("0.0.0.0", 443))
print("serving", flush=True)
while True:
    connection, _ = listening.accept()
    connection.sendall(b"no TLS here")
    connection.close()
"""


@pytest.fixture
def pair(lab: Lab) -> Iterator[Lab]:
    """Two real servers that serve."""
    with real_servers(lab):
        yield lab


def test_a_device_that_comes_later_is_served_too(pair: Lab, tmp_path: Path) -> None:
    a = pair["a"]
    daemon = direct(a, virtual(real(pair["r1"])), tmp_path)
    a.ip("link add late7 type bridge")
    try:
        eventually(daemon, lambda: "in_late7" in a.run(NFT, "list", "ruleset"), "noticed the device")
        a.ip("link del late7")
        eventually(daemon, lambda: "in_late7" not in a.run(NFT, "list", "ruleset"), "noticed that it went")
        assert who(pair["client"]) == "r1"
    finally:
        a.ip("link del late7", check=False)


def test_a_route_that_appears_makes_a_server_reachable(pair: Lab, tmp_path: Path) -> None:
    a = pair["a"]
    text = virtual("real_server 10.99.0.9 80 {\n weight 1\n }\n")
    daemon = direct(a, text, tmp_path)
    daemon.wait_line("no route to real server 10.99.0.9")
    a.ip("route add 10.99.0.0/24 dev eth0")
    try:
        eventually(daemon, lambda: "fwd to 10.99.0.9" in a.run(NFT, "list", "ruleset").replace("ip to", "to"), "found the way")
    finally:
        a.ip("route del 10.99.0.0/24")


def test_virtual_servers_may_stay_at_the_end_and_are_taken_over(pair: Lab, tmp_path: Path) -> None:
    a, client = pair["a"], pair["client"]
    text = virtual(real(pair["r1"]), real(pair["r2"]))
    daemon = direct(a, text, tmp_path, "-I")
    with connect(client) as sock:
        name = ask(sock)
        assert daemon.stop() == 0
        assert ask(sock) == name
        again = direct(a, text, tmp_path)
        assert ask(sock) == name
        assert again.stop() == 0
    assert a.run(NFT, "list", "ruleset") == ""


def test_omega_tells_of_the_end_and_alpha_of_the_beginning(pair: Lab, tmp_path: Path) -> None:
    up, down = tmp_path / "up", tmp_path / "down"
    fifo = tmp_path / "fifo"
    more = f'alpha\n omega\n quorum_up "/usr/bin/touch {up}"\n quorum_down "/usr/bin/touch {down}"'
    text = f"global_defs {{\n lvs_notify_fifo {fifo}\n}}\n" + virtual(real(pair["r1"], check=TCP_CHECK), more=more)
    daemon = direct(pair["a"], text, tmp_path)
    with open(fifo, "rb", buffering=0) as pipe:
        daemon.wait_line("Gained quorum 1+0=1 <= 1")
        eventually(daemon, up.exists, "ran quorum_up")
        assert not down.exists()
        assert daemon.stop() == 0
        said = pipe.read(4096).decode().splitlines()
    assert down.exists()
    name = f"[{VIP}]:tcp:80"
    server = f"[{pair['r1'].address}]:tcp:80"
    assert said == [f"RS {server} {name} UP", f"VS {name} UP", f"RS {server} {name} DOWN", f"VS {name} DOWN"]


def test_checks_are_suspended_while_the_address_is_elsewhere(pair: Lab, tmp_path: Path) -> None:
    a, r1 = pair["a"], pair["r1"]
    daemon = direct(a, virtual(real(r1, check=TCP_CHECK), more="ha_suspend"), tmp_path)
    a.ip(f"addr del {VIP}/32 dev eth0")

    def checked() -> int:
        return int(r1.run(NFT, "-j", "list", "counter", "ip", "seen", "n").partition('"packets": ')[2].partition(",")[0])

    r1.run(NFT, "add table ip seen; add counter ip seen n; add chain ip seen i { type filter hook input priority 0; }; "
                "add rule ip seen i tcp dport 80 tcp flags syn counter name n")

    def quiet() -> bool:
        before = checked()
        daemon.read(0.5)
        return checked() == before

    eventually(daemon, quiet, "stopped checking")
    r1.daemons[0].kill()
    assert quiet()
    assert listed(daemon)["services"][0]["servers"][0]["alive"]
    a.ip(f"addr add {VIP}/32 dev eth0")
    daemon.wait_line("Removing service")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_ssl_get(pair: Lab, tmp_path: Path) -> None:
    r1, pem = pair["r1"], tmp_path / "server.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=r1", "-keyout", str(pem), "-out", str(tmp_path / "crt")],
                   check=True, capture_output=True)
    pem.write_text(pem.read_text() + (tmp_path / "crt").read_text())
    server = r1.start("tls", [sys.executable, "-c", TLS_SERVER, str(pem)])
    server.wait_line("serving")
    url = 'url {\n path /\n status_code 200\n regex "^ok$"\n }'
    check = f"SSL_GET {{\n {url}\n alpha\n connect_port 443\n enable_sni\n {QUICK} }}"
    daemon = direct(pair["a"], virtual(real(r1, check=check), more="alpha"), tmp_path)
    daemon.wait_line(f"Adding service [{r1.address}]:tcp:80")
    assert who(pair["client"]) == "r1"
    server.kill()
    place = daemon.wait_line("Removing service")
    # A server that speaks, but no TLS.
    plain = r1.start("plain", [sys.executable, "-c", PLAIN_SERVER])
    plain.wait_line("serving")
    daemon.read(0.5)
    assert "Adding service" not in daemon.text[place:]


@pytest.mark.soak
def test_an_idle_director_costs_little(pair: Lab, tmp_path: Path) -> None:
    check = "TCP_CHECK {\n delay_loop 6\n warmup 0\n connect_timeout 3\n}"
    servers = [real(pair[name], check=check) for name in ("r1", "r2")]
    daemon = direct(pair["a"], virtual(*servers, algo="wlc"), tmp_path)
    assert daemon.folder is not None
    pid = int((daemon.folder / "c.pid").read_text())

    def used() -> tuple[float, int]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        kib = next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in line)
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), kib

    before, began = used()[0], time.monotonic()
    while time.monotonic() < began + 30:
        daemon.read(1.0)
    after, kib = used()
    percent = 100 * (after - before) / (time.monotonic() - began)
    print(f"idle director with wlc: {percent:.2f} % CPU, {kib / 1024:.1f} MiB RSS")
    assert kib < 30 * 1024
