"""A UNIX socket that answers what is going on: one line in, a JSON document or metrics out; bounded in every way."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from typing import Any

from proxy.ha.daemon.one_answer import OneAnswer
from proxy.ha.log import Log
from proxy.ha.loop import Loop

MODE = 0o660
MAX_CONNECTIONS = 8
PATIENCE_S = 5.0
METRICS_QUESTION = b"metrics\n"


class StatusSocket:
    """Listens at `path`; `snapshot` makes the document, `metrics` what Prometheus reads, where somebody else serves that.

    A socket that cannot be made is said, and gone without.
    """

    def __init__(self, loop: Loop, log: Log, path: str, snapshot: Callable[[], dict[str, Any]],
                 metrics: Callable[[], str] | None = None) -> None:
        self._loop, self._path, self._snapshot, self._metrics = loop, path, snapshot, metrics
        self._open: set[OneAnswer] = set()
        self._socket: socket.socket | None = None
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass
            sock.bind(path)
            os.chmod(path, MODE)
            sock.listen(MAX_CONNECTIONS)
        except OSError as error:
            sock.close()
            log.say("warning", f"no status socket at {path}: {error.strerror}")
            return
        self._socket = sock
        loop.add_reader(sock.fileno(), self._accept)

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
        self._open.add(OneAnswer(self._loop, connection, b"\n", self._answer, self._open.discard, PATIENCE_S))

    def _answer(self, question: bytes, asking: OneAnswer) -> bytes:
        if question.strip() == METRICS_QUESTION.strip() and self._metrics is not None:
            return self._metrics().encode()
        if question.strip() not in (b"", b"status"):
            return json.dumps({"error": "unknown question; there is: status"}).encode() + b"\n"
        return json.dumps(self._snapshot()).encode() + b"\n"

    def close(self) -> None:
        """Answer nobody any more."""
        for each in list(self._open):
            each.close()
        if self._socket is not None:
            self._loop.remove(self._socket.fileno())
            self._socket.close()
            try:
                os.unlink(self._path)
            except OSError:
                pass
