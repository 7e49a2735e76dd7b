"""A name server on the loopback that knows one name, or keeps silent, or says that there is no such name.

Source: RFC 1035 §4 (messages); an answer repeats the question and points back at its name.
"""

from __future__ import annotations

import socket
import struct
import threading

NAME = b"\x03app\x04test\x00"
A = 1
NXDOMAIN, SERVFAIL = 3, 2


class NameServer:
    """`mode` is silent, right, missing (NXDOMAIN) or broken (SERVFAIL); `address` is what the name has."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.address = "127.0.0.1"
        self.asked = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(4096)
            if not query:
                return
            self.asked += 1
            if self.mode != "silent":
                self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        end = query.index(b"\0", 12) + 5
        question = query[12:end]
        (kind,) = struct.unpack("!H", question[-4:-2])
        known = question[:-4].lower() == NAME
        code = {"missing": NXDOMAIN, "broken": SERVFAIL}.get(self.mode, 0 if known else NXDOMAIN)
        answer = b""
        if not code and kind == A:
            answer = b"\xc0\x0c" + struct.pack("!HHIH", A, 1, 1, 4) + socket.inet_aton(self.address)
        return query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, bool(answer), 0, 0) + question + answer

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()
