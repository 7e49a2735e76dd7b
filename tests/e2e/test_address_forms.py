"""Every form of an address, on real sockets: what is written is listened on, and connected to."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy import Proxy

DEFAULTS = "defaults\n mode http\n timeout client 5s\n timeout connect 2s\n timeout server 5s\n"
V4, V6, UNIX = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX
LOOPBACK = {V4: "127.0.0.1", V6: "::1"}
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Echo:
    """A server that answers every connection with one response."""

    def __init__(self, family: int, address: Any) -> None:
        self.socket = socket.socket(family)
        self.socket.bind(address)
        self.socket.listen(16)
        self.address = self.socket.getsockname()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                accepted, _ = self.socket.accept()
            except OSError:
                return
            with accepted, contextlib.suppress(OSError):
                if accepted.recv(4096):
                    accepted.sendall(ANSWER)

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self._thread.join()


@pytest.fixture
def echo() -> Iterator[Callable[[int, Any], Echo]]:
    made: list[Echo] = []

    def make(family: int, address: Any) -> Echo:
        made.append(Echo(family, address))
        return made[-1]

    yield make
    for each in made:
        each.close()


def status_at(family: int, address: Any, target: str = "/alive") -> int:
    with socket.socket(family) as sock:
        sock.settimeout(10)
        sock.connect(address)
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return int(sock.recv(100).split()[1])


def padded(name: str) -> str:
    return "\0" + name + "\0" * (107 - len(name))


@pytest.mark.parametrize(("form", "families"), [
    ("*:PORT", [V4]), (":PORT", [V4]), ("0.0.0.0:PORT", [V4]), ("127.0.0.1:PORT", [V4]), ("ipv4@:PORT", [V4]),
    ("ipv4@127.0.0.1:PORT", [V4]), ("tcp4@127.0.0.1:PORT", [V4]), ("localhost:PORT", [V4]), ("[::]:PORT v6only", [V6]),
    ("[::]:PORT v4v6", [V4, V6]), (":::PORT v6only", [V6]), ("ipv6@:PORT v6only", [V6]), ("ipv6@::1:PORT", [V6]),
    ("[::1]:PORT name six", [V6]), ("[::1]:PORT,127.0.0.1:PORT", [V4, V6]), ('127.0.0.1:"${NO_SUCH-PORT}"', [V4]),
])
def test_what_is_written_is_listened_on(form: str, families: list[int], free_port: Callable[[], int]) -> None:
    port = free_port()
    with Proxy(f"{DEFAULTS}frontend f\n monitor-uri /alive\n bind {form.replace('PORT', str(port))}\n"):
        for family in (V4, V6):
            if family in families:
                assert status_at(family, (LOOPBACK[family], port)) == 200
            else:
                with pytest.raises(ConnectionRefusedError):
                    status_at(family, (LOOPBACK[family], port))


def test_a_range_of_ports_is_a_listener_for_each(free_port: Callable[[], int]) -> None:
    for _ in range(20):                 # until the two after a free port are free as well
        first = free_port()
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", first + 1)), \
                socket.create_server(("127.0.0.1", first + 2)):
            break
    with Proxy(f"{DEFAULTS}frontend f\n monitor-uri /alive\n bind 127.0.0.1:{first}-{first + 2}\n") as running:
        assert [running.port("f", number) for number in range(3)] == [first, first + 1, first + 2]
        assert [status_at(V4, ("127.0.0.1", first + n)) for n in range(3)] == [200] * 3


def test_unix_sockets_abstract_ones_and_descriptors(tmp_path: Path) -> None:
    made = socket.create_server(("127.0.0.1", 0))
    name = f"pyproxy-form-{os.getpid()}"
    text = (
        f"{DEFAULTS}frontend f\n monitor-uri /alive\n bind unix@{tmp_path}/a\n bind {tmp_path}/b mode 600\n bind abns@{name}\n"
        ' bind "fd@${inherited}"\n bind fd@${inherited}\n'
    )
    with made, Proxy(text, environment={"inherited": str(made.fileno())}):
        for address in (f"{tmp_path}/a", f"{tmp_path}/b", padded(name)):
            assert status_at(UNIX, address) == 200
        assert status_at(V4, made.getsockname()) == 200
        assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600


def test_servers_of_every_form(echo: Any, tmp_path: Path) -> None:
    name = f"pyproxy-server-{os.getpid()}"
    port = echo(V4, ("127.0.0.1", 0)).address[1]
    six = echo(V6, ("::1", 0)).address[1]
    echo(UNIX, f"{tmp_path}/s")
    echo(UNIX, padded(name))
    forms = [
        f"127.0.0.1:{port}", f"localhost:{port}", f"ipv4@127.0.0.1:{port}", f"tcp4@127.0.0.1:{port}", f"[::1]:{six}",
        f"ipv6@::1:{six}", f"unix@{tmp_path}/s", f"{tmp_path}/s", f"abns@{name}", f'127.0.0.1:"${{NO_SUCH-{port}}}"',
    ]
    servers = "".join(f" server s{number} {form}\n" for number, form in enumerate(forms))
    with Proxy(f"{DEFAULTS}listen l\n bind 127.0.0.1:0\n retries 0\n{servers}") as running:
        assert [status_at(V4, running.address("l")) for _ in forms] == [200] * len(forms)


def test_a_server_without_a_port_is_connected_to_on_the_clients(echo: Any, free_port: Callable[[], int]) -> None:
    for _ in range(20):
        port = free_port()
        with contextlib.suppress(OSError):
            echo(V4, ("127.0.0.2", port))
            echo(V4, ("127.0.0.2", port + 1))
            break
    text = f"{DEFAULTS}listen l\n bind 127.0.0.1:{port}\n server same 127.0.0.2\n server next 127.0.0.2:+1\n"
    with Proxy(text) as running:
        assert [status_at(V4, running.address("l")) for _ in range(2)] == [200, 200]


@pytest.mark.peer("haproxy")
def test_an_abstract_name_is_the_same_for_haproxy(peer: Callable[[str], str], tmp_path: Path, eventually: Any) -> None:
    """client → ours → abstract socket of HAProxy's → abstract socket of ours"""
    theirs, ours = f"pyproxy-a-{os.getpid()}", f"pyproxy-b-{os.getpid()}"
    (tmp_path / "cfg").write_text(f"global\n maxconn 50\n{DEFAULTS}listen l\n bind abns@{theirs}\n server s abns@{ours}\n")
    process = subprocess.Popen([peer("haproxy"), "-db", "-f", str(tmp_path / "cfg")], stderr=subprocess.DEVNULL)
    text = f"{DEFAULTS}frontend end\n bind abns@{ours}\n monitor-uri /alive\n"
    text += f"listen l\n bind 127.0.0.1:0\n server s abns@{theirs}\n"
    try:
        with Proxy(text) as running:
            eventually(lambda: status_at(V4, running.address("l")) == 200, "HAProxy to pass the request on")
    finally:
        process.kill()
        process.wait()
