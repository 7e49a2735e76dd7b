"""A client that asks the virtual address every few milliseconds, and knows for how long nobody answered."""

from __future__ import annotations

import itertools
import select
import socket
import struct
import threading
import time

from proxy.ha.vrrp.packet import checksum
from tests.ha.lab import Host

EVERY_S = 0.01
ECHO_REQUEST, ECHO_REPLY = 8, 0


class Prober:
    """Sends echo requests from a host until it is stopped; `answers` are the times of the replies."""

    def __init__(self, host: Host, address: str, every_s: float = EVERY_S) -> None:
        self._socket = host.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._address, self._every_s = address, every_s
        self._stop = threading.Event()
        self.answers: list[float] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self._socket.setblocking(False)
        due, number = time.monotonic(), 0
        while not self._stop.is_set():
            now = time.monotonic()
            if now >= due:
                number = (number + 1) & 0xFFFF
                body = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, 0x7777, number)
                try:
                    self._socket.sendto(body[:2] + struct.pack("!H", checksum(body)) + body[4:], (self._address, 0))
                except OSError:             # no neighbour entry at the moment: that is what is measured
                    pass
                due = max(due + self._every_s, now)
            select.select([self._socket], [], [], max(due - time.monotonic(), 0))
            self._read()

    def _read(self) -> None:
        while True:
            try:
                packet, sender = self._socket.recvfrom(2048)
            except OSError:
                return
            if sender[0] == self._address and packet[20] == ECHO_REPLY and packet[24:26] == b"\x77\x77":
                self.answers.append(time.monotonic())

    def longest_gap_s(self, since: float, until: float) -> float:
        """The longest time without an answer between two moments."""
        times = [since, *(each for each in self.answers if since <= each <= until), until]
        return max(later - earlier for earlier, later in itertools.pairwise(times))

    def wait_answer(self, after: float, patience_s: float = 60.0) -> float:
        """When the first answer after a moment came."""
        deadline = time.monotonic() + patience_s
        while not (self.answers and self.answers[-1] > after):
            if time.monotonic() > deadline:
                raise AssertionError("nobody answers")
            time.sleep(0.005)
        return next(each for each in self.answers if each > after)

    def stop(self) -> None:
        """Ask no more."""
        self._stop.set()
        self._thread.join()
        self._socket.close()
