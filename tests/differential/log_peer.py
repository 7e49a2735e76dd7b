"""A real haproxy with a web server behind it and a syslog daemon beside it."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from pathlib import Path

DEAD_PORT = 1                           # nothing listens there

ANSWERS: dict[bytes, bytes] = {
    b"/500": b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
    b"/404": b"HTTP/1.1 404 Not here\r\ncontent-length: 0\r\n\r\n",
    b"/garbage": b"garbage\r\n\r\n",
    b"/cut": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhi",
}
ANSWER = (b'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-R: a{b|c}#"\\]\r\nSet-Cookie: SS=y"#z; path=/\r\n\r\nhi')


class WebServer:
    """Answers each connection's first request from the table, then closes."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(2)
                try:
                    head = connection.recv(65536)
                    if head == b"stop":
                        return
                    target = head.split(b" ")[1] if head.count(b" ") > 1 else b""
                    connection.sendall(ANSWERS.get(target, ANSWER) if head else b"")
                except OSError:
                    continue            # haproxy gave up first

    def close(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"stop")
        self._thread.join()
        self._listener.close()


class HaproxyWithLog:
    """haproxy run from a configuration in which @LOG@ is the daemon, @SERVER@ the web server, @DEAD@ nobody, @name@ a port."""

    def __init__(self, program: str, folder: Path, configuration: str, ports: tuple[str, ...]) -> None:
        self._server = WebServer()
        self._daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._daemon.bind(("127.0.0.1", 0))
        self._daemon.settimeout(10)
        self._ports = {name: free_port() for name in (*ports, "ready")}
        text = configuration + "\nfrontend ready\n no log\n mode http\n timeout client 1s\n bind @ready@\n monitor-uri /\n"
        known = {"LOG": self._daemon.getsockname()[1], "SERVER": self._server.port, "DEAD": DEAD_PORT, **self._ports}
        for name, port in known.items():
            text = text.replace(f"@{name}@", f"127.0.0.1:{port}")
        (folder / "haproxy.cfg").write_text(text)
        self._process = subprocess.Popen([program, "-f", "haproxy.cfg", "-db"], cwd=folder, env={"TZ": "UTC"},
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.close()
            raise

    def _wait_until_it_listens(self) -> None:
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._ports["ready"])).close()
                return
            except ConnectionRefusedError:
                assert self._process.poll() is None, "haproxy refused the configuration"
                assert time.monotonic() < until, "haproxy does not listen"

    @property
    def pid(self) -> int:
        return self._process.pid

    def line_of(self, port: str, octets: bytes, *, hang_up: bool = False) -> bytes:
        """What is logged when a client sends these octets and reads until the end (or hangs up at once)."""
        self.send(port, octets, hang_up=hang_up)
        return self.line()

    def send(self, port: str, octets: bytes, *, hang_up: bool = False) -> None:
        """Be one client."""
        with socket.create_connection(("127.0.0.1", self._ports[port])) as client:
            client.settimeout(10)
            if octets:
                client.sendall(octets)
            while not hang_up:
                try:
                    if not client.recv(65536):
                        break
                except ConnectionResetError:
                    break

    def line(self) -> bytes:
        """The next datagram, without its end of line."""
        return self._daemon.recv(70000).removesuffix(b"\n")

    def no_line_came(self) -> bool:
        """True when all that was logged was read."""
        self._daemon.sendto(b"mark", self._daemon.getsockname())
        return self._daemon.recv(70000) == b"mark"

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._daemon.close()
        self._server.close()


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
