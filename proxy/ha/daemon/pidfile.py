"""Pid files: one process at a time may hold one; it is removed when that ends."""

from __future__ import annotations

import fcntl
import os

from proxy.base.errors import StartError


class PidFile:
    """A pid file that is ours: locked, so that a file left by a crash is told from one that is in use.

    Raises: StartError when another process holds it, or it cannot be made.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            self._descriptor = os.open(path, flags, 0o644)
        except OSError as error:
            raise StartError("pidfile", f"cannot make pid file {path}: {error.strerror}",
                             "name another with -p, -r, -c") from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.read(self._descriptor, 32).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise StartError("pidfile", f"daemon is already running (pid {pid}, {path})", "stop it first, or name another pid "
                                                                                          "file with -p") from None
        if other := self._other():
            os.close(self._descriptor)
            raise StartError("pidfile", f"{path} belongs to process {other}, which runs", "stop it first, or name another pid "
                                                                                          "file with -p")

    def _other(self) -> int:
        """A keepalived that runs and has written this file; 0 when there is none. It holds no lock."""
        text = os.pread(self._descriptor, 32, 0).strip()
        if not text.isdigit() or len(text) > 10:
            return 0
        pid = int(text)
        try:
            with open(f"/proc/{pid}/comm", "rb") as file:
                return pid if pid != os.getpid() and file.read().startswith(b"keepalived") else 0
        except OSError:
            return 0

    def write(self, pid: int) -> None:
        """Write a pid."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, b"%d\n" % pid, 0)

    def remove(self) -> None:
        """Remove the file and give it up."""
        try:
            os.unlink(self.path)
        except OSError:
            pass
        self.close()

    def close(self) -> None:
        """Give it up; the file stays. For a forked child: the lock stays with the parent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
