"""HTTP messages as they are on the wire, read by neither of the programs under test."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field


class Stream:
    """A socket that is read until something has come; everything seen is kept."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.seen = b""
        self._at = 0

    def _more(self) -> None:
        octets = self.connection.recv(262_144)
        if not octets:
            raise EOFError
        self.seen += octets

    def read_until(self, mark: bytes) -> bytes:
        while (at := self.seen.find(mark, self._at)) < 0:
            self._more()
        start, self._at = self._at, at + len(mark)
        return self.seen[start : self._at]

    def read_exactly(self, count: int) -> bytes:
        while len(self.seen) - self._at < count:
            self._more()
        start, self._at = self._at, self._at + count
        return self.seen[start : self._at]

    def read_to_end(self) -> bool:
        """Read until the other side ends; True when it did so by a reset."""
        try:
            while True:
                self._more()
        except EOFError:
            return False
        except ConnectionResetError:
            return True

    def rest(self) -> bytes:
        """What came after the last thing that was read."""
        start, self._at = self._at, len(self.seen)
        return self.seen[start:]

    def reset(self) -> None:
        """Cut the connection: the other side sees a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


@dataclass(slots=True)
class Message:
    """A request or response: start line, fields with names in lower case, and how its body came."""

    start: str
    fields: list[tuple[str, str]]
    framing: str = "none"  # none, length, chunked, close
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    complete: bool = True
    body_read: bool = False

    def field(self, name: str) -> str | None:
        return next((value for key, value in self.fields if key == name), None)

    def read_body(self, stream: Stream) -> None:
        """Read what the framing announces; `complete` tells whether all of it came."""
        if self.body_read:
            return
        self.body_read = True
        try:
            if self.framing == "length":
                self.body = stream.read_exactly(int(self.field("content-length") or "0"))
            elif self.framing == "chunked":
                self._read_chunks(stream)
            elif self.framing == "close":
                self.complete = not stream.read_to_end()
                self.body = stream.rest()
        except (EOFError, ConnectionResetError):
            self.complete = False
            if self.framing != "chunked":
                self.body = stream.rest()

    def _read_chunks(self, stream: Stream) -> None:
        while True:
            size = int(stream.read_until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                break
            self.body += stream.read_exactly(size)
            stream.read_exactly(2)
        while (line := stream.read_until(b"\r\n")) != b"\r\n":
            self.trailers.append(_field(line))


def _field(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode("latin-1").partition(":")
    return name.strip().lower(), value.strip()


def read_message(stream: Stream, *, body_later: bool = False, bodiless: bool = False) -> Message | None:
    """The next message, None when the other side ends before one begins.

    `bodiless`: a response to HEAD or the like. `body_later` leaves the body to `Message.read_body`.
    """
    try:
        head = stream.read_until(b"\r\n\r\n")
    except (EOFError, ConnectionResetError):
        rest = stream.rest()
        return Message("", [("garbage", rest.decode("latin-1"))], complete=False) if rest else None
    start, *lines = head[:-4].split(b"\r\n")
    message = Message(start.decode("latin-1"), [_field(line) for line in lines])
    is_response = message.start.startswith("HTTP/")
    status = int(message.start.split(" ")[1]) if is_response else 0
    if bodiless or (is_response and (status < 200 or status in (204, 304))):
        pass
    elif "chunked" in (message.field("transfer-encoding") or ""):
        message.framing = "chunked"
    elif message.field("content-length") is not None:
        message.framing = "length"
    elif is_response:
        message.framing = "close"
    if not body_later:
        message.read_body(stream)
    return message
