"""The typed errors of the project: what a user sees is made of these, never of a traceback."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple


class Where(NamedTuple):
    """A place in a configuration source.

    Units: `line` and `column` count from 1; 0 means "not known".
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


NOWHERE = Where("")


class Severity(Enum):
    """How HAProxy labels a message on stderr."""

    ALERT = "ALERT"
    WARNING = "WARNING"
    NOTICE = "NOTICE"
    DIAG = "DIAG"


class Diagnostic(NamedTuple):
    """One message about a configuration: what is wrong, where, and what to write instead.

    `feature` names a HAProxy feature that is understood but not acted on yet, so that tests and users can tell
    "not supported" from "wrong". `parsing` is false for what HAProxy finds once all is read: its line then names no place.
    `ours` marks a warning about something that HAProxy takes without a word.
    """

    severity: Severity
    where: Where
    message: str
    hint: str = ""
    keyword: str = ""
    feature: str = ""
    length: int = 1
    parsing: bool = True
    ours: bool = False

    @property
    def is_counted(self) -> bool:
        """Whether HAProxy would have warned too: only that is fatal with `zero-warning`."""
        return self.severity is Severity.WARNING and not self.feature and not self.ours


class PyproxyError(Exception):
    """The root of every error that a user of the library may want to catch."""


class ConfigError(PyproxyError):
    """A configuration that cannot be run; carries every diagnostic found, not only the first."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        alerts = [d for d in self.diagnostics if d.severity is Severity.ALERT]
        super().__init__("; ".join(f"[{d.where}] {d.message}" for d in alerts) or "invalid configuration")


class StartError(PyproxyError):
    """A valid configuration that cannot be started here: port taken, user unknown, no permission.

    `step` is the start-up step that failed, `hint` what to do about it. Where several things failed in one step, `faults` are
    those, in HAProxy's words, and `message` is what they come to. `address_in_use` is true where another process listens.
    """

    def __init__(
        self, step: str, message: str, hint: str = "", faults: Sequence[Diagnostic] = (), *, address_in_use: bool = False
    ) -> None:
        self.step, self.message, self.faults = step, message, tuple(faults)
        self.hint = hint or "; ".join(dict.fromkeys(fault.hint for fault in faults if fault.hint))
        self.address_in_use = address_in_use
        told = [(fault.message, fault.hint) for fault in faults] or [(message, hint)]
        super().__init__(f"{step}: " + "; ".join(text + (f" ({advice})" if advice else "") for text, advice in told))


class ProtocolError(PyproxyError):
    """Octets that break HTTP/1; `status` is what the client is to be answered."""

    def __init__(self, message: str, status: int = 400) -> None:
        self.status = status
        super().__init__(message)


class RemoteProtocolError(ProtocolError):
    """The peer's fault."""


class LocalProtocolError(ProtocolError):
    """Ours: a head or body that must not be sent."""
