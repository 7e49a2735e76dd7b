"""Into the background: two forks and a session of its own; the terminal is given up."""

from __future__ import annotations

import os
import sys


def to_background() -> int | None:
    """In the process at the terminal: its exit status. In the daemon: None. Open descriptors stay open."""
    sys.stdout.flush()
    sys.stderr.flush()
    middle = os.fork()
    if middle:
        _, status = os.waitpid(middle, 0)
        return os.waitstatus_to_exitcode(status)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    if null > 2:
        os.close(null)
    return None
