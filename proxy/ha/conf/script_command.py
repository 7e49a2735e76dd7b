"""A program that a configuration names."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.base.errors import NOWHERE, Where


@dataclass(frozen=True, slots=True)
class ScriptCommand:
    """A program to run: its words, and who runs it ("" = the configuration's `script_user`)."""

    words: tuple[str, ...]
    user: str = ""
    group: str = ""
    where: Where = NOWHERE
