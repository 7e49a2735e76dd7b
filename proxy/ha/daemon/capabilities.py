"""What the kernel lets this process do, and what to say when that is not enough. Source: capabilities(7)."""

from __future__ import annotations

from proxy.base.errors import StartError

CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_NICE, CAP_IPC_LOCK = 12, 13, 23, 14
NAMES = {CAP_NET_ADMIN: "CAP_NET_ADMIN", CAP_NET_RAW: "CAP_NET_RAW", CAP_SYS_NICE: "CAP_SYS_NICE", CAP_IPC_LOCK: "CAP_IPC_LOCK"}
WHAT_FOR = {
    CAP_NET_ADMIN: "to put addresses on interfaces", CAP_NET_RAW: "to send and receive adverts and gratuitous ARP",
    CAP_SYS_NICE: "to run in real time (vrrp_rt_priority)", CAP_IPC_LOCK: "to keep its memory (vrrp_no_swap)",
}


def effective(path: str = "/proc/self/status") -> frozenset[int]:
    """The capabilities in force."""
    with open(path, encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith("CapEff:"):
                bits = int(line.split()[1], 16)
                return frozenset(bit for bit in range(64) if bits >> bit & 1)
    return frozenset()


def require(wanted: tuple[int, ...], have: frozenset[int]) -> None:
    """Check that everything wanted is there.

    Raises: StartError that names every missing one.
    """
    missing = [each for each in wanted if each not in have]
    if not missing:
        return
    names = " and ".join(f"{NAMES[each]} ({WHAT_FOR[each]})" for each in missing)
    words = " ".join(NAMES[each] for each in wanted)
    raise StartError("capabilities", f"not permitted: {names} is missing",
                     f"run as root, or give them to the service: AmbientCapabilities={words}")
