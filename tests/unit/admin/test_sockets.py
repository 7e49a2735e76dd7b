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
