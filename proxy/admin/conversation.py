"""What is said over one connection: lines in, answers out, without any socket.

    one line ─answered─▶ over          `prompt` ─▶ interactive: a prompt before each line, until `quit` or the end
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from proxy.admin.commands import Answer, Caller

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
    """`send` sends an answer on its way; awaited, as answers may take their time."""

    def __init__(self, speaker: Speaker, level: str, send: Callable[[str], object]) -> None:
        self._speaker = speaker
        self._send = send
        self.level = level
        self.is_interactive = False
        self._is_over = False

    def has_ended(self) -> bool:
        """Nothing more is wanted."""
        return self._is_over

    async def line(self, text: str) -> None:
        """Answer one line."""
        caller = Caller(self.level, self._lower)
        for command in split_commands(text):
            if command == "quit":
                self._is_over = True
                return
            if command == "prompt":
                self.is_interactive = not self.is_interactive
                continue
            answer = self._speaker.answer(command, caller._replace(level=self.level))
            if answer is not None:
                self._send((answer if isinstance(answer, str) else await answer) + "\n")
        self._speaker.end_line(self.is_interactive)
        if self.is_interactive:
            self._send(self._speaker.prompt())
        else:
            self._is_over = True

    def _lower(self, level: str) -> None:
        self.level = level


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
