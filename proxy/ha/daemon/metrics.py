"""Prometheus metrics over HTTP, on the address and port that the configuration names (`metrics [<address>] <port>`).

The VRRP child serves them; what the checkers child counts is asked of its socket, and left out when it does not answer soon.
Without a VRRP child the checkers child serves its own.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

from proxy.ha.conf.model import Global
from proxy.ha.daemon.one_answer import OneAnswer
from proxy.ha.daemon.status_socket import METRICS_QUESTION
from proxy.ha.exposition import CONTENT_TYPE, family
from proxy.ha.log import Log
from proxy.ha.loop import Loop
from proxy.ha.net.unix_question import UnixQuestion

MAX_CONNECTIONS = 16
PATIENCE_S = 5.0
ASK_PATIENCE_S = 1.0
MAX_OCTETS = 64 * 1024 * 1024
AGAIN_AFTER_S = 1.0
"""A port that somebody has now may be free soon: the other child lets it go at a reload, the process before at its end."""


class MetricsServer:
    """Answers GET /metrics with `text` and what the child at the socket `more` adds; anything else is not found."""

    def __init__(self, loop: Loop, log: Log, text: Callable[[], str]) -> None:
        self._loop, self._log, self._text = loop, log, text
        self._open: set[OneAnswer] = set()
        self._socket: socket.socket | None = None
        self._at: tuple[str, int] = ("", 0)
        self._more = self._why = ""
        self._again = loop.timer(self._listen_again)

    def configure(self, global_: Global, more: str = "") -> None:
        """Listen where the configuration says, or nowhere."""
        self._more = more
        wanted = (global_.metrics_address, global_.metrics_port)
        if wanted == self._at:
            return
        self.close()
        self._at = wanted
        if wanted[1] and not self._listen():
            self._log.say("err", f"no metrics at {wanted[0]} port {wanted[1]}: {self._why}")

    def _listen_again(self) -> None:
        if self._listen():
            self._log.say("info", f"metrics at {self._at[0]} port {self._at[1]}")

    def _listen(self) -> bool:
        address, port = self._at
        family_ = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family_, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
            sock.listen(MAX_CONNECTIONS)
        except OSError as error:
            sock.close()
            self._why = error.strerror or str(error)
            if error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
                self._why += ", trying again"
                self._again.set(self._loop.now() + AGAIN_AFTER_S)
            return False
        self._socket = sock
        self._loop.add_reader(sock.fileno(), self._accept)
        return True

    def _accept(self) -> None:
        if self._socket is None:
            return
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return
        if len(self._open) >= MAX_CONNECTIONS:
            connection.close()
            return
        self._open.add(OneAnswer(self._loop, connection, b"\r\n\r\n", self._answer, self._open.discard, PATIENCE_S))

    def _answer(self, question: bytes, asking: OneAnswer) -> bytes | None:
        line = question.split(b"\r\n", 1)[0].split(b" ")
        if len(line) != 3 or line[0] not in (b"GET", b"HEAD"):
            return _response(b"405 Method Not Allowed", b"", b"")
        if line[1].split(b"?")[0] != b"/metrics":
            return _response(b"404 Not Found", b"text/plain", b"there is: /metrics\n")
        head_only = line[0] == b"HEAD"
        if not self._more:
            return _response(b"200 OK", CONTENT_TYPE, self._text().encode(), head_only=head_only)

        def told(more: bytes | None, why: str) -> None:
            there = "\n".join(family("pyproxy_ha_checkers_up", "gauge", "whether the checkers child has answered",
                                     [({}, int(more is not None))])) + "\n"
            body = self._text().encode() + there.encode() + (more or b"")
            asking.reply(_response(b"200 OK", CONTENT_TYPE, body, head_only=head_only))

        UnixQuestion(self._loop, self._more, METRICS_QUESTION, ASK_PATIENCE_S, MAX_OCTETS, told)
        return None

    def close(self) -> None:
        """Answer nobody any more."""
        self._again.cancel()
        for each in list(self._open):
            each.close()
        if self._socket is not None:
            self._loop.remove(self._socket.fileno())
            self._socket.close()
            self._socket = None


def _response(status: bytes, kind: bytes, body: bytes, *, head_only: bool = False) -> bytes:
    head = b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\nConnection: close\r\n" % len(body)
    if kind:
        head += b"Content-Type: " + kind + b"\r\n"
    return head + b"\r\n" + (b"" if head_only else body)
