"""`SMTP_CHECK`: the server greets and answers HELO. Source: RFC 5321 §4.2, §4.3.2."""

from __future__ import annotations

import re
import socket

from proxy.ha.conf.routing import IpAddress
from proxy.ha.conf.services import CheckBasics
from proxy.ha.loop import Loop
from proxy.ha.virtual.probes.probe import Done, SocketProbe

MAX_OCTETS = 16384
_LAST_LINE = re.compile(rb"^[0-9]{3}(?: [^\r\n]*)?\r?\n", re.MULTILINE)


class SmtpProbe(SocketProbe):
    """Greeting 220, HELO 250, QUIT."""

    def __init__(self, loop: Loop, basics: CheckBasics, address: IpAddress, port: int, helo: str, done: Done) -> None:
        super().__init__(loop, basics, address, port, done)
        self._helo = helo
        self._said = bytearray()
        self._greeted = False

    def connected(self, sock: socket.socket) -> None:
        self.loop.add_reader(sock.fileno(), self._read)

    def _read(self) -> None:
        while (octets := self.receive()) is not None:
            self._said += octets
            match = _LAST_LINE.search(self._said)
            if match is not None:
                self._reply(bytes(match[0]))
                if self.socket is None:
                    return
                del self._said[: match.end()]
            elif not octets or len(self._said) > MAX_OCTETS:
                self.finish(False, "no SMTP reply" if octets else "the connection ended before a reply")
                return

    def _reply(self, line: bytes) -> None:
        wanted = b"250" if self._greeted else b"220"
        said = line.strip().decode("utf-8", "replace")
        if line[:3] != wanted:
            self.finish(False, f"{'HELO' if self._greeted else 'greeting'} answered with '{said}'")
        elif not self._greeted:
            self._greeted = True
            self.send(f"HELO {self._helo}\r\n".encode("utf-8", "surrogateescape"))
        elif self.send(b"QUIT\r\n"):
            self.finish(True, said)
