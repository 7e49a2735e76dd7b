"""Whatever a configuration combines, the kernel takes the rules for it, or the virtual server is refused with a reason."""

from __future__ import annotations

import random
import time

import pytest

from proxy.ha.conf.load import load
from proxy.ha.virtual.plan import Timeouts
from proxy.ha.virtual.planes.nft.library import open_nft
from proxy.ha.virtual.planes.nft.plane import NftPlane
from proxy.ha.virtual.pool import Pool
from tests.ha.lab import Lab
from tests.ha.virtual import real_servers

ALGORITHMS = ("rr", "wrr", "lc", "wlc", "sh", "mh", "dh", "sed", "nq", "fo", "ovf")
CONFIGURATIONS = 150


def some_real(random_: random.Random, six: bool, port: int) -> str:
    number = random_.randrange(2, 9)
    more = random_.choice(("", "uthreshold 5", "uthreshold 5\nlthreshold 2", "inhibit_on_failure"))
    return (f"real_server {f'fd00::{number}' if six else f'10.77.0.{number}'} {random_.choice((port, port, 8080, 0))} {{\n"
            f"weight {random_.choice((0, 1, 2, 100, 65535))}\n{more}\n}}\n")


def some_virtual(random_: random.Random, number: int) -> str:
    six, port = random_.random() < 0.3, random_.choice((80, 443, 53, 0, 65535))
    group, what = "", f"{f'fd00::1{number}' if six else f'10.77.1.{number}'} {port}"
    kind = random_.choice(("address", "address", "mark", "group"))
    if kind == "mark":
        what, port = f"fwmark {number + 1}", 0
    elif kind == "group":
        net = f"fd00:{number}::" if six else f"10.77.{number + 2}."
        parts = random_.sample((f"{net}{'10-f' if six else '1-9'} {port}", f"{net}30 {port}", f"fwmark {100 + number}"), 2)
        group, what = f"virtual_server_group g{number} {{\n" + "\n".join(parts) + "\n}\n", f"group g{number}"
    options = [
        option for chance, option in (
            (0.3, f"persistence_timeout {random_.choice((1, 360, 2678400))}"), (0.1, "ops"),
            (0.2, f"persistence_granularity {random_.choice(('64', '1') if six else ('255.255.255.0', '128.0.0.0'))}"),
            (0.2, random_.choice(("sh-port", "mh-port"))), (0.2, f"sorry_server {'fd00::9' if six else '10.77.0.9'} {port}"))
        if random_.random() < chance
    ]
    servers = "".join(some_real(random_, six, port) for _ in range(random_.randrange(5)))
    return (f"{group}virtual_server {what} {{\nlb_algo {random_.choice(ALGORITHMS)}\nlb_kind {random_.choice(('DR', 'NAT'))}\n"
            f"protocol {random_.choice(('TCP', 'UDP'))}\n" + "\n".join(options) + f"\n{servers}}}\n")


@pytest.mark.parametrize("seed", [1, 2])
def test_every_combination_is_taken_or_refused(lab: Lab, seed: int) -> None:
    """One plane goes from one configuration to the next, as at a reload."""
    random_ = random.Random(seed)

    def apply_them() -> int:
        nft = open_nft()
        assert nft is not None
        plane = NftPlane(nft, lambda level, text: None)
        plane.start(Timeouts(), flush=True)
        taken = 0
        try:
            for _ in range(CONFIGURATIONS):
                text = "".join(some_virtual(random_, number) for number in range(random_.randrange(5)))
                configuration, _ = load(text=text)
                pools = [Pool(each, configuration.virtual_server_groups) for each in configuration.virtual_servers]
                pools = [each for each in pools if each.matches and not plane.refuses(each.everything())]
                plane.apply([each.service() for each in pools])
                plane.tick(time.monotonic())
                taken += sum(bool(servers) for servers in plane.traffic(exact=True).values())
        finally:
            plane.stop(keep=False)
        return taken

    with real_servers(lab):
        taken = lab["a"].inside(apply_them)
    assert isinstance(taken, int)
    assert taken > CONFIGURATIONS // 2
