"""HUP: a new configuration without giving anything up; and what ends the processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.ha.lab import Daemon, Lab, start_ha
from tests.ha.status import instance
from tests.ha.texts import VIP, pair

VIP2 = "10.77.0.101"


def rewrite(daemon: Daemon, text: str) -> int:
    """Write a new configuration, send HUP, and wait until it is taken; the place behind what was said of it."""
    assert daemon.folder is not None
    (daemon.folder / "ha.conf").write_text(text)
    os.kill(int((daemon.folder / "p.pid").read_text()), signal.SIGHUP)
    return daemon.wait_line("Reloaded:", len(daemon.text))


def test_a_reload_keeps_mastership_and_exchanges_addresses(lab: Lab, tmp_path: Path) -> None:
    a, b = lab["a"], lab["b"]
    daemon = start_ha(a, "pyproxy-ha", pair(150), tmp_path)
    a.wait_address(VIP)
    with lab["client"].sniffer(0x0800) as wire:
        rewrite(daemon, pair(160, vip=f"{VIP}\n{VIP2}", more="virtual_ipaddress_excluded {\n 10.77.0.102\n }"))
        a.wait_address(VIP2)
        assert {VIP, "10.77.0.102"} <= a.addresses()
        rewrite(daemon, pair(160, vip=VIP2))
        a.wait_address(VIP, present=False)
        wire.wait(lambda frame: frame[23] == 112 and frame[36] == 160, "an advert with the new priority")
        # Never a word of giving up.
        assert not [frame for _, frame in wire.frames if frame[23] == 112 and frame[36] == 0]
    found = instance(daemon)
    assert (found["state"], found["became_master"], found["released_master"], found["priority"]) == ("MASTER", 1, 0, 160)
    assert VIP not in b.addresses()


def test_instances_come_and_go_with_a_reload(lab: Lab, tmp_path: Path) -> None:
    a, fifo = lab["a"], tmp_path / "fifo"
    top = f"global_defs {{\n vrrp_notify_fifo {fifo}\n}}"
    daemon = start_ha(a, "pyproxy-ha", pair(150, top=top), tmp_path)
    a.wait_address(VIP)
    with open(fifo, "rb", buffering=0) as pipe:
        both = pair(150, top=top) + pair(150, name="second", vrid=52, vip=VIP2)
        rewrite(daemon, both)
        a.wait_address(VIP2)
        rewrite(daemon, pair(150, name="second", vrid=52, vip=VIP2, top=top))
        a.wait_address(VIP, present=False)
        assert instance(daemon, "second")["became_master"] == 1
        said = pipe.read(4096).decode().splitlines()
    assert said == ['INSTANCE "web" BACKUP 150', 'INSTANCE "web" MASTER 150', 'INSTANCE "second" BACKUP 150',
                    'INSTANCE "second" MASTER 150', 'INSTANCE "web" STOP 150', 'INSTANCE "web" FAULT 150']


def test_a_broken_file_changes_nothing_and_a_missing_interface_neither(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    daemon = start_ha(a, "pyproxy-ha", pair(150), tmp_path)
    a.wait_address(VIP)
    assert daemon.folder is not None
    (daemon.folder / "ha.conf").unlink()
    os.kill(int((daemon.folder / "p.pid").read_text()), signal.SIGHUP)
    place = daemon.wait_line("not reloaded: the configuration stays as it was")
    (daemon.folder / "ha.conf").write_text(pair(150).replace("eth0", "eth7"))
    os.kill(int((daemon.folder / "p.pid").read_text()), signal.SIGHUP)
    daemon.wait_line("not reloaded: no such interface: eth7", place)
    assert VIP in a.addresses()
    # What is wrong within the file is said with its place; the rest of it counts.
    rewrite(daemon, pair(150, more="priorty 7") + "}\n")
    assert "Unknown keyword 'priorty'" in daemon.text
    assert "did you mean 'priority'?" in daemon.text
    assert "Extra '}' found" in daemon.text
    assert instance(daemon)["state"] == "MASTER"


def test_a_child_that_is_killed_is_started_anew_and_cleans_up(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    daemon = start_ha(a, "pyproxy-ha", pair(150), tmp_path)
    a.wait_address(VIP)
    assert daemon.folder is not None
    os.kill(int((daemon.folder / "r.pid").read_text()), signal.SIGKILL)
    place = daemon.wait_line("the VRRP child has ended with signal 9: starting it anew")
    place = daemon.wait_line(f"removing stale {VIP}/32", place)
    daemon.wait_line("Entering MASTER", place)
    a.wait_address(VIP)


def test_without_its_parent_the_child_gives_up_its_addresses(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    daemon = start_ha(a, "pyproxy-ha", pair(150), tmp_path)
    a.wait_address(VIP)
    assert daemon.folder is not None
    with lab["client"].sniffer(0x0800) as wire:
        os.kill(int((daemon.folder / "p.pid").read_text()), signal.SIGKILL)
        wire.wait(lambda frame: frame[23] == 112 and frame[36] == 0, "an advert with priority 0")
    a.wait_address(VIP, present=False)


def test_stopping_can_leave_the_addresses(lab: Lab, tmp_path: Path) -> None:
    a = lab["a"]
    daemon = start_ha(a, "pyproxy-ha", pair(150), tmp_path, "-V")
    a.wait_address(VIP)
    daemon.stop()
    assert VIP in a.addresses()
