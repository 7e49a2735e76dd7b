"""`.if` blocks and messages: the directives of a configuration.

Source: HAProxy configuration manual, section 2.4.
"""

from __future__ import annotations

from proxy.base.errors import Severity
from proxy.config.conditions import ConditionError, evaluate_expression
from proxy.config.diagnostics import Diagnostics
from proxy.config.environment import Environment
from proxy.config.statements import Word

_MESSAGES = {
    ".diag": Severity.DIAG,
    ".notice": Severity.NOTICE,
    ".warning": Severity.WARNING,
    ".alert": Severity.ALERT,
}


class _Level:
    """One `.if` and what became of it so far.

    `active`: its lines count now. `settled`: no later branch may be taken.
    """

    __slots__ = ("active", "opened", "seen_else", "settled")

    def __init__(self, opened: Word, *, active: bool, settled: bool) -> None:
        self.opened, self.active, self.settled, self.seen_else = opened, active, settled, False


class Conditionals:
    """The nest of conditional blocks of one file."""

    def __init__(self, environment: Environment, diagnostics: Diagnostics) -> None:
        self._environment = environment
        self._diagnostics = diagnostics
        self._levels: list[_Level] = []

    @property
    def active(self) -> bool:
        """Whether the lines being read count."""
        return not self._levels or self._levels[-1].active

    def obey(self, words: tuple[Word, ...]) -> None:
        """Carry out one directive line."""
        directive = words[0].text
        if directive in _MESSAGES:
            if self.active:
                self._say(words)
        elif directive == ".if":
            self._open(words)
        elif not self._levels:
            self._diagnostics.alert_line(
                words[0], f"lone '{directive}' with no matching '.if'.", "remove it, or put '.if' before it"
            )
        else:
            self._turn(words, self._levels[-1])

    def skip(self, directive: Word) -> None:
        """Follow a directive whose line could not be read: no branch that depends on it is taken."""
        if directive.text == ".if":
            self._levels.append(_Level(directive, active=False, settled=True))
        elif directive.text == ".elif" and self._levels:
            self._levels[-1].active, self._levels[-1].settled = False, True
        elif directive.text == ".endif" and self._levels:
            self._levels.pop()

    def end(self) -> None:
        """The file is over: every block must be closed."""
        for level in self._levels:
            self._diagnostics.alert_line(level.opened, "non-terminated '.if' block.", "add '.endif' where it ends")

    def _open(self, words: tuple[Word, ...]) -> None:
        if not self.active:
            self._levels.append(_Level(words[0], active=False, settled=True))
            return
        level = _Level(words[0], active=False, settled=False)
        self._levels.append(level)
        self._decide(words, level)

    def _turn(self, words: tuple[Word, ...], level: _Level) -> None:
        directive = words[0].text
        if directive == ".endif":
            self._no_more(words)
            self._levels.pop()
            return
        if level.seen_else:
            self._diagnostics.alert_line(words[0], f"'{directive}' after '.else' is not permitted.")
            level.active = False
        elif directive == ".else":
            self._no_more(words)
            level.active, level.settled, level.seen_else = not level.settled, True, True
        elif level.settled:
            level.active = False
        else:
            self._decide(words, level)

    def _decide(self, words: tuple[Word, ...], level: _Level) -> None:
        """Take the branch or leave it; with a condition that has no answer no branch is taken."""
        expression = " ".join(word.text for word in words[1:])
        try:
            level.active = level.settled = evaluate_expression(expression, self._environment)
        except ConditionError as error:
            self._diagnostics.alert_line(
                _word_at(words, error.position),
                f"{error.message} in '{words[0]}' at position {error.position + 1}:",
                error.hint,
                keyword=words[0].text,
            )
            level.active, level.settled = False, True

    def _no_more(self, words: tuple[Word, ...]) -> None:
        extra = next((word for word in words[1:] if word.text), None)
        if extra is not None:
            self._diagnostics.alert_line(extra, f"Unexpected argument '{extra}' for '{words[0]}'.", "remove it")

    def _say(self, words: tuple[Word, ...]) -> None:
        extra = next((word for word in words[2:] if word.text), None)
        if extra is not None:
            self._diagnostics.alert_line(
                extra,
                f"Unexpected argument '{extra}' for '{words[0]}'. Use quotes if the message should contain spaces.",
                f'write: {words[0]} "{" ".join(word.text for word in words[1:])}"',
            )
            return
        text = words[1].text if len(words) > 1 else ""
        self._diagnostics.line(_MESSAGES[words[0].text], words[0], f"'{text}'.", keyword=words[0].text)


def _word_at(words: tuple[Word, ...], position: int) -> Word:
    """The word of a joined expression that holds this position."""
    end = -1
    for word in words[1:]:
        end += len(word.text) + 1
        if position <= end:
            return word
    return words[-1]
