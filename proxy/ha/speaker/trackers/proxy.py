"""`track_proxy`: whether a backend, or one server of it, can serve, asked of a proxy's runtime socket.

What is asked is `show stat`; the socket of pyproxy and that of HAProxy answer alike. No answer is a failure like any other: a
proxy that has stopped, hangs, or has lost its socket serves nobody.
"""

from __future__ import annotations

import csv
import io
import socket

from proxy.ha.conf.model import TrackProxy
from proxy.ha.log import Log
from proxy.ha.loop import Loop
from proxy.ha.speaker.trackers.tracker import Report, Value
from proxy.ha.vrrp.rise_fall import RiseFall

MAX_OCTETS = 32 * 1024 * 1024
GOOD = ("UP", "OPEN", "no check")


def state_of(answer: str, backend: str) -> str:
    """What `show stat` says of `backend` or `backend/server`; "" when it is not there."""
    proxy, _, server = backend.partition("/")
    rows = csv.reader(io.StringIO(answer.lstrip("\n").removeprefix("# ")))
    try:
        header = next(rows)
        name, row_name, status = header.index("pxname"), header.index("svname"), header.index("status")
    except (StopIteration, ValueError, csv.Error):
        return ""
    try:
        for row in rows:
            if len(row) > status and row[name] == proxy and row[row_name] == (server or "BACKEND"):
                return row[status]
    except csv.Error:
        return ""
    return ""


class ProxyTracker:
    """Asks one proxy about one backend."""

    def __init__(self, loop: Loop, log: Log, proxy: TrackProxy, report: Report) -> None:
        self._loop, self._log, self._proxy, self._report = loop, log, proxy, report
        self._state = RiseFall(proxy.rise, proxy.fall)
        self._next = loop.timer(self._ask)
        self._patience = loop.timer(lambda: self._done("", f"no answer in {proxy.timeout_s:g} s"))
        self._socket: socket.socket | None = None
        self._answer = bytearray()
        self.value: Value = None

    def start(self) -> None:
        self._next.set(self._loop.now())

    def stop(self) -> None:
        self._next.cancel()
        self._close()

    def _ask(self) -> None:
        now = self._loop.now()
        self._next.set(now + self._proxy.interval_s)
        if self._socket is not None:
            return
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            sock.connect(self._proxy.socket)
            sock.send(b"show stat\n")
        except OSError as error:
            sock.close()
            self._done("", f"{self._proxy.socket}: {error.strerror}")
            return
        self._socket = sock
        self._answer.clear()
        self._patience.set(now + self._proxy.timeout_s)
        self._loop.add_reader(sock.fileno(), self._read)

    def _read(self) -> None:
        if self._socket is None:
            return
        try:
            octets = self._socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError as error:
            self._done("", f"{self._proxy.socket}: {error.strerror}")
            return
        self._answer += octets
        if len(self._answer) > MAX_OCTETS:
            self._done("", "the answer has no end")
        elif not octets:
            answer = self._answer.decode("utf-8", "replace")
            state = state_of(answer, self._proxy.backend)
            self._done(state, f"{self._proxy.backend} is {state}" if state else f"there is no backend {self._proxy.backend}")

    def _close(self) -> None:
        self._patience.cancel()
        if self._socket is not None:
            self._loop.remove(self._socket.fileno())
            self._socket.close()
            self._socket = None
        self._answer = bytearray()

    def _done(self, state: str, why: str) -> None:
        self._close()
        if self._state.result(state.startswith(GOOD)):
            self.value = self._state.up
            self._log.say("info", f"track_proxy({self._proxy.backend}) {'up' if self.value else 'down'}: {why}")
            self._report(self.value, why)
