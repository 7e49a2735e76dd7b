"""The files of unix sockets: an embedded load balancer takes its own away again."""

from __future__ import annotations

import contextlib
import os

from proxy.base.addresses import Family
from proxy.runtime.process import Process


class SocketFiles:
    """The files that the bound unix listeners of a process have made.

    The program leaves them, as HAProxy does: a successor may have put its own there. Here nothing is left behind.
    """

    def __init__(self, process: Process) -> None:
        self._files: list[tuple[str, int, int]] = []
        for frontend in process.frontends:
            for listener in frontend.listeners:
                if listener.address.family is Family.UNIX and not frontend.disabled:
                    status = os.stat(listener.address.host)
                    self._files.append((listener.address.host, status.st_dev, status.st_ino))

    def remove(self, kept: SocketFiles | None = None) -> None:
        """Remove those that are still ours, and not among those kept."""
        for path, device, inode in self._files:
            if kept is not None and (path, device, inode) in kept._files:
                continue
            with contextlib.suppress(OSError):
                status = os.stat(path)
                if (status.st_dev, status.st_ino) == (device, inode):
                    os.unlink(path)
        self._files.clear()
