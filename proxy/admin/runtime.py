"""What a process answers on its sockets for commands: the rows of every family of commands, in one table."""

from __future__ import annotations

from collections.abc import Iterable

from proxy.admin.commands import Answer, Caller, Command, Commands


def runtime_commands(*families: Iterable[Command]) -> Commands:
    """One table of all families."""
    return Commands(row for family in families for row in family)


class RuntimeSpeaker:
    """Answers over one connection to a process (`conversation.Speaker`)."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def answer(self, command: str, caller: Caller) -> Answer:
        return self._commands.answer(command.split(), caller)

    def prompt(self) -> str:
        return "> "

    def end_line(self, is_interactive: bool) -> None:
        """Nothing lasts for a line only."""
