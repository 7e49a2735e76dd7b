"""Into the background: the first process waits until the daemon serves, so that a failure still reaches the terminal.

    first process ──fork──> middle (setsid) ──fork──> daemon
          └── waits for one octet: b"1" = it serves, exit 0; end of file = it failed and has said why, exit 1
"""

from __future__ import annotations

import os
import sys
from typing import TextIO

SERVES = b"1"


class Readiness:
    """The daemon's line to the process that waits at the terminal.

    `terminal` is where errors still go until `ready` is called; the standard streams are /dev/null from the beginning, so that
    nothing opened later holds the terminal.
    """

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self.terminal: TextIO = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace")
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        os.close(null)

    def resign(self) -> None:
        """Leave it to another process to say that it serves; the terminal stays ours until it is closed."""
        os.close(self._pipe)

    def ready(self) -> None:
        """It serves: let the first process end with success, and leave the terminal."""
        try:
            os.write(self._pipe, SERVES)
        except BrokenPipeError:             # it was interrupted at the terminal; the daemon stays
            pass
        os.close(self._pipe)
        self.terminal.close()


def daemonise() -> Readiness | int:
    """Fork twice. In the daemon: its line back. In the first process: the exit status, once the daemon serves or has failed."""
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    middle = os.fork()
    if middle:
        os.close(writing)
        os.waitpid(middle, 0)
        said = os.read(reading, 1)
        os.close(reading)
        return 0 if said == SERVES else 1
    os.setsid()
    if os.fork():
        os._exit(0)
    os.close(reading)
    return Readiness(writing)
