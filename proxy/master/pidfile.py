"""The pid file: opened before anything is given up, written by the process that stays."""

from __future__ import annotations

import os

from proxy.base.errors import StartError


class PidFile:
    """An open pid file.

    It is not removed at the end: the process that took over has written its own pid there.
    Raises: StartError when it cannot be made.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644)
        except OSError as error:
            folder = os.path.dirname(path) or "."
            hint = f"mkdir -p {folder}, or correct -p / 'pidfile'" if not os.path.isdir(folder) else error.strerror or str(error)
            raise StartError("pidfile", f"Cannot create pidfile {path}", hint) from None

    def write(self, pid: int) -> None:
        """Write one pid and close.

        Raises: StartError.
        """
        try:
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, b"%d\n" % pid)
        except OSError as error:
            raise StartError("pidfile", f"Cannot write pidfile {self._path}", error.strerror or str(error)) from None
        self.close()

    def close(self) -> None:
        """Close; what is in the file stays."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
