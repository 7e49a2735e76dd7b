"""The limit on open files, set to what `maxconn` will need."""

from __future__ import annotations

import errno
import resource
from collections.abc import Callable

from proxy.base.errors import StartError
from proxy.runtime.process import Process

DESCRIPTORS_GONE = (errno.EMFILE, errno.ENFILE)
KEPT = 20           # standard streams, log sockets, the event loop's own


def descriptors_needed(process: Process) -> int:
    """Two for each client, one for each listener and each check, and a few to live on."""
    listeners = sum(len(frontend.listeners) for frontend in process.frontends)
    checks = sum(server.check is not None for backend in process.backends for server in backend.servers)
    return 2 * process.maxconn + listeners + checks + KEPT


def out_of_descriptors() -> StartError:
    """What a start that has met one of DESCRIPTORS_GONE failed of."""
    reached = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return StartError(
        "descriptors", f"Too many open files: not even the start has enough of them, the limit is {reached}.",
        "raise it: ulimit -n 1024, or LimitNOFILE=1024 in the systemd unit; or close what whoever started this left open",
    )


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
    enough = max(1, reached // 2 - KEPT)
    warn(f"[haproxy.main()] Cannot raise FD limit to {wanted}, limit is {reached}.",
         f"raise it (ulimit -n {wanted}, or LimitNOFILE={wanted} in the systemd unit), or lower 'maxconn' to {enough}")
