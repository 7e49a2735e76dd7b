"""Configuration files and directories, read into memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from proxy.config.diagnostics import Diagnostics


@dataclass(frozen=True)
class Source:
    """A configuration text and the name it goes by in messages.

    Octets that are not UTF-8 are kept as surrogate escapes (PEP 383), so that a name in another encoding survives.
    """

    name: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        """The text's lines without their line feeds; only a line feed ends a line."""
        return self.text.split("\n")

    def line(self, number: int) -> str:
        """The line with this number, counted from 1; "" when there is none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


def sources_from_paths(paths: Iterable[str], diagnostics: Diagnostics) -> list[Source]:
    """Read every file, and every directory's non-hidden `*.cfg` in C order; what cannot be read is an alert.

    Source: HAProxy management guide, "-f".
    """
    raise NotImplementedError
