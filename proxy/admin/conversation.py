"""What is said over one connection: lines in, answers out, without any socket.

    one line ─answered─▶ over          `prompt` ─▶ interactive: a prompt before each line, until `quit` or the end
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from proxy.admin.commands import Answer, Caller
from proxy.admin.messages import Message

LINE_MAX = 16384


class Speaker(Protocol):
    """Who answers: a process, or a master, which passes on what begins with `@`."""

    def answer(self, command: str, caller: Caller) -> Answer | None:
        """Answer one command of a line; None where nothing is to be said, not even that it was done."""

    def prompt(self) -> str:
        """What stands before the next line."""

    def end_line(self, is_interactive: bool) -> None:
        """A line has been answered."""


class Conversation:
    """`send` takes an answer, and is awaited: the next command is looked at once the caller has the answer to this one."""

    def __init__(
        self, speaker: Speaker, level: str, send: Callable[[str], Awaitable[object]], timeout_s: float = 10.0
    ) -> None:
        self._speaker = speaker
        self._send = send
        self.level = level
        self.timeout_s = timeout_s
        self._severity_output = "none"
        self.is_interactive = False
        self._is_over = False

    def has_ended(self) -> bool:
        """Nothing more is wanted."""
        return self._is_over

    async def line(self, line: str) -> None:
        """Answer one line."""
        lead = ""                           # the empty answer to `prompt`, which goes with what follows
        caller = Caller(self.level, self._lower, self._set_timeout, self._set_severity)
        for command in split_commands(line):
            first = command.split(None, 1)[0]
            if first == "quit":
                self._is_over = True
                return
            if first == "prompt":
                self.is_interactive = not self.is_interactive
                lead += "\n"
                continue
            answer = self._speaker.answer(command, caller._replace(level=self.level))
            if answer is not None:
                said = answer if isinstance(answer, str) else await answer
                text = said.shown(self._severity_output) if isinstance(said, Message) else said
                await self._send(f"{lead}{text}\n")
                lead = ""
        self._speaker.end_line(self.is_interactive)
        if self.is_interactive:
            await self._send(lead + self._speaker.prompt())
        else:
            if lead:
                await self._send(lead)
            self._is_over = True

    def _lower(self, level: str) -> None:
        self.level = level

    def _set_timeout(self, seconds: float) -> None:
        self.timeout_s = seconds

    def _set_severity(self, output: str) -> None:
        self._severity_output = output


def split_commands(line: str) -> list[str]:
    """The commands of a line: `;` stands between them, unless a backslash is before it."""
    commands, current, escaped = [], "", False
    for letter in line:
        if escaped:
            current += letter if letter == ";" else "\\" + letter
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == ";":
            commands.append(current)
            current = ""
        else:
            current += letter
    commands.append(current + ("\\" if escaped else ""))
    return [command.strip() for command in commands if command.strip()]
