"""What a command is answered with, and how grave that is: shown before the text where `set severity-output` asks for it."""

from __future__ import annotations

ERROR, WARNING, INFO = 3, 4, 6
WORDS = {ERROR: "err", WARNING: "warning", INFO: "info"}
OUTPUTS = ("none", "number", "string")


class Message(str):
    """An answer with a severity (syslog's); a plain text has none."""

    severity: int

    def __new__(cls, text: str, severity: int = INFO) -> Message:
        message = super().__new__(cls, text)
        message.severity = severity
        return message

    def shown(self, output: str) -> str:
        """The text as `severity-output` wants it.

        Source: HAProxy management guide, section 9.3, "set severity-output".
        """
        if output == "none":
            return str(self)
        return f"[{self.severity if output == 'number' else WORDS[self.severity]}]: {self}"


class Refused(Exception):
    """A command that is not followed; its text is the answer."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(text)
