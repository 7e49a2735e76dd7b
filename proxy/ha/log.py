"""What the daemon says: to syslog, to a file, to the terminal. Nothing here waits: a full syslog loses lines and counts them."""

from __future__ import annotations

import os
import socket
import sys
import time
from dataclasses import dataclass
from typing import Protocol

from proxy.base.syslog import FACILITY_NUMBERS, LEVEL_NUMBERS

DEVICE = "/dev/log"


class Log(Protocol):
    """Where lines go."""

    def say(self, level: str, text: str) -> None:
        """Say one line; `level` is syslog's name for how much it matters."""

    def detail(self, text: str) -> None:
        """Say what is only said with -D."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Where lines go: `facility` is syslog's name, `file` a path or ""; `detailed` is -D."""

    console: bool = False
    syslog: bool = True
    facility: str = "daemon"
    file: str = ""
    detailed: bool = False


class ProcessLog:
    """The log of one process; `ident` names it."""

    def __init__(self, ident: str, options: LogOptions) -> None:
        self.ident, self.options = ident, options
        self.lost_count = 0
        self._facility = FACILITY_NUMBERS[options.facility]
        self._socket: socket.socket | None = None
        self._file = -1
        if options.file:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            self._file = os.open(options.file, flags, 0o640)

    def say(self, level: str, text: str) -> None:
        now = time.localtime()
        stamp = time.strftime("%a %b %e %H:%M:%S %Y", now)
        if self.options.console:
            self._write(2, f"{stamp}: {text}\n")
        if self._file >= 0:
            self._write(self._file, f"{stamp}: {text}\n")
        if self.options.syslog:
            self._syslog(level, now, text)

    def detail(self, text: str) -> None:
        if self.options.detailed:
            self.say("info", text)

    def _write(self, descriptor: int, line: str) -> None:
        try:
            os.write(descriptor, line.encode("utf-8", "backslashreplace"))
        except OSError:                     # the terminal is gone or the disk full: the address matters more
            self.lost_count += 1

    def _syslog(self, level: str, now: time.struct_time, text: str) -> None:
        priority = self._facility * 8 + LEVEL_NUMBERS[level]
        stamp = time.strftime("%b %e %H:%M:%S", now)
        line = f"<{priority}>{stamp} {self.ident}[{os.getpid()}]: {text}".encode("utf-8", "backslashreplace")
        for _ in range(2):                  # a syslog daemon that was started anew has a new socket
            try:
                if self._socket is None:
                    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
                    self._socket = sock
                    sock.connect(DEVICE)
                self._socket.send(line)
                return
            except OSError:
                if self._socket is not None:
                    self._socket.close()
                    self._socket = None
        self.lost_count += 1

    def close(self) -> None:
        """Give the descriptors back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def our_fault(error: Exception) -> str:
    """What nobody expected, and where: never a traceback."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{os.path.basename(place.tb_frame.f_code.co_filename)}:{place.tb_lineno}" if place is not None else "?"
    return f"{type(error).__name__}: {error} at {where}; this is a bug in pyproxy-ha, please report it"


def to_terminal(text: str) -> None:
    """Say something at the terminal, before there is a log."""
    try:
        sys.stderr.write(text if text.endswith("\n") else text + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass
