"""What a process says that has no descriptor left to start with."""

from __future__ import annotations

import errno
import resource

from proxy.base.errors import StartError

DESCRIPTORS_GONE = (errno.EMFILE, errno.ENFILE)


def out_of_descriptors() -> StartError:
    """What a start that has met one of DESCRIPTORS_GONE failed of."""
    reached = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return StartError(
        "descriptors", f"Too many open files: not even the start has enough of them, the limit is {reached}.",
        "raise it: ulimit -n 1024, or LimitNOFILE=1024 in the systemd unit; or close what whoever started this left open",
    )
