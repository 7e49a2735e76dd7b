"""What a check found, and how HAProxy calls it.

Source: HAProxy management guide, section 9.1, fields 36 "check_status" and 65 "check_desc", and "show servers state".
"""

from __future__ import annotations

from typing import NamedTuple


class CheckStatus(NamedTuple):
    """`word` of the CSV, what it means, its number in "show servers state", and whether the server passed."""

    word: str
    meaning: str
    number: int
    passed: bool


_STATUSES = (
    CheckStatus("UNK", "Unknown", 0, False),
    CheckStatus("INI", "Initializing", 1, False),
    CheckStatus("HANA", "Health analyze", 4, False),
    CheckStatus("SOCKERR", "Socket error", 5, False),
    CheckStatus("L4OK", "Layer4 check passed", 6, True),
    CheckStatus("L4TOUT", "Layer4 timeout", 7, False),
    CheckStatus("L4CON", "Layer4 connection problem", 8, False),
    CheckStatus("L6OK", "Layer6 check passed", 9, True),
    CheckStatus("L6TOUT", "Layer6 timeout", 10, False),
    CheckStatus("L6RSP", "Layer6 invalid response", 11, False),
    CheckStatus("L7TOUT", "Layer7 timeout", 12, False),
    CheckStatus("L7RSP", "Layer7 invalid response", 13, False),
    CheckStatus("L7OK", "Layer7 check passed", 15, True),
    CheckStatus("L7OKC", "Layer7 check conditionally passed", 16, True),
    CheckStatus("L7STS", "Layer7 wrong status", 17, False),
)
STATUS: dict[str, CheckStatus] = {status.word: status for status in _STATUSES}

DESCRIPTION_MAX = 127           # octets of a description that are kept
_WITH_CODE = frozenset({"L7OK", "L7OKC", "L7STS"})


class Verdict(NamedTuple):
    """The end of a probe: a check status, the HTTP status when there was one, and words about it (often the server's own)."""

    status: str
    code: int = 0
    description: str = ""


class CheckResult:
    """What is known of a server by its checks; kept on `server.check_result`.

    Units: `duration_ms` of the last check that ended, -1 before the first or when there was nothing to measure; `started_ms` and
    `ended_ms` on the monotonic clock.
    """

    __slots__ = ("code", "description", "duration_ms", "ended_ms", "running", "started_ms", "status")

    def __init__(self) -> None:
        self.status = "INI"
        self.code = 0
        self.description = ""
        self.duration_ms = -1
        self.running = False
        self.started_ms = 0
        self.ended_ms = 0

    @property
    def shown_status(self) -> str:
        """`check_status` of the CSV: "* " before it while a check runs."""
        return f"* {self.status}" if self.running else self.status

    @property
    def meaning(self) -> str:
        """`check_desc` of the CSV."""
        return STATUS[self.status].meaning

    @property
    def number(self) -> int:
        """`srv_check_status` of "show servers state"."""
        return STATUS[self.status].number

    @property
    def outcome_number(self) -> int:
        """`srv_check_result` of "show servers state": 0 unknown, 2 failed, 3 passed, 4 conditionally passed."""
        if self.status in ("INI", "UNK"):
            return 0
        return 4 if self.status == "L7OKC" else 3 if STATUS[self.status].passed else 2

    @property
    def shown_code(self) -> int | None:
        """`check_code` of the CSV: only of statuses that come with one, which may be 0."""
        return self.code if self.status in _WITH_CODE else None

    @property
    def summary(self) -> str:
        """The "LastChk" cell of the statistics page: "L7OK/200 in 1ms"."""
        code = "" if self.shown_code is None else f"/{self.shown_code}"
        duration = f" in {self.duration_ms}ms" if self.duration_ms >= 0 else ""
        return f"{self.shown_status}{code}{duration}"


def reason(verdict: Verdict, duration_ms: int) -> str:
    """How a log line tells a verdict, from ", reason: " on."""
    code = f", code: {verdict.code}" if verdict.status in _WITH_CODE else ""
    info = f', info: "{escaped(verdict.description)}"' if verdict.description else ""
    duration = f", check duration: {duration_ms}ms" if duration_ms >= 0 else ""
    return f", reason: {STATUS[verdict.status].meaning}{code}{info}{duration}"


def escaped(text: str) -> str:
    """The text with quotes and all that is not printable ASCII written as <22>: it may come from the server."""
    return "".join(char if " " <= char <= "~" and char != '"' else f"<{ord(char) & 0xFF:02X}>" for char in text)
