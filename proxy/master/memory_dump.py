"""SIGQUIT: what the process holds in memory, on stderr."""

from __future__ import annotations

import gc
import resource
from collections.abc import Callable

from proxy.engine.worker import Worker


def tell_memory(worker: Worker, say: Callable[[str, str], None]) -> None:
    """Say how much memory is used, and by how much work; collects garbage first, as HAProxy flushes its pools."""
    freed = gc.collect()
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    servers = [server for backend in worker.process.backends for server in backend.servers]
    idle = sum(len(server.idle.connections) for server in servers if server.idle is not None)
    say("NOTICE", f"Dumping memory usage: {_resident_kb()} kB resident, {peak_kb} kB at most, {len(gc.get_objects())} objects, "
                  f"{freed} freed, {len(worker.sessions)} sessions, {idle} idle server connections.")


def _resident_kb() -> int:
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as lines:
            for line in lines:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
    except OSError:                 # no /proc, as in a chroot
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
