"""Connections on which commands are taken: bounded, and ended with what they belong to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.admin.commands import Answer, Caller
from proxy.admin.conversation import LINE_MAX
from proxy.admin.sockets import CommandSocket, CommandSockets


class Parrot:
    """Says it again."""

    def answer(self, command: str, caller: Caller) -> Answer:
        return f"{caller.level}: {command}\n"

    def prompt(self) -> str:
        return "> "

    def end_line(self, is_interactive: bool) -> None:
        """Nothing."""


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s"))
        sock.listen()
        yield sock, str(tmp_path / "s")


def run(new_loop: Any, listening: socket.socket, talk: Callable[[Any], Any], **how: Any) -> Any:
    """Serve on a loop while `talk(loop)` runs on it."""
    loop: asyncio.AbstractEventLoop = new_loop
    sockets = CommandSockets([CommandSocket(listening, "operator", how.pop("hand_over", None))], Parrot, **how)
    sockets.start(loop)

    async def both() -> Any:
        try:
            async with asyncio.timeout(20):
                return await talk(loop)
        finally:
            sockets.close()
            await sockets.ended()

    return loop.run_until_complete(both())


async def said(loop: asyncio.AbstractEventLoop, path: str, octets: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, path)
        answer = b""
        try:
            await loop.sock_sendall(sock, octets)
            while part := await loop.sock_recv(sock, 65536):
                answer += part
        except (ConnectionResetError, BrokenPipeError):
            pass
        return answer


@pytest.mark.parametrize(("octets", "answer"), [
    (b"one; two\nthree\n", b"operator: one\n\noperator: two\n\n"),
    (b"prompt\r\none\r\nquit\n", b"\n> operator: one\n\n> "),
    (b"one\xff\n", b"operator: one\xff\n\n"),
    (b"x" * (LINE_MAX + 5000), b""),
])
def test_what_is_answered(new_loop: Any, listening: Any, octets: bytes, answer: bytes) -> None:
    sock, path = listening
    assert run(new_loop, sock, lambda loop: said(loop, path, octets)) == answer


def test_who_says_nothing_is_left(new_loop: Any, listening: Any) -> None:
    sock, path = listening
    assert run(new_loop, sock, lambda loop: said(loop, path, b"one"), timeout_s=0.01) == b""


def test_more_than_so_many_are_turned_away(new_loop: Any, listening: Any) -> None:
    sock, path = listening

    async def talk(loop: Any) -> bytes:
        with socket.socket(socket.AF_UNIX) as first:
            first.setblocking(False)
            await loop.sock_connect(first, path)
            await loop.sock_sendall(first, b"prompt\n")
            assert await loop.sock_recv(first, 10) == b"\n> "
            return await said(loop, path, b"one\n")

    assert run(new_loop, sock, talk, maxconn=1) == b""


def test_listening_sockets_are_given_where_the_line_says_so(new_loop: Any, listening: Any) -> None:
    sock, path = listening
    assert run(new_loop, sock, lambda loop: said(loop, path, b"_getsocks\n")) == b"operator: _getsocks\n\n"


class Torrent(Parrot):
    """Answers much, and counts what it was asked."""

    asked = 0

    def answer(self, command: str, caller: Caller) -> Answer:
        Torrent.asked += 1
        return "x" * (1 << 20)


def test_a_line_of_many_commands_fills_no_memory(new_loop: Any, listening: Any) -> None:
    """Answers leave one by one: who does not read them is left with the second one, and the others are never made."""
    sock, path = listening
    Torrent.asked = 0
    sockets = CommandSockets([CommandSocket(sock, "operator")], Torrent, timeout_s=0.2)
    sockets.start(new_loop)

    async def talk() -> None:
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.setblocking(False)
            await new_loop.sock_connect(deaf, path)
            await new_loop.sock_sendall(deaf, b"much;" * 2000 + b"\n")
            async with asyncio.timeout(20):
                while not Torrent.asked or sockets._tasks:
                    await asyncio.sleep(0)
        sockets.close()
        await sockets.ended()

    new_loop.run_until_complete(talk())
    assert Torrent.asked == 1


def test_who_drips_is_left_too(new_loop: Any, listening: Any) -> None:
    """The timeout is for a line, not for an octet."""
    sock, path = listening

    async def talk(loop: Any) -> int:
        sent = 0
        with socket.socket(socket.AF_UNIX) as slow:
            slow.setblocking(False)
            await loop.sock_connect(slow, path)
            try:
                while sent < LINE_MAX - 1:
                    await loop.sock_sendall(slow, b"x")
                    sent += 1
                    await asyncio.sleep(0.01)
            except (BrokenPipeError, ConnectionResetError):
                return sent
        return -1

    assert 0 < run(new_loop, sock, talk, timeout_s=0.1) < LINE_MAX - 1


@pytest.mark.parametrize("octets", [
    b"\0\n", b"\xff\xfe\xfd\n", b"show\0stat\n", b"\n", b";;;;\n", b"\\\n", b"\\;" * 4000 + b"\n", b"@\n", b"@!\n",
    b"help " + b"a " * 5000 + b"\n", b"set server ../../etc/passwd state ready\n", b"\r\n\r\n", b"prompt\n" * 100,
    b"\x1b[2J\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
])
def test_nonsense_does_no_harm(new_loop: Any, listening: Any, octets: bytes) -> None:
    sock, path = listening

    async def talk(loop: Any) -> bytes:
        await said(loop, path, octets)
        return await said(loop, path, b"one\n")

    assert run(new_loop, sock, talk, timeout_s=0.5) == b"operator: one\n\n"


def test_without_descriptors_it_rests(new_loop: Any, listening: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The listening socket stays ready: the loop must not ask it in every turn."""
    sock, path = listening
    asked = 0

    class Exhausted:
        def __init__(self, inner: socket.socket) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def accept(self) -> Any:
            nonlocal asked
            asked += 1
            if asked < 3:
                raise OSError(24, "Too many open files")
            return self._inner.accept()

    exhausted: Any = Exhausted(sock)
    assert run(new_loop, exhausted, lambda loop: said(loop, path, b"one\n")) == b"operator: one\n\n"
    assert asked == 3
