"""What is said over a connection: lines, commands, prompts, levels."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from proxy.admin.commands import Answer, Caller, Command, Commands
from proxy.admin.conversation import Conversation, split_commands


class Echo:
    """Answers with the level and the words."""

    def __init__(self) -> None:
        self.commands = Commands([
            Command(("show", "it"), "show it <what>", "show something", self._show),
            Command(("show",), "show", "show anything", lambda words, caller: "anything\n"),
            Command(("set", "it"), "set it", "set something", lambda words, caller: "", "admin"),
            Command(("wait",), "wait", "answer later", lambda words, caller: self._later()),
        ])
        self.lines: list[bool] = []

    def answer(self, command: str, caller: Caller) -> Answer:
        return self.commands.answer(command.split(), caller)

    def prompt(self) -> str:
        return "$ "

    def end_line(self, is_interactive: bool) -> None:
        self.lines.append(is_interactive)

    def _show(self, words: Sequence[str], caller: Caller) -> str:
        return f"{caller.level} {' '.join(words)}\n"

    async def _later(self) -> str:
        await asyncio.sleep(0)
        return "later\n"


def said(*lines: str, level: str = "admin") -> tuple[str, bool]:
    """All that is answered, and whether it is over then."""
    answers: list[str] = []
    async def send(answer: str) -> None:
        answers.append(answer)

    conversation = Conversation(Echo(), level, send)

    async def talk() -> None:
        for line in lines:
            assert not conversation.has_ended()
            await conversation.line(line)

    asyncio.run(talk())
    return "".join(answers), conversation.has_ended()


@pytest.mark.parametrize(("line", "commands"), [
    ("a; b;;c ", ["a", "b", "c"]), (r"a\;b;c", ["a;b", "c"]), (r"a\b\\c", [r"a\b\\c"]), ("", []), (" ; ", []),
    ("a\\", ["a\\"]),
])
def test_commands_of_a_line(line: str, commands: list[str]) -> None:
    assert split_commands(line) == commands


def test_one_line_is_answered_and_it_is_over() -> None:
    assert said("show it a b; show x; wait") == ("admin a b\n\nanything\n\nlater\n\n", True)


def test_a_prompt_until_quit() -> None:
    assert said("prompt", "show it", "", "show; quit") == ("\n$ admin \n\n$ $ anything\n\n", True)
    assert said("prompt", "show", "prompt") == ("\n$ anything\n\n$ \n", True)
    assert said("prompt n", "quit now") == ("\n$ ", True)


def test_a_level_is_lowered_and_never_raised() -> None:
    assert said("set it; operator; set it; show cli level; user; operator; show cli level") == (
        "\n\nPermission denied\n\noperator\n\n\nPermission denied\n\nuser\n\n", True)


def test_what_there_is_and_what_is_not() -> None:
    listed, _ = said("help", level="user")
    assert listed.startswith("The following commands are valid at this level:\n  set severity-output ")
    assert "  show it <what>                          : show something\n" in listed
    assert "set it" not in listed
    assert listed.endswith("  quit                                    : disconnect\n\n")
    assert "  operator " not in said("help show")[0]
    unknown, _ = said("show other thing; bogus; sho")
    first, second, third, _ = unknown.split("\n\n")
    assert "bogus" not in second
    assert first.startswith("anything")
    assert second.startswith("Unknown command, but maybe one of the following ones is a better match:\n")
    assert "  show it <what>" in third
