"""What the process tells its terminal, in HAProxy's form: `[ALERT]    (pid) : text`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TextIO

from proxy.base.errors import Diagnostic, Severity, StartError
from proxy.base.version import HAPROXY_VERSION

TEXT_STEPS = ("resolve",)         # what HAProxy counts as reading the configuration
LABELS = {severity: f"[{severity.value}]".ljust(11) for severity in Severity}


class Messages:
    """Lines for stderr, and how many of HAProxy's warnings were among them.

    The first warning or alert is preceded by two notices that say which program speaks, unless it is `introduced` already: a
    program that serves is. `quiet` shows nothing at all, alerts included, as HAProxy's `-q` does.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self._stream = stream
        self.quiet = quiet
        self.warnings_count = 0
        self.introduced = False
        self.copied_to: Callable[[str], None] | None = None     # gets a copy of all
        self._is_traced = True
        self._executable = os.path.abspath(sys.argv[0])

    def redirect(self, stream: TextIO | None) -> None:
        """Write there from now on; None is stderr."""
        self._stream = stream

    def alert(self, text: str, hint: str = "") -> None:
        """Say why it ends here, and what to do about it."""
        self._introduce()
        self._line(Severity.ALERT, text, hint)

    def warning(self, text: str, hint: str = "") -> None:
        """Say what is likely not as meant."""
        self.warnings_count += 1
        self._introduce()
        self._line(Severity.WARNING, text, hint)

    def remark(self, text: str, hint: str = "") -> None:
        """Warn of what is left out here. HAProxy has no reason to warn of it, so it is not counted: `-dW` goes on."""
        self._introduce()
        self._line(Severity.WARNING, text, hint)

    def notice(self, text: str) -> None:
        """Say what is worth knowing."""
        self._line(Severity.NOTICE, text, "")

    def event(self, severity: str, text: str) -> None:
        """A line about a proxy or server that runs: nobody has to be told which program this is, and nothing is counted."""
        self._line(Severity(severity), text, "")

    def note(self, text: str) -> None:
        """A plain line, for those who asked to hear more (-V, -d)."""
        self._write(f"{text}\n")

    def trace(self, line: str) -> None:
        """A line about traffic (-d), to the standard output, with -q too, as in HAProxy."""
        if self._is_traced:
            try:
                sys.stdout.write(line + "\n")
                sys.stdout.flush()
            except (OSError, ValueError):   # nobody reads any more: go on without
                self._is_traced = False

    def start_failed(self, error: StartError) -> None:
        """Say what failed in which step of the start, each thing on its own and then what it comes to."""
        for fault in error.faults:
            self.alert(fault.message, fault.hint)
        speaker = "config :" if error.step in TEXT_STEPS else "[haproxy.main()]"
        self.alert(f"{speaker} {error.message}", "" if error.faults else error.hint)

    def configuration(self, rendered: str, diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> None:
        """Show what was found in a configuration, already put into lines."""
        self.warnings_count += sum(item.is_counted for item in diagnostics)
        if any(item.severity in (Severity.ALERT, Severity.WARNING) for item in diagnostics):
            self._introduce()
        if rendered:
            self._write(rendered if rendered.endswith("\n") else rendered + "\n")

    def _introduce(self) -> None:
        if not self.introduced:
            self.introduced = True
            self.notice(f"haproxy version is {HAPROXY_VERSION} (pyproxy {_version()})")
            self.notice(f"path to executable is {self._executable}")

    def _line(self, severity: Severity, text: str, hint: str) -> None:
        extra = "".join(f"  {line}\n" for line in hint.splitlines())
        self._write(f"{LABELS[severity]}({os.getpid()}) : {text}\n{extra}")

    def _write(self, text: str) -> None:
        if self.copied_to is not None:
            self.copied_to(text)
        if self.quiet:
            return
        stream = self._stream or sys.stderr
        try:
            stream.write(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
            stream.flush()
        except (OSError, ValueError):       # the terminal is gone: there is nobody left to tell
            self.quiet = True


def _version() -> str:
    from proxy import __version__

    return __version__
