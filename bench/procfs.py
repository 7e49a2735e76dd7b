"""What processes used, as /proc tells it.

Source: proc(5): /proc/PID/stat fields 4 (parent), 14 and 15 (user and system ticks), /proc/PID/statm field 2, /proc/stat.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of CPU: the programs' own and the kernel's for them."""

    user_s: float = 0.0
    kernel_s: float = 0.0

    @property
    def total_s(self) -> float:
        return self.user_s + self.kernel_s

    def __sub__(self, earlier: Cpu) -> Cpu:
        return Cpu(self.user_s - earlier.user_s, self.kernel_s - earlier.kernel_s)


def stat_fields(text: str) -> list[str]:
    """The fields of a /proc/PID/stat line from the third on: a process's name may contain blanks and parentheses."""
    return text.rpartition(")")[2].split()


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    pids = [pid]
    for parent in pids:
        pids += children.get(parent, [])
    return pids


def cpu(pids: Iterable[int]) -> Cpu:
    """CPU of these processes so far, with all their threads; one that has ended counts nothing."""
    user = kernel = 0
    for pid in pids:
        fields = _stat(pid)
        if fields:
            user += int(fields[11])
            kernel += int(fields[12])
    return Cpu(user * TICK_S, kernel * TICK_S)


def rss_bytes(pids: Iterable[int]) -> int:
    """Resident memory of these processes; what they share is counted once for each."""
    total = 0
    for pid in pids:
        try:
            total += int((PROC / str(pid) / "statm").read_text().split()[1]) * PAGE_BYTES
        except (OSError, IndexError):
            continue
    return total


def peak_rss_bytes(pid: int) -> int:
    """The most memory a process had so far; 0 once it has ended."""
    try:
        status = (PROC / str(pid) / "status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def busy_s(core: int) -> float:
    """How long a core has been doing anything for anybody, stolen time included."""
    for line in (PROC / "stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, line.split()[1:9])
            return (user + nice + system + irq + softirq + steal) * TICK_S
    return 0.0


def _stat(pid: int) -> list[str]:
    try:
        return stat_fields((PROC / str(pid) / "stat").read_text())
    except OSError:
        return []
