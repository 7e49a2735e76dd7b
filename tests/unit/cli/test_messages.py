"""What the terminal is told, and in which form."""

from __future__ import annotations

import io
import os

from proxy.base.errors import NOWHERE, Diagnostic, Severity, StartError
from proxy.cli.messages import Messages


def said() -> tuple[Messages, io.StringIO]:
    stream = io.StringIO()
    return Messages(stream), stream


def test_the_first_complaint_says_which_program_speaks() -> None:
    messages, stream = said()
    messages.warning("odd", "do this")
    messages.alert("wrong")
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith(f"[NOTICE]   ({os.getpid()}) : haproxy version is ")
    assert lines[1].startswith(f"[NOTICE]   ({os.getpid()}) : path to executable is /")
    assert lines[2:] == [f"[WARNING]  ({os.getpid()}) : odd", "  do this", f"[ALERT]    ({os.getpid()}) : wrong"]
    assert messages.warnings_count == 1


def test_what_happens_while_it_serves_needs_no_introduction_and_is_not_counted() -> None:
    messages, stream = said()
    messages.event("WARNING", "Server a/b is DOWN.")
    assert stream.getvalue() == f"[WARNING]  ({os.getpid()}) : Server a/b is DOWN.\n"
    assert messages.warnings_count == 0


def test_a_failed_start_tells_each_fault_and_what_they_come_to() -> None:
    messages, stream = said()
    faults = [Diagnostic(Severity.ALERT, NOWHERE, f"Binding {n}", f"hint {n}") for n in (1, 2)]
    error = StartError("bind", "Exiting.", faults=faults)
    messages.start_failed(error)
    lines = [line.partition(" : ")[2] or line for line in stream.getvalue().splitlines()[2:]]
    assert lines == ["Binding 1", "  hint 1", "Binding 2", "  hint 2", "[haproxy.main()] Exiting."]
    assert error.hint == "hint 1; hint 2"
    assert str(error) == "bind: Binding 1 (hint 1); Binding 2 (hint 2)"


def test_a_terminal_that_is_gone_is_told_no_more() -> None:
    messages, stream = said()
    stream.close()
    messages.alert("wrong")
    assert messages.quiet
