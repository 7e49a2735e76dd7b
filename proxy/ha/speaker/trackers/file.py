"""`track_file`: the number in a file, read whenever the file has changed."""

from __future__ import annotations

import os
import re

from proxy.ha.conf.model import TrackFile
from proxy.ha.log import Log
from proxy.ha.loop import Loop
from proxy.ha.speaker.trackers.tracker import Report, Value

LOOK_EVERY_S = 0.25
"""A look is one stat(2): some microseconds. It follows files over renames, new folders and file systems that send no events."""

_NUMBER = re.compile(rb"\s*([+-]?[0-9]{1,10})(?:\s|$)")


class FileTracker:
    """Watches one file."""

    def __init__(self, loop: Loop, log: Log, file: TrackFile, report: Report) -> None:
        self._loop, self._log, self._file, self._report = loop, log, file, report
        self._timer = loop.timer(self._look)
        self._seen: tuple[int, int, int] | None = None
        self.value: Value = 0

    def start(self) -> None:
        """Make the file where the configuration says so, and read it."""
        if self._file.init_file and (self._file.init_overwrite or not os.path.exists(self._file.file)):
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_CLOEXEC
                descriptor = os.open(self._file.file, flags, 0o644)
                try:
                    os.write(descriptor, b"%d\n" % self._file.init_value)
                finally:
                    os.close(descriptor)
            except OSError as error:
                self._log.say("warning", f"track_file {self._file.name}: cannot write {self._file.file}: {error.strerror}")
        self._look()

    def stop(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        self._timer.set(self._loop.now() + LOOK_EVERY_S)
        try:
            found = os.stat(self._file.file)
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        except OSError:
            seen = (0, 0, 0)
        if seen == self._seen:
            return
        self._seen = seen
        value = self._read()
        if value != self.value:
            self.value = value
            self._report(value, f"{self._file.file} is {value}")

    def _octets(self) -> bytes:
        # A pipe may have been put there: neither opening nor reading it may wait, or no advert would be sent meanwhile.
        descriptor = os.open(self._file.file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return os.read(descriptor, 64)
        finally:
            os.close(descriptor)

    def _read(self) -> int:
        """The number; what cannot be read counts as 0, and is said."""
        try:
            octets = self._octets()
        except FileNotFoundError:
            return 0
        except OSError as error:
            self._log.say("warning", f"track_file {self._file.name}: cannot read {self._file.file}: {error.strerror}")
            return 0
        match = _NUMBER.match(octets)
        if match is None:
            if octets.strip():
                self._log.say("warning", f"track_file {self._file.name}: there is no number in {self._file.file}")
            return 0
        return int(match[1])
