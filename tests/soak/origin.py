"""python -m tests.soak.origin: a web server that prints its port. Every request is answered alike."""

from __future__ import annotations

import asyncio
from typing import Any

import uvloop

from tests.soak.loads import MARK

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n" % len(MARK) + MARK


class Conversation(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.heads = b""

    def data_received(self, data: bytes) -> None:
        self.heads += data
        while True:
            head, found, rest = self.heads.partition(b"\r\n\r\n")
            if not found:
                return
            self.heads = rest
            self.transport.write(ANSWER)
            if b"\r\nconnection: close" in head:
                self.transport.close()


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Conversation, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
