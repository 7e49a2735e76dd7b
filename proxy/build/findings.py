"""What building finds wrong with the names in a configuration: all of it, before anything is given up."""

from __future__ import annotations

from collections.abc import Callable

from proxy.base.errors import Diagnostic, Severity, StartError, Where

Warn = Callable[[str, str], None]
"""Is told a warning and what to do about it."""


def tell_nobody(text: str, hint: str) -> None:
    """Nobody listens."""


class Findings:
    """Warnings go on at once to whoever starts the process; faults are kept until everything has been looked at."""

    def __init__(self, warn: Warn = tell_nobody) -> None:
        self._warn = warn
        self._faults: list[Diagnostic] = []

    def warning(self, text: str, hint: str = "") -> None:
        """Something is left out, and the process starts."""
        self._warn(f"config : {text}", hint)

    def fault(self, where: Where, text: str, hint: str = "") -> None:
        """The process cannot start like this."""
        self._faults.append(Diagnostic(Severity.ALERT, where, f"config : {text}", hint, parsing=False))

    def end(self) -> None:
        """Raises: StartError, with every fault, if there is one."""
        if self._faults:
            raise StartError("resolve", "Fatal errors found in configuration.", faults=self._faults)
