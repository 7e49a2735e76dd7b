"""`track_proxy`: whether a backend, or one server of it, can serve, asked of a proxy's runtime socket.

What is asked is `show stat`; the socket of pyproxy and that of HAProxy answer alike. No answer is a failure like any other: a
proxy that has stopped, hangs, or has lost its socket serves nobody.
"""

from __future__ import annotations

from proxy.ha.conf.model import TrackProxy
from proxy.ha.log import Log
from proxy.ha.loop import Loop
from proxy.ha.net.unix_question import UnixQuestion
from proxy.ha.proxy_statistics import state_of
from proxy.ha.speaker.trackers.tracker import Report, Value
from proxy.ha.vrrp.rise_fall import RiseFall

MAX_OCTETS = 32 * 1024 * 1024
GOOD = ("UP", "OPEN", "no check")


class ProxyTracker:
    """Asks one proxy about one backend."""

    def __init__(self, loop: Loop, log: Log, proxy: TrackProxy, report: Report) -> None:
        self._loop, self._log, self._proxy, self._report = loop, log, proxy, report
        self._state = RiseFall(proxy.rise, proxy.fall)
        self._next = loop.timer(self._ask)
        self._asked: UnixQuestion | None = None
        self.value: Value = None

    def start(self) -> None:
        self._next.set(self._loop.now())

    def stop(self) -> None:
        self._next.cancel()
        if self._asked is not None:
            self._asked.cancel()

    def _ask(self) -> None:
        self._next.set(self._loop.now() + self._proxy.interval_s)
        if self._asked is not None and self._asked.waiting:
            return                              # the timeout is longer than the interval
        self._asked = UnixQuestion(self._loop, self._proxy.socket, b"show stat\n", self._proxy.timeout_s, MAX_OCTETS, self._told)

    def _told(self, answer: bytes | None, why: str) -> None:
        backend = self._proxy.backend
        state = "" if answer is None else state_of(answer.decode("utf-8", "surrogateescape"), backend)
        if answer is not None:
            why = f"{backend} is {state}" if state else f"there is no backend {backend}"
        if self._state.result(state.startswith(GOOD)):
            self.value = self._state.up
            self._log.say("info", f"track_proxy({backend}) {'up' if self.value else 'down'}: {why}")
            self._report(self.value, why)
