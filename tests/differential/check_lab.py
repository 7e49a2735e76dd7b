"""Checked servers that answer by a script, connection by connection, and what a program made of each: requests, log lines, CSV.

All cases of a run are backends of one configuration, so that a run takes as long as the longest script.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.differential.lab import CSV_COLUMNS, Lab

HANG, CLOSE, RESET = "hang", "close", "reset"
COLUMNS = [*CSV_COLUMNS, "last_chk", "check_desc", "hanafail", "agent_status", "uweight"]
SETTLING = 6                    # checks after the script: more than any case's rise and fall
LINGER_NONE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Talk:
    """A service that says the first of `words` when it is connected to, and each other in answer to what it hears; then hangs up
    (CLOSE) or listens on (HANG)."""

    words: tuple[bytes, ...] = ()
    then: str = HANG


@dataclass(frozen=True, slots=True)
class Case:
    """One backend. `script`: what the server "s1" does with its first, second ... checks; the last goes on for ever.

    `lines` are the backend's, `words` those behind "check inter 100" of its server; `more` are other server lines.
    """

    name: str
    script: tuple[bytes | str | Talk, ...]
    lines: tuple[str, ...] = ("option httpchk",)
    words: str = ""
    more: tuple[str, ...] = ()
    mode: str = "http"

    def text(self) -> str:
        server = f"server s1 @{self.name}@ check inter 100 {self.words}"
        body = [f"mode {self.mode}", *self._patience(), *self.lines, server, *self.more]
        return f"backend {self.name}\n" + "".join(f" {line}\n" for line in body)

    def _patience(self) -> tuple[str, ...]:
        """A busy machine is not a server that hangs; of those that do, some hang with each check from their last act on."""
        if HANG in self.script:
            return ()
        listens_on = any(isinstance(act, Talk) and act.then == HANG for act in self.script)
        return ("timeout check 1s" if listens_on else "timeout check 10s",)


@dataclass(slots=True)
class Seen:
    """What became of one case."""

    requests: list[bytes] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    csv: dict[str, dict[str, str]] = field(default_factory=dict)


class Scripted:
    """The servers of all cases, on one loop in one thread."""

    def __init__(self, cases: list[Case]) -> None:
        self.requests: dict[str, list[bytes]] = {case.name: [] for case in cases}
        self.ports: dict[str, int] = {}
        self._counts = dict.fromkeys(self.requests, 0)
        self._cases = cases
        self._left = len(cases)
        self._over = threading.Event()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._done: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        self._ready.wait()

    def wait(self, patience_s: float) -> None:
        """Until every script is over, and its last answer was given often enough for the state to have settled."""
        if not self._over.wait(patience_s):
            waiting = [case.name for case in self._cases if self._counts[case.name] <= len(case.script) + SETTLING]
            raise AssertionError(f"scripts that are not over: {waiting}")

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()
        self._loop.close()

    def _stop(self) -> None:
        assert self._done is not None
        self._done.set()

    async def _serve(self) -> None:
        self._done = asyncio.Event()
        servers = []
        for case in self._cases:
            server = await asyncio.start_server(partial(self._visited, case), "127.0.0.1", 0)
            self.ports[case.name] = server.sockets[0].getsockname()[1]
            servers.append(server)
        self._ready.set()
        await self._done.wait()
        for server in servers:
            server.close()
        for _ in range(10):                 # a connection that was just accepted has no task before the loop's next turns
            while visits := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(visits)  # whoever checked us has gone: all of them end
            await asyncio.sleep(0)

    async def _visited(self, case: Case, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self._counts[case.name]
        self._counts[case.name] += 1
        if number == len(case.script) + SETTLING:
            self._left -= 1
            if not self._left:
                self._over.set()
        act = case.script[min(number, len(case.script) - 1)]
        try:
            if isinstance(act, Talk):
                if number < len(case.script):
                    self.requests[case.name].append(b"")
                heard = await self._talk(act, reader, writer)       # the next may come before this one has ended
                if number < len(case.script):
                    self.requests[case.name][number] = heard
                return
            head = await reader.readuntil(b"\n\n" if case.name.endswith("-lf") else b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            head += await reader.readexactly(int(length[1])) if length else b""
            if number < len(case.script):
                self.requests[case.name].append(head)
            if act == HANG:
                await reader.read()
            elif act == RESET:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
                writer.transport.abort()
            elif isinstance(act, bytes):
                writer.write(act)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    @staticmethod
    async def _talk(talk: Talk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Say what there is to say; gives what was heard."""
        heard = b""
        for number, words in enumerate(talk.words):
            if number:
                piece = await reader.read(4096)
                heard += piece
                if not piece:
                    return heard
            writer.write(words)
            await writer.drain()
        if talk.then == HANG:
            with contextlib.suppress(ConnectionError):
                while piece := await reader.read(4096):
                    heard += piece
        return heard


def run(command: list[str], folder: Path, cases: list[Case], global_lines: str = "") -> dict[str, Seen]:
    """All cases on one program."""
    servers = Scripted(cases)
    lab: Any = None
    try:
        text = "global\n log @LOG@ local0\n" + global_lines
        text += "defaults\n log global\n timeout connect 1s\n timeout client 5s\n timeout server 5s\n"
        text += "".join(case.text() for case in cases)
        for name, port in servers.ports.items():
            text = text.replace(f"@{name}@", f"127.0.0.1:{port}")
        lab = Lab(command, folder, text, {})
        servers.wait(60)
        statistics = lab.statistics(COLUMNS)
        lines = lab.collect_log(0)
    finally:
        if lab is not None:
            lab.close()
        servers.close()
    ports = {str(port): f"@{name}@" for name, port in servers.ports.items()}
    seen: dict[str, Seen] = {}
    for case in cases:
        told = [line for line in lines if re.search(rf"(?i)\b(server|backend|via) {re.escape(case.name)}(/| )", line)]
        rows = {name: row for name, row in statistics.items() if name.startswith(case.name + "/")}
        requests = [without_ports(octets, ports) for octets in servers.requests[case.name]]
        seen[case.name] = Seen(requests, told, rows)
    return seen


def without_ports(octets: bytes, ports: dict[str, str]) -> bytes:
    text = octets.decode("latin-1")
    text = re.sub(r"(?<=127\.0\.0\.1 127\.0\.0\.1 )\d+ \d+", "P P", text)
    return re.sub(r"\b\d{4,5}\b", lambda match: ports.get(match[0], match[0]), text).encode("latin-1")
