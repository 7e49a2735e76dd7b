"""`python -m bench.ha`: how long a client is without its address, pyproxy-ha beside keepalived, in the same run.

Two machines and a client in network namespaces on one bridge (tests/ha/lab.py). The client asks every 10 ms; a gap is the longest
time without an answer. The master goes right after an
advert of its, the worst moment. Every figure is the median of the rounds; the rounds of both programs alternate.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.table import aligned
from tests.ha.lab import SYSTEM_PATH, Daemon, Host, Lab, start_ha, unavailable
from tests.ha.prober import Prober
from tests.ha.texts import VIP, pair

QUIET_S = 0.5
PROGRAMS = ("pyproxy-ha", "keepalived")
Measured = dict[str, float]


@dataclass
class Scene:
    """Two machines that run a program, and a client."""

    lab: Lab
    program: str
    version: int
    advert_int: str
    folder: Path
    prober: Prober = field(init=False)
    master: Daemon = field(init=False)

    def __post_init__(self) -> None:
        self.master = self.start("a")
        self.a.wait_address(VIP)
        self.start("b").wait_line("Entering BACKUP")
        self.prober = Prober(self.lab["client"], VIP)
        self.prober.wait_answer(time.monotonic())
        time.sleep(QUIET_S)

    @property
    def a(self) -> Host:
        return self.lab["a"]

    @property
    def b(self) -> Host:
        return self.lab["b"]

    def start(self, name: str) -> Daemon:
        """Start the program on a machine: `a` with priority 150, `b` with 100."""
        priority, state = (150, "MASTER") if name == "a" else (100, "BACKUP")
        text = pair(priority, state=state, version=self.version, advert_int=self.advert_int)
        return start_ha(self.lab[name], self.program, text, self.folder)

    def wait_advert(self) -> None:
        """Wait for the master's next advert: what follows begins at the same moment of its rhythm in every round."""
        with self.b.sniffer(0x0800) as wire:
            wire.wait(lambda frame: frame[23] == 112 and frame[36] == 150, "an advert")

    def gap_after(self, what: Callable[[], None], settled: Callable[[], None]) -> float:
        """The longest gap from now until all has settled and a while more."""
        began = time.monotonic()
        what()
        settled()
        self.prober.wait_answer(time.monotonic())
        time.sleep(QUIET_S)
        return self.prober.longest_gap_s(began, time.monotonic())

    def end(self) -> None:
        """Put everything away."""
        self.prober.stop()
        self.lab.reset()


def power_off(scene: Scene) -> None:
    """The frames of the master are lost and its processes are killed."""
    scene.lab.block("a")
    scene.master.kill()


def carrier(scene: Scene) -> None:
    """The master's cable is pulled."""
    scene.lab.unplug("a")


def terminate(scene: Scene) -> None:
    """The master is stopped in order."""
    scene.master.signal(signal.SIGTERM)


def takeover(scene: Scene, how: Callable[[Scene], None]) -> Measured:
    """The gap when the master goes, the time until it is master again when it is back, and the gap then."""
    scene.wait_advert()
    gap = scene.gap_after(lambda: how(scene), lambda: scene.b.wait_address(VIP))
    if how is carrier:
        began = time.monotonic()
        back_gap = scene.gap_after(lambda: scene.lab.plug("a"), lambda: scene.a.wait_address(VIP))
        return {"gap": gap, "gap on return": back_gap}
    if how is terminate:
        scene.master.wait()
    scene.a.ip(f"addr del {VIP}/32 dev eth0", check=False)      # the machine has been rebooted
    scene.lab.unblock("a")
    began = time.monotonic()
    back: list[float] = []

    def returned() -> None:
        scene.a.wait_address(VIP)
        back.append(time.monotonic() - began)

    back_gap = scene.gap_after(lambda: setattr(scene, "master", scene.start("a")), returned)
    return {"gap": gap, "master again after": back[0], "gap on return": back_gap}


def split(scene: Scene) -> Measured:
    """The gap of a client on the master's side when a split heals."""
    scene.lab.block("b")
    scene.b.wait_address(VIP)
    time.sleep(QUIET_S)
    gap = scene.gap_after(lambda: scene.lab.unblock("b"), lambda: scene.b.wait_address(VIP, present=False))
    return {"gap": gap}


ROWS: tuple[tuple[str, int, str, Callable[[Scene], Measured]], ...] = (
    ("v2 1 s, power off", 2, "1", lambda scene: takeover(scene, power_off)),
    ("v2 1 s, carrier lost", 2, "1", lambda scene: takeover(scene, carrier)),
    ("v2 1 s, TERM", 2, "1", lambda scene: takeover(scene, terminate)),
    ("v3 0.05 s, power off", 3, "0.05", lambda scene: takeover(scene, power_off)),
    ("v3 0.05 s, TERM", 3, "0.05", lambda scene: takeover(scene, terminate)),
    ("v3 0.01 s, power off", 3, "0.01", lambda scene: takeover(scene, power_off)),
    ("v2 1 s, split healed", 2, "1", split),
    ("v3 0.05 s, split healed", 3, "0.05", split),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ha", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", default="", help="only rows whose name contains this")
    options = parser.parse_args()
    reason = unavailable()
    if reason:
        print(f"cannot measure here: {reason}", file=sys.stderr)
        return 1
    programs = [each for each in PROGRAMS if each == "pyproxy-ha" or shutil.which(each, path=SYSTEM_PATH)]
    lab = Lab()
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            for number in range(options.rounds):
                for name, version, advert_int, measure in ROWS:
                    if options.rows in name:
                        for program in programs:
                            print(f"\rround {number + 1}: {name}, {program}          ", end="", file=sys.stderr, flush=True)
                            scene = Scene(lab, program, version, advert_int, Path(folder) / f"{number}")
                            try:
                                for what, value in measure(scene).items():
                                    found.setdefault((name, what), {}).setdefault(program, []).append(value)
                            finally:
                                scene.end()
    finally:
        lab.close()
    print("\r" + " " * 60, end="\r", file=sys.stderr)
    lines = [[f"{name}: {what}", *(_shown(values.get(each, [])) for each in programs)] for (name, what), values in found.items()]
    print(aligned(["seconds, median (lowest-highest)", *programs], lines), end="")
    return 0


def _shown(values: list[float]) -> str:
    return f"{statistics.median(values):.3f} ({min(values):.3f}-{max(values):.3f})" if values else "-"


if __name__ == "__main__":
    sys.exit(main())
