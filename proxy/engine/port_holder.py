"""Who listens on a TCP port, as far as /proc shows it."""

from __future__ import annotations

import os

LISTEN = "0A"


def who_holds(port: int) -> str:
    """"nginx (pid 123)", or empty when it cannot be seen."""
    inodes = _listening_inodes(port)
    if not inodes:
        return ""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for pid in filter(str.isdigit, _entries("/proc")):
        folder = f"/proc/{pid}/fd"
        for descriptor in _entries(folder):
            try:
                target = os.readlink(f"{folder}/{descriptor}")
            except OSError:
                continue
            if target in wanted:
                return f"{_name(pid)} (pid {pid})"
    return ""


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as lines:
                rows = [line.split() for line in lines][1:]
        except OSError:
            continue
        inodes |= {row[9] for row in rows if row[3] == LISTEN and int(row[1].rpartition(":")[2], 16) == port}
    return inodes


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _name(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm:
            return comm.read().strip()
    except OSError:
        return "a process"
