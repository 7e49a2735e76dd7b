"""Servers that do as they are told, and remember what they were told."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from tests.differential.wire import Message, Stream, read_message

DEADLINE_S = 15.0


class Do(Enum):
    """What a server does besides sending octets."""

    READ_BODY = "read the rest of the request"
    SHUT = "close its writing side"
    RESET = "cut the connection"
    CLOSE = "close the connection"
    UNTIL_END = "read until the other side ends"
    HELD = "wait until the client says so"


@dataclass(frozen=True, slots=True)
class Expect:
    """Read until these octets have come."""

    octets: bytes


Action = bytes | Do | Expect
Script = Sequence[Action]


@dataclass(slots=True)
class Visit:
    """One connection to a server: the requests that came, or in raw mode all octets, and how it ended."""

    requests: list[Message] = field(default_factory=list)
    octets: bytes = b""
    ended_early: bool = False


class Origin:
    """One scripted server.

    `answers` maps request targets to scripts, anything else gets a 200 that names the server; with `raw` there is no HTTP, every
    connection runs that script.
    """

    def __init__(self, name: str, answers: Mapping[str, Script] | None = None, raw: Script | None = None) -> None:
        self.name = name
        self.visits: list[Visit] = []
        self._answers = dict(answers or {})
        self._raw = raw
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._closing = False
        self._released = threading.Event()
        self._start(self._accept)

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._closing:
                connection.close()
                return
            connection.settimeout(DEADLINE_S)
            visit = Visit()
            self.visits.append(visit)
            self._open.add(connection)
            self._start(self._serve, connection, visit)

    def _serve(self, connection: socket.socket, visit: Visit) -> None:
        stream = Stream(connection)
        with connection, contextlib.suppress(OSError, EOFError):
            if self._raw is not None:
                self._run(self._raw, stream, visit, None)
            else:
                while self._serve_request(stream, visit):
                    pass
        visit.octets = stream.seen if self._raw is not None else b""
        self._open.discard(connection)

    def _serve_request(self, stream: Stream, visit: Visit) -> bool:
        request = read_message(stream, body_later=True)
        if request is None:
            return False
        visit.requests.append(request)
        script = self._answers.get(request.start.split(" ")[1])
        if script is None:
            body = f"{self.name} {request.start.split(' ')[1]}".encode()
            shown = b"" if request.start.startswith("HEAD ") else body
            script = (
                Do.READ_BODY,
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Server: %s\r\n\r\n%s" % (len(body), self.name.encode(), shown),
            )
        return self._run(script, stream, visit, request)

    def _run(self, script: Script, stream: Stream, visit: Visit, request: Message | None) -> bool:
        """False when the connection is over."""
        for action in script:
            if isinstance(action, bytes):
                stream.connection.sendall(action)
            elif isinstance(action, Expect):
                stream.read_until(action.octets)
            elif action is Do.READ_BODY and request is not None:
                request.read_body(stream)
            elif action is Do.SHUT:
                stream.connection.shutdown(socket.SHUT_WR)
            elif action is Do.HELD:
                self._released.wait(DEADLINE_S)
            elif action is Do.UNTIL_END:
                visit.ended_early = stream.read_to_end()
                return False
            elif action is Do.RESET:
                stream.reset()
                return False
            elif action is Do.CLOSE:
                return False
        return True

    @property
    def asked(self) -> int:
        """How many requests have come, or in raw mode connections."""
        visits = list(self.visits)
        return len(visits) if self._raw is not None else sum(len(visit.requests) for visit in visits)

    def release(self) -> None:
        """Let every script go on that is held."""
        self._released.set()

    def close(self) -> None:
        """Stop listening, end every connection, wait for the threads."""
        self._closing = True
        self.release()
        self._listener.close()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(DEADLINE_S)
