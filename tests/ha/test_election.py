"""Who is master: with ourselves, and with the real keepalived on either side."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.ha.lab import Lab, start_ha
from tests.ha.texts import VIP, pair

HA, KA = "pyproxy-ha", "keepalived"
MIXED = [pytest.param(HA, KA, id="ha-ka", marks=pytest.mark.peer(KA)),
         pytest.param(KA, HA, id="ka-ha", marks=pytest.mark.peer(KA))]
PAIRS = [*MIXED, pytest.param(HA, HA, id="ha-ha")]
# With ourselves too, when there is time.
SIDES = [*MIXED, pytest.param(HA, HA, id="ha-ha", marks=pytest.mark.soak)]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_higher_priority_is_master_and_preempts(lab: Lab, tmp_path: Path, first: str, second: str) -> None:
    a, b = lab["a"], lab["b"]
    start_ha(b, second, pair(100), tmp_path)
    b.wait_address(VIP)
    start_ha(a, first, pair(150), tmp_path)
    a.wait_address(VIP)
    b.wait_address(VIP, present=False)


@pytest.mark.parametrize(("first", "second"), SIDES)
@pytest.mark.parametrize("how", ["power", "carrier", "TERM", "KILL"])
def test_the_backup_takes_over_and_gives_back(lab: Lab, tmp_path: Path, first: str, second: str, how: str) -> None:
    a, b = lab["a"], lab["b"]
    master = start_ha(a, first, pair(150, state="MASTER"), tmp_path)
    a.wait_address(VIP)
    start_ha(b, second, pair(100), tmp_path).wait_line("Entering BACKUP")
    if how == "power":
        lab.block("a")
        master.kill()
    elif how == "carrier":
        lab.unplug("a")
    elif how == "KILL":
        master.kill()                       # its address stays, and nobody answers for it any more
    else:
        master.signal(signal.SIGTERM)
    b.wait_address(VIP)
    if how == "carrier":
        a.wait_address(VIP, present=False)
        lab.plug("a")
    else:
        lab.unblock("a")
        if how == "TERM":
            assert master.wait() == 0
            assert VIP not in a.addresses()
        start_ha(a, first, pair(150, state="MASTER"), tmp_path)
    b.wait_address(VIP, present=False)
    a.wait_address(VIP)
