"""The pairs of `examples/`, on two machines, mixed with the real keepalived; only addresses are changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ha.lab import ROOT, Lab, start_ha
from tests.ha.test_election import HA, KA, MIXED


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


@pytest.mark.parametrize("name", ["keepalived-web-pair.conf", "keepalived-director-pair.conf"])
@pytest.mark.parametrize("kind", [HA, pytest.param(KA, marks=pytest.mark.peer(KA))])
def test_the_examples_have_no_errors(lab: Lab, tmp_path: Path, name: str, kind: str) -> None:
    checking = start_ha(lab["a"], kind, machine(name, b=False), tmp_path, "-t")
    assert checking.wait() == 0, checking.text
