"""Instances of a sync group change state together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ha.lab import Lab, start_ha
from tests.ha.test_election import SIDES
from tests.ha.texts import VIP, pair

VIP2 = "10.77.0.101"


def two(priority: int, more: str = "", top: str = "") -> str:
    return (pair(priority, name="one", vrid=51, top=top, more=more) + pair(priority, name="two", vrid=52, vip=VIP2)
            + "vrrp_sync_group both {\n  group { one two }\n}\n")


@pytest.mark.parametrize(("first", "second"), SIDES)
def test_a_fault_of_one_takes_the_other_along(lab: Lab, tmp_path: Path, first: str, second: str) -> None:
    a, b = lab["a"], lab["b"]
    file = tmp_path / "bad"
    file.write_text("0\n")
    top = f"track_file bad {{\n  file {file}\n  weight 0\n}}"
    start_ha(a, first, two(150, "track_file {\n bad\n }", top), tmp_path)
    for vip in (VIP, VIP2):
        a.wait_address(vip)
    start_ha(b, second, two(100), tmp_path).wait_line("BACKUP")
    file.write_text("1\n")
    for vip in (VIP, VIP2):
        b.wait_address(vip)
        a.wait_address(vip, present=False)
    file.write_text("0\n")
    for vip in (VIP, VIP2):
        a.wait_address(vip)
        b.wait_address(vip, present=False)


def test_one_that_is_preempted_takes_the_other_along(lab: Lab, tmp_path: Path) -> None:
    a, b = lab["a"], lab["b"]
    start_ha(a, "pyproxy-ha", two(100), tmp_path)
    for vip in (VIP, VIP2):
        a.wait_address(vip)
    # b speaks for one of the two only, and better: a gives up both.
    start_ha(b, "pyproxy-ha", pair(200, name="one", vrid=51), tmp_path)
    b.wait_address(VIP)
    a.wait_address(VIP, present=False)
    a.daemons[0].wait_line("(two) Entering BACKUP STATE (follows one)")
    a.daemons[0].wait_line("VRRP_Group(both) Syncing instances to BACKUP state")
