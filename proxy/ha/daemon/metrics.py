"""Prometheus metrics over HTTP, on the address and port that the configuration names (`metrics [<address>] <port>`)."""

from __future__ import annotations

import socket
from collections.abc import Callable

from proxy.ha.conf.model import Global
from proxy.ha.daemon.one_answer import OneAnswer
from proxy.ha.log import Log
from proxy.ha.loop import Loop

MAX_CONNECTIONS = 16
PATIENCE_S = 5.0
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class MetricsServer:
    """Answers GET /metrics; anything else is not found."""

    def __init__(self, loop: Loop, log: Log, text: Callable[[], str]) -> None:
        self._loop, self._log, self._text = loop, log, text
        self._open: set[OneAnswer] = set()
        self._socket: socket.socket | None = None
        self._at: tuple[str, int] = ("", 0)

    def configure(self, global_: Global) -> None:
        """Listen where the configuration says, or nowhere."""
        wanted = (global_.metrics_address, global_.metrics_port)
        if wanted == self._at:
            return
        self.close()
        self._at = wanted
        if not wanted[1]:
            return
        family = socket.AF_INET6 if ":" in wanted[0] else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(wanted)
            sock.listen(MAX_CONNECTIONS)
        except OSError as error:
            sock.close()
            self._log.say("err", f"no metrics at {wanted[0]} port {wanted[1]}: {error.strerror}")
            return
        self._socket = sock
        self._loop.add_reader(sock.fileno(), self._accept)

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

    def _answer(self, question: bytes) -> bytes:
        line = question.split(b"\r\n", 1)[0].split(b" ")
        if len(line) != 3 or line[0] not in (b"GET", b"HEAD"):
            return _response(b"405 Method Not Allowed", b"", b"")
        if line[1].split(b"?")[0] != b"/metrics":
            return _response(b"404 Not Found", b"text/plain", b"there is: /metrics\n")
        body = self._text().encode()
        return _response(b"200 OK", CONTENT_TYPE, body, head_only=line[0] == b"HEAD")

    def close(self) -> None:
        """Answer nobody any more."""
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
