"""The limit on open files, set to what `maxconn` will need."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable

from proxy.build.process import DESCRIPTORS_KEPT, descriptors_besides
from proxy.runtime.process import Process


def open_descriptors() -> frozenset[int]:
    """What is open now; nothing where the system does not tell."""
    found = set()
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        return frozenset()
    for number in map(int, names):
        with contextlib.suppress(OSError):      # that of the listing itself is closed again
            os.fstat(number)
            found.add(number)
    return frozenset(found)


def descriptors_needed(process: Process) -> int:
    """Two for each client, one for each listener and each check, what workers share, and a few to live on."""
    listeners = sum(len(frontend.listeners) for frontend in process.frontends)
    checks = sum(server.check is not None for backend in process.backends for server in backend.servers)
    return 2 * process.maxconn + descriptors_besides(process.nbthread, listeners, checks, len(process.backends))


def raise_limit(wanted: int, warn: Callable[[str, str], None]) -> None:
    """Allow the process that many descriptors; warn where the system does not let it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    for new_hard in (max(hard, wanted) if hard != resource.RLIM_INFINITY else hard, hard):
        new_soft = wanted if new_hard == resource.RLIM_INFINITY else min(wanted, new_hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (new_soft, new_hard))
        except (OSError, ValueError):
            continue
        if new_soft >= wanted:
            return
        break
    reached = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    enough = max(1, reached // 2 - DESCRIPTORS_KEPT)
    warn(f"[haproxy.main()] Cannot raise FD limit to {wanted}, limit is {reached}.",
         f"raise it (ulimit -n {wanted}, or LimitNOFILE={wanted} in the systemd unit), or lower 'maxconn' to {enough}")
