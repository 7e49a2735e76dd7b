"""Who held the loop up: what `-d` and the tests want to know of a turn that was longer than it may be.

One loop serves everybody, so that nobody may keep it for long. The worker itself reads a coarse clock where a turn begins and
where it ends, and counts (`BlockedTrafficWarnings` of "show info", the name that later versions of HAProxy have for it).
Everything else is a witness' business, and an ordinary worker has none:

    turn begins --begun--> sockets are served, each timed --> turn ends --ended-->      too long: held_up, which tells
    meanwhile a thread looks every 20 ms where the loop's thread is

Wall-clock time is what clients wait; processor time tells a callback that worked from a machine that was busy with others. What
machine code does the thread can not see: there the socket that took longest is all there is to tell.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

from proxy.core.stream.ports import Watched
from proxy.engine.readiness import Readiness

LONGEST_TURN_MS = 100       # of the loop, in which nobody else is served: longer ones are counted
LOOK_EVERY_S = 0.02
LOOKS_KEPT = 512
Tell = Callable[[int, int, str], None]      # (wall-clock ms, processor ms, place)
told_of_all: Tell | None = None             # set by tests: told of the long turns of every worker that is started


class Witness:
    """Sees where the time of a loop goes.

    Contract: made and told on the loop's own thread; `close` ends its thread.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._cpu_s = time.thread_time()
        self._longest_s = 0.0
        self._longest: object = None
        self._looks: deque[tuple[float, str]] = deque(maxlen=LOOKS_KEPT)
        self._over = threading.Event()
        self._watched = threading.get_ident()
        self._thread = threading.Thread(target=self._look_on, name="watchdog", daemon=True)
        self._thread.start()

    def begun(self) -> None:
        """A turn begins."""
        self._cpu_s = time.thread_time()
        self._longest_s, self._longest = 0.0, None

    def ended(self) -> None:
        """A turn has ended: what comes now are other callbacks of the loop."""
        self.begun()

    def served(self, watcher: object, seconds: float) -> None:
        """So long it took to serve a socket."""
        if seconds > self._longest_s:
            self._longest_s, self._longest = seconds, watcher

    def held_up(self, held_ms: int) -> None:
        """Everybody has waited so long."""
        cpu_ms = round((time.thread_time() - self._cpu_s) * 1000)
        since_s = time.monotonic() - held_ms / 1000
        places = Counter(place for at_s, place in list(self._looks) if at_s >= since_s)
        place = places.most_common(1)[0][0] if places else "machine code"
        if self._longest is not None:
            place += f", for {described(self._longest)}"
        self._tell(held_ms, cpu_ms, place)

    def close(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            frame = sys._current_frames().get(self._watched)
            if frame is not None:
                code = frame.f_code
                self._looks.append((time.monotonic(), f"{code.co_filename}:{frame.f_lineno} ({code.co_qualname})"))


class Timed(Watched):
    """Stands before a watcher and takes its time."""

    __slots__ = ("_watcher", "_witness")

    def __init__(self, watcher: Watched, witness: Witness) -> None:
        Watched.__init__(self)
        self._watcher = watcher
        self._witness = witness

    def ready(self, events: int) -> None:
        began_s = time.monotonic()
        self._watcher.ready(events)
        self._witness.served(self._watcher, time.monotonic() - began_s)


class TimedReadiness(Readiness):
    """Tells watchers when their sockets are ready, and a witness how long each of them took."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, turn: Callable[[], None], settle: Callable[[], None], witness: Witness
    ) -> None:
        super().__init__(loop, turn, settle)
        self.witness = witness

    def watch(self, fd: int, watcher: Watched, events: int) -> None:
        super().watch(fd, Timed(watcher, self.witness), events)


def described(watcher: object) -> str:
    """What a socket was watched for, as far as one can tell from outside."""
    owner = getattr(watcher, "owner", None)
    words = [type(watcher).__name__]
    for holder in (owner, getattr(owner, "session", None), getattr(watcher, "listener", None)):
        frontend = getattr(holder, "frontend", None)
        if frontend is not None:
            return f"{words[0]} of frontend {frontend.name}"
    server = getattr(owner, "server", None)
    if server is not None:
        words.append(f"of server {server.backend.name}/{server.name}")
    return " ".join(words)
