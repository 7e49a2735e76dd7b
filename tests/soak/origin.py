"""python -m tests.soak.origin: a web server that prints its port. Every request is answered alike, but for two:

/gib    answered with a body of 1 GiB, as fast as it is taken
POST    the body is never read
"""

from __future__ import annotations

import asyncio
from typing import Any

import uvloop

from tests.soak.loads import MARK

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n" % len(MARK) + MARK
GIB = 1 << 30
PIECE = bytes(1 << 16)


class Conversation(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.heads = b""
        self.left = 0
        self.may_write = True

    def data_received(self, data: bytes) -> None:
        self.heads += data
        while not self.left:
            head, found, rest = self.heads.partition(b"\r\n\r\n")
            if not found:
                return
            self.heads = rest
            if head.startswith(b"POST"):
                self.transport.pause_reading()
            elif head.startswith(b"GET /gib"):
                self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % GIB)
                self.left = GIB
                self.go_on()
            else:
                self.transport.write(ANSWER)
                if b"\r\nconnection: close" in head:
                    self.transport.close()

    def go_on(self) -> None:
        while self.left and self.may_write:
            self.transport.write(PIECE)
            self.left -= len(PIECE)

    def pause_writing(self) -> None:
        self.may_write = False

    def resume_writing(self) -> None:
        self.may_write = True
        self.go_on()


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Conversation, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
