"""Without help from the kernel: pyproxy in TCP mode carries NAT services, and says what it cannot."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.ha.lab import PATIENCE_S, Lab
from tests.ha.virtual import TCP_CHECK, VIP, ask, connect, counts, direct, eventually, real, real_servers, virtual, who


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
