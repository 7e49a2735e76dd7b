"""`vrrp_track_process`: how many processes of a name run, told by the kernel, or looked up once a second where it does not."""

from __future__ import annotations

import os

from proxy.ha.conf.model import TrackProcess
from proxy.ha.log import Log
from proxy.ha.loop import Loop, Timer
from proxy.ha.net.netlink import Overrun
from proxy.ha.net.proc_events import ProcessEvents
from proxy.ha.speaker.trackers.tracker import Report, Value

LOOK_EVERY_S = 1.0
_COMM_OCTETS = 15                       # the kernel keeps no more of a name


class ProcessTable:
    """Who runs: asked once of /proc, then kept up by the kernel's events; shared by every tracker of processes."""

    def __init__(self, loop: Loop, log: Log, folder: str = "/proc") -> None:
        self._loop, self._log, self._folder = loop, log, folder
        self._trackers: list[ProcessTracker] = []
        self._events: ProcessEvents | None = None
        self._timer = loop.timer(self._look)

    def add(self, tracker: ProcessTracker) -> None:
        """Serve one more tracker."""
        if not self._trackers:
            self._open()
        self._trackers.append(tracker)
        self._scan([tracker])

    def remove(self, tracker: ProcessTracker) -> None:
        """Serve one less."""
        if tracker in self._trackers:
            self._trackers.remove(tracker)
        if not self._trackers:
            self._timer.cancel()
            if self._events is not None:
                self._loop.remove(self._events.fileno())
                self._events.close()
                self._events = None

    def _open(self) -> None:
        try:
            self._events = ProcessEvents()
        except OSError as error:
            self._log.say("info", f"the kernel does not tell of processes here ({error.strerror}): looking once a second")
            self._timer.set(self._loop.now() + LOOK_EVERY_S)
        else:
            self._loop.add_reader(self._events.fileno(), self._told)

    def _told(self) -> None:
        if self._events is None:
            return
        try:
            changed, ended = self._events.read()
        except Overrun:
            self._scan(self._trackers)
            return
        for pid in ended:
            for tracker in self._trackers:
                tracker.gone(pid)
        for pid in changed:
            self._tell(pid, self._trackers)

    def _look(self) -> None:
        self._timer.set(self._loop.now() + LOOK_EVERY_S)
        self._scan(self._trackers)

    def _scan(self, trackers: list[ProcessTracker]) -> None:
        pids = [int(name) for name in os.listdir(self._folder) if name.isascii() and name.isdigit()]
        for tracker in trackers:
            tracker.only(set(pids))
        for pid in pids:
            self._tell(pid, trackers)
        for tracker in trackers:
            tracker.settle()

    def _tell(self, pid: int, trackers: list[ProcessTracker]) -> None:
        found = self._describe(pid)
        for tracker in trackers:
            if found is None:
                tracker.gone(pid)
            else:
                tracker.seen(pid, *found)

    def _describe(self, pid: int) -> tuple[str, tuple[str, ...]] | None:
        """The name of a process and its command line; None for one that has ended, zombies included."""
        try:
            with open(f"{self._folder}/{pid}/stat", "rb") as file:
                stat = file.read(512)
            words: tuple[str, ...] = ()
            if any(tracker.needs_command_line for tracker in self._trackers):
                with open(f"{self._folder}/{pid}/cmdline", "rb") as file:
                    words = tuple(os.fsdecode(word) for word in file.read(1 << 16).rstrip(b"\0").split(b"\0"))
        except OSError:
            return None
        start, end = stat.find(b"("), stat.rfind(b")")
        if stat[end + 2 : end + 3] in (b"Z", b"X"):
            return None
        return os.fsdecode(stat[start + 1 : end]), words


class ProcessTracker:
    """Counts the processes that match."""

    def __init__(self, loop: Loop, table: ProcessTable, process: TrackProcess, report: Report) -> None:
        self._loop, self._table, self._process, self._report = loop, table, process, report
        self._pids: set[int] = set()
        self._delay: Timer = loop.timer(self._tell)
        self.needs_command_line = process.full_command or process.parameters is not None or bool(process.param_match)
        self.value: Value = None

    def start(self) -> None:
        self._table.add(self)

    def stop(self) -> None:
        self._table.remove(self)
        self._delay.cancel()

    def seen(self, pid: int, name: str, words: tuple[str, ...]) -> None:
        """A process is there, or has changed."""
        before = len(self._pids)
        if self._matches(name, words):
            self._pids.add(pid)
        else:
            self._pids.discard(pid)
        if len(self._pids) != before:
            self.settle()

    def gone(self, pid: int) -> None:
        """A process has ended."""
        if pid in self._pids:
            self._pids.discard(pid)
            self.settle()

    def only(self, pids: set[int]) -> None:
        """These are all there are."""
        self._pids &= pids

    def settle(self) -> None:
        """Report a new state, after the delay that is configured for its direction."""
        up = self._up
        if up == self.value:
            self._delay.cancel()
            return
        delay_s = self._process.fork_delay_s if up else self._process.terminate_delay_s
        if self.value is None or delay_s == 0:
            self._tell()
        elif self._delay.at == float("inf"):
            self._delay.set(self._loop.now() + delay_s)

    @property
    def _up(self) -> bool:
        count = len(self._pids)
        return count >= self._quorum and (self._process.quorum_max is None or count <= self._process.quorum_max)

    @property
    def _quorum(self) -> int:
        """With `quorum_max 0` nothing is wanted."""
        return 0 if self._process.quorum_max == 0 else self._process.quorum

    def _tell(self) -> None:
        up = self._up
        if up != self.value:
            self.value = up
            self._report(up, f"{len(self._pids)} processes {self._process.process}")

    def _matches(self, name: str, words: tuple[str, ...]) -> bool:
        process = self._process
        if not self.needs_command_line:
            return name == process.process[:_COMM_OCTETS]
        if not words:
            return False
        command = words[0] if process.full_command or "/" in process.process else os.path.basename(words[0])
        if command != process.process and (process.full_command or name != process.process[:_COMM_OCTETS]):
            return False
        if process.parameters is None and not process.param_match:
            return True
        wanted, given = process.parameters or (), words[1:]
        if process.param_match == "partial":
            return given[: len(wanted)] == wanted
        if process.param_match == "initial":
            return len(given) >= len(wanted) and given[: len(wanted) - 1] == wanted[:-1] and (
                not wanted or given[len(wanted) - 1].startswith(wanted[-1]))
        return given == wanted
