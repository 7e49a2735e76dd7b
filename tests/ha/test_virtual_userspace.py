"""Without help from the kernel: pyproxy in TCP mode carries NAT services, and says what it cannot."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from tests.ha.lab import PATIENCE_S, Lab
from tests.ha.virtual import TCP_CHECK, VIP, ask, connect, counts, direct, eventually, listed, real, real_servers, virtual, who


@pytest.fixture(autouse=True)
def _without_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYPROXY_VIRTUAL", "userspace")


def test_services_are_served_and_changed_without_cutting(lab: Lab, tmp_path: Path) -> None:
    with real_servers(lab):
        a, client, r1 = lab["a"], lab["client"], lab["r1"]
        text = virtual(real(r1, check=TCP_CHECK), real(lab["r2"], check=TCP_CHECK), kind="NAT") \
            + virtual(real(r1), what=f"{VIP} 81", kind="DR")
        daemon = direct(a, text, tmp_path)
        assert "are served in user space" in daemon.text
        assert f"virtual_server [{VIP}]:tcp:81 is not served: in user space there is lb_kind NAT only" in daemon.text
        eventually(daemon, lambda: who(client) in ("r1", "r2"), "served")
        assert counts([who(client) for _ in range(6)]) == {"r1": 3, "r2": 3}
        checkers = int((daemon.folder / "c.pid").read_text())
        (proxy,) = Path(f"/proc/{checkers}/task/{checkers}/children").read_text().split()
        status = Path(f"/proc/{proxy}/status").read_text()
        assert "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n" in status       # it listens, and needs no more of root
        assert "NoNewPrivs:\t1\n" in status
        with connect(client) as first, connect(client) as second:
            on_r2 = first if ask(first) == "r2" else second
            assert ask(on_r2) == "r2"
            r1.daemons[0].kill()
            daemon.wait_line("Removing service")
            eventually(daemon, lambda: [who(client) for _ in range(4)] == ["r2"] * 4, "left the dead server")
            assert ask(on_r2) == "r2"
        assert daemon.stop() == 0
        # The proxy is told, and ends by itself.
        deadline = time.monotonic() + PATIENCE_S
        while who(client) != "refused":
            assert time.monotonic() < deadline


def test_connections_and_octets_are_counted_over_a_change(lab: Lab, tmp_path: Path) -> None:
    with real_servers(lab):
        a, client, r1 = lab["a"], lab["client"], lab["r1"]
        daemon = direct(a, "global_defs {\n metrics 127.0.0.1 9198\n}\n"
                        + virtual(real(r1, check=TCP_CHECK), real(lab["r2"], check=TCP_CHECK), kind="NAT"), tmp_path)
        eventually(daemon, lambda: who(client) in ("r1", "r2"), "served")

        def counted(name: str) -> dict[str, int]:
            found = listed(daemon)["services"][0]["servers"]
            return {each["address"]: each[name] for each in found}

        with connect(client) as first, connect(client) as second:
            on_r2 = first if ask(first) == "r2" else second
            assert ask(on_r2) == "r2"
            eventually(daemon, lambda: set(counted("active").values()) == {1}, "counted the connections that there are")
            before = counted("connections")
            r1.daemons[0].kill()
            daemon.wait_line("Removing service")
            eventually(daemon, lambda: [who(client) for _ in range(4)] == ["r2"] * 4, "left the dead server")
            r2 = f"{lab['r2'].address}:80"
            eventually(daemon, lambda: counted("connections")[r2] >= before[r2] + 4, "counted on with the next proxy")
            assert counted("in_octets")[r2] >= 4 * len(b"who\n")
            assert counted("out_octets")[r2] >= 4 * len(b"r2")
        port = a.socket(socket.AF_INET, socket.SOCK_STREAM)
        with port:
            port.connect(("127.0.0.1", 9198))
            port.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            text = b"".join(iter(lambda: port.recv(1 << 16), b"")).decode()
        named = f'virtual_server="[{VIP}]:tcp:80",real_server="[{lab["r1"].address}]:tcp:80"'
        assert f"pyproxy_ha_real_server_up{{{named}}} 0" in text
        assert f'pyproxy_ha_real_server_check_up{{{named},check="0 TcpCheck"}} 0' in text
        assert f'pyproxy_ha_virtual_server_quorum_up{{virtual_server="[{VIP}]:tcp:80"}} 1' in text
        assert daemon.stop() == 0
