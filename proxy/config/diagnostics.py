"""What is to be said about a configuration: collected in full, shown in the order of the source."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.base.errors import NOWHERE, Diagnostic, Severity, Where
from proxy.config.statements import Section, Statement, Word

Place = Word | Statement | Section | Where | None


class Diagnostics:
    """A growing list of diagnostics.

    `at` is what the message is about: a word (the caret spans it), a statement or a section (the caret spans its first word), a
    place, or None. With `parsing=False` HAProxy's line leaves the place out (`config : text` instead of
    `config : parsing [file:line] : text`), as it does for everything found after the whole configuration was read.
    """

    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: list[Diagnostic] = []

    def alert(
        self, at: Place, message: str, hint: str = "", keyword: str = "", feature: str = "", *, parsing: bool = True
    ) -> None:
        """Add an error: the configuration will not be run."""
        self._add(Severity.ALERT, at, message, hint, keyword, feature, parsing)

    def warning(
        self, at: Place, message: str, hint: str = "", keyword: str = "", feature: str = "", *, parsing: bool = True,
        ours: bool = False,
    ) -> None:
        """Add something that is likely not meant so; fatal only with `zero-warning`, and not where it is `ours` alone."""
        self._add(Severity.WARNING, at, message, hint, keyword, feature, parsing, ours)

    def notice(
        self, at: Place, message: str, hint: str = "", keyword: str = "", feature: str = "", *, parsing: bool = True
    ) -> None:
        """Add something worth knowing."""
        self._add(Severity.NOTICE, at, message, hint, keyword, feature, parsing)

    def diag(
        self, at: Place, message: str, hint: str = "", keyword: str = "", feature: str = "", *, parsing: bool = True
    ) -> None:
        """Add something that is shown with `-dD` only and never changes an exit status."""
        self._add(Severity.DIAG, at, message, hint, keyword, feature, parsing)

    def alert_line(self, at: Word | Statement | Where, message: str, hint: str = "", keyword: str = "") -> None:
        """An alert of the reader: HAProxy sets no space before the colon in what it finds ahead of any keyword."""
        self.line(Severity.ALERT, at, message, hint, keyword)

    def line(
        self, severity: Severity, at: Word | Statement | Where, message: str, hint: str = "", keyword: str = ""
    ) -> None:
        """`alert_line` for any severity."""
        where, _ = _place(at)
        self._add(severity, at, f"parsing [{where}]: {message}", hint, keyword, "", parsing=False)

    @property
    def has_errors(self) -> bool:
        return any(item.severity is Severity.ALERT for item in self.items)

    @property
    def has_warnings(self) -> bool:
        """Whether HAProxy would have warned too."""
        return any(item.is_counted for item in self.items)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def _add(
        self, severity: Severity, at: Place, message: str, hint: str, keyword: str, feature: str, parsing: bool,
        ours: bool = False,
    ) -> None:
        where, length = _place(at)
        self.items.append(Diagnostic(severity, where, message, hint, keyword, feature, length, parsing, ours))


def _place(at: Place) -> tuple[Where, int]:
    if at is None:
        return NOWHERE, 1
    if isinstance(at, Where):
        return at, 1
    if isinstance(at, Word):
        return at.where, at.length
    return at.words[0].where, at.words[0].length
