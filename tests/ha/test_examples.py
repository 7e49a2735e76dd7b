"""The pairs of `examples/`, on two machines, mixed with the real keepalived; only addresses are changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ha.lab import ROOT, Lab, start_ha
from tests.ha.test_election import HA, KA, MIXED
from tests.ha.virtual import behind, real_servers, wait_ready, who


def machine(name: str, b: bool) -> str:
    """An example for the lab's network, for machine A or B as its comments say."""
    text = (ROOT / "examples" / name).read_text().replace("192.168.4.", "10.77.0.")
    if b:
        text = text.replace("state MASTER", "state BACKUP").replace("priority 150", "priority 100").replace("LVS_DEVEL", "LVS_B")
    return text


@pytest.mark.parametrize(("first", "second"), MIXED)
def test_the_web_pair(lab: Lab, tmp_path: Path, first: str, second: str) -> None:
    a, b, vip = lab["a"], lab["b"], "10.77.0.252"
    name = "keepalived-web-pair.conf"
    master = start_ha(a, first, machine(name, b=False), tmp_path)
    backup = start_ha(b, second, machine(name, b=True), tmp_path)
    a.wait_address(vip)
    b.wait_address(vip, present=False)
    master.kill()
    lab.block("a")
    b.wait_address(vip)
    backup.wait_line("Entering MASTER STATE")
    assert "dropped" not in backup.text


@pytest.mark.parametrize(("first", "second"), MIXED)
def test_the_director_pair(lab: Lab, tmp_path: Path, first: str, second: str) -> None:
    """pyproxy-ha serves while it has the address; keepalived takes the address alone: it ends where the kernel has no IPVS."""
    a, b, client, vip = lab["a"], lab["b"], lab["client"], "10.77.0.253"
    name = "keepalived-director-pair.conf"
    with real_servers(lab):
        for host in (lab["r1"], lab["r2"]):
            behind(host, vip)
        lab["r1"].ip("addr add 10.77.0.52/24 dev eth0")
        lab["r2"].ip("addr add 10.77.0.53/24 dev eth0")
        only_vrrp = {KA: ("-P",), HA: ()}
        master = start_ha(a, first, machine(name, b=False), tmp_path, *only_vrrp[first])
        backup = start_ha(b, second, machine(name, b=True), tmp_path, *only_vrrp[second])
        a.wait_address(vip)
        b.wait_address(vip, present=False)
        if first == HA:
            wait_ready(master)
            assert sorted(who(client, vip) for _ in range(4)) == ["r1", "r1", "r2", "r2"]
        lab.block("a")
        master.kill()
        b.wait_address(vip)
        backup.wait_line("Entering MASTER STATE")
        if second == HA:
            wait_ready(backup)
            assert sorted(who(client, vip) for _ in range(4)) == ["r1", "r1", "r2", "r2"]


@pytest.mark.parametrize("name", ["keepalived-web-pair.conf", "keepalived-director-pair.conf"])
@pytest.mark.parametrize("kind", [HA, pytest.param(KA, marks=pytest.mark.peer(KA))])
def test_the_examples_have_no_errors(lab: Lab, tmp_path: Path, name: str, kind: str) -> None:
    checking = start_ha(lab["a"], kind, machine(name, b=False), tmp_path, "-t")
    assert checking.wait() == 0, checking.text
