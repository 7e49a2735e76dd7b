"""Signals as events of the loop: Python writes their numbers into a socket, nothing happens between two instructions."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Mapping

from proxy.ha.loop import Loop


class Signals:
    """Calls back for signals, one after the other, from the loop. What it had before comes back with `close`."""

    def __init__(self, loop: Loop, actions: Mapping[int, Callable[[], None]]) -> None:
        self._loop, self._actions = loop, actions
        self._reading, self._writing = socket.socketpair()
        self._reading.setblocking(False)
        self._writing.setblocking(False)
        self._old_wakeup = signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        self._old = {number: signal.signal(number, lambda *_: None) for number in actions}
        loop.add_reader(self._reading.fileno(), self._read)

    def _read(self) -> None:
        try:
            numbers = self._reading.recv(256)
        except BlockingIOError:
            return
        for number in dict.fromkeys(numbers):
            action = self._actions.get(number)
            if action is not None:
                action()

    def close(self) -> None:
        """Leave the signals as they were."""
        self._loop.remove(self._reading.fileno())
        signal.set_wakeup_fd(self._old_wakeup)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._reading.close()
        self._writing.close()
