"""What the kernel's IPVS is asked for, beside the real keepalived: the same configuration, the same requests.

No kernel with IPVS is needed: `ipvs_ear.c` stands in for it before both programs and writes down what they ask.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from proxy.ha.net.netlink import NLA_F_NESTED, attributes
from proxy.ha.virtual.planes.ipvs import wire
from tests.ha.lab import SYSTEM_PATH, Lab, start_ha
from tests.ha.virtual import wait_ready

EAR = Path(__file__).with_name("ipvs_ear.c")
CONFIGURATION = """
global_defs {
    lvs_timeouts tcp 901 tcpfin 121 udp 301
}
virtual_server 10.77.0.100 80 {
    lb_algo wrr
    lb_kind DR
    protocol TCP
    persistence_timeout 300
    persistence_granularity 255.255.255.0
    real_server 10.77.0.7 80 {
        weight 3
        uthreshold 9
        lthreshold 4
    }
    real_server 10.77.0.8 80 {
        weight 0
    }
}
virtual_server 10.77.0.101 53 {
    lb_algo sh
    lb_kind NAT
    sh-port
    sh-fallback
    ops
    protocol UDP
    real_server 10.77.0.7 5353 {
    }
}
virtual_server fd00::100 80 {
    lb_algo mh
    lb_kind NAT
    mh-port
    mh-fallback
    protocol TCP
    persistence_timeout 10
    persistence_granularity 64
    real_server fd00::7 8080 {
        weight 65535
    }
}
virtual_server fwmark 7 {
    lb_algo rr
    lb_kind TUN
    real_server 10.77.0.7 0 {
        weight 3
        lvs_method TUN type gue port 5555 remcsum
    }
    real_server 10.77.0.8 0 {
        lvs_method TUN type gre csum
    }
    real_server 10.77.0.9 0 {
        lvs_method TUN
    }
}
virtual_server_group two {
    10.77.0.110-112 443
    fwmark 9
}
virtual_server group two {
    lb_algo sed
    lb_kind DR
    protocol TCP
    real_server 10.77.0.7 443 {
    }
}
"""
IDENTITY = (wire.SVC_AF, wire.SVC_PROTOCOL, wire.SVC_ADDR, wire.SVC_PORT, wire.SVC_FWMARK)
Request = tuple[int, tuple[tuple[int, bytes], ...], tuple[tuple[int, bytes], ...]]


@pytest.fixture(scope="module")
def ear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that listens."""
    missing = [name for name in ("cc", "keepalived") if shutil.which(name, path=SYSTEM_PATH) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed (Debian packages: gcc, keepalived)")
    made = tmp_path_factory.mktemp("ear") / "ear.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(made), str(EAR), "-ldl"], check=True)
    return made


def asked(lab: Lab, kind: str, ear: Path, folder: Path) -> list[tuple[int, int, bytes]]:
    """What a program asks from its start to its end: type, flags, octets."""
    heard = folder / f"{kind}.heard"
    environment = {"LD_PRELOAD": str(ear), "IPVS_EAR": str(heard)}
    daemon = start_ha(lab["a"], kind, CONFIGURATION, folder, "-C", environment=environment)
    if kind == "pyproxy-ha":
        daemon.wait_line("virtual servers by IPVS")
        wait_ready(daemon)
    else:
        daemon.wait_line("Startup complete")
    assert daemon.stop() == 0
    lines = [line.split() for line in heard.read_text().splitlines()]
    return [(int(number), int(flags, 16), bytes.fromhex(octets)) for number, flags, octets in lines]


def of(found: list[tuple[int, int, bytes]], command: int) -> list[bytes]:
    """The requests of one command."""
    return [octets for number, _, octets in found if number != wire.GENL_ID_CTRL and octets[0] == command]


def added(found: list[tuple[int, int, bytes]]) -> set[Request]:
    """The requests that add: each with its service's attributes and its server's, whatever their order."""
    requests: set[Request] = set()
    for octets in (*of(found, wire.NEW_SERVICE), *of(found, wire.NEW_DEST)):
        parts = {kind: attributes(value) for kind, value in attributes(octets, 4).items()}
        service, server = parts[wire.CMD_SERVICE], parts.get(wire.CMD_DEST, {})
        if server:
            # keepalived describes the service once more, the kernel looks at what names it.
            service = {kind: value for kind, value in service.items() if kind in IDENTITY}
            for kind, octets_count in ((wire.DEST_TUN_TYPE, 1), (wire.DEST_TUN_PORT, 2), (wire.DEST_TUN_FLAGS, 2)):
                server.setdefault(kind, bytes(octets_count))
        requests.add((octets[0], tuple(sorted(service.items())), tuple(sorted(server.items()))))
    return requests


def test_the_kernel_is_asked_for_the_same(lab: Lab, ear: Path, tmp_path: Path) -> None:
    ours, theirs = asked(lab, "pyproxy-ha", ear, tmp_path), asked(lab, "keepalived", ear, tmp_path)
    assert len(added(theirs)) >= 15
    assert added(ours) == added(theirs)
    assert of(ours, wire.SET_CONFIG) == of(theirs, wire.SET_CONFIG) != []
    assert (ours[0][0], ours[0][2]) == (theirs[0][0], theirs[0][2]), "the family is found by the same question"
    for octets in (*of(ours, wire.NEW_SERVICE), *of(theirs, wire.NEW_SERVICE)):
        assert int.from_bytes(octets[6:8], sys.byteorder) == NLA_F_NESTED | wire.CMD_SERVICE
    assert len(of(ours, wire.DEL_SERVICE)) == len(of(ours, wire.NEW_SERVICE)), "what was put there is taken away again"
