"""`.if` blocks and messages, compared with HAProxy 2.6."""

from __future__ import annotations

import pytest

from proxy.base.errors import Severity
from proxy.config.diagnostics import Diagnostics
from proxy.config.reader import read_sections
from proxy.config.source import Source


def read(lines: str, **environment: str) -> tuple[list[str], list[str], Diagnostics]:
    """What is left of a `global` section, and the messages without their place."""
    diagnostics = Diagnostics()
    sections = read_sections([Source("t", "global\n" + lines.replace(";", "\n") + "\n")], environment, diagnostics)
    said = [item.message.removeprefix(f"parsing [t:{item.where.line}]: ") for item in diagnostics]
    return [str(s) for section in sections for s in section.statements], said, diagnostics


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        (".if 1;a;.endif;b", ["a", "b"]),
        (".if 0;a;.endif;b", ["b"]),
        (".if;a;.endif;b", ["b"]),
        (".if 0;a;.else;b;.endif", ["b"]),
        (".if 1;a;.else;b;.endif", ["a"]),
        (".if 0;a;.elif 0;b;.elif 1;c;.elif 1;d;.else;e;.endif", ["c"]),
        (".if 0;a;.elif 0;b;.else;c;.endif", ["c"]),
        (".if 1;a;.elif 1;b;.else;c;.endif", ["a"]),
        (".if 1;.if 0;a;.else;b;.endif;c;.endif", ["b", "c"]),
        (".if 0;.if 1;a;.else;b;.endif;c;.else;d;.endif", ["d"]),
        ("  .if 1 # c;a;\t.endif", ["a"]),
        ('".if" 0;a;\'.endif\';b', ["b"]),
        (".if 1 || 0 &&  0;a;.endif", ["a"]),
    ],
)
def test_blocks(lines: str, left: list[str]) -> None:
    statements, said, _ = read(lines)
    assert statements == left
    assert not said


def test_sections_may_stand_in_blocks() -> None:
    diagnostics = Diagnostics()
    text = '.if defined(X)\nfrontend f\n a\n.else\nfrontend g\n b\n.endif\n c\n'
    sections = read_sections([Source("t", text)], {"X": ""}, diagnostics)
    assert [(s.name, [str(x) for x in s.statements]) for s in sections] == [("f", ["a", "c"])]


def test_what_is_not_taken_is_not_evaluated() -> None:
    _, said, _ = read(".if 0;.if foo(;.elif streq(;.endif;.elif 1;.elif bar(;.endif;.if 1;.elif foo(;.endif")
    assert not said


def test_quotes_are_checked_in_dead_blocks_too() -> None:
    _, said, _ = read('.if 0;a "b;.endif')
    assert said == ["unmatched quote at position 3:"]


@pytest.mark.parametrize(
    ("lines", "message", "line", "column"),
    [
        (".endif", "lone '.endif' with no matching '.if'.", 2, 1),
        (".else", "lone '.else' with no matching '.if'.", 2, 1),
        (".elif 1", "lone '.elif' with no matching '.if'.", 2, 1),
        (".if 0;.else;.else;.endif", "'.else' after '.else' is not permitted.", 4, 1),
        (".if 0;.else;.elif 1;.endif", "'.elif' after '.else' is not permitted.", 4, 1),
        (".if 0;.else foo;.endif", "Unexpected argument 'foo' for '.else'.", 3, 7),
        (".if 0;.endif foo", "Unexpected argument 'foo' for '.endif'.", 3, 8),
        ("a; .if 1;a", "non-terminated '.if' block.", 3, 2),
        (".foo", "unknown directive '.foo'.", 2, 1),
        (".if foo;.endif", "unparsable conditional expression 'foo' in '.if' at position 1:", 2, 5),
        (".if 0;.elif 1 && \"(\"  0;.endif", "expected ')' after conditional expression '( 0' in '.elif' at position 6:", 3, 12),
        (".if 1 &&;.endif", "unparsable conditional expression '&&' in '.if' at position 3:", 2, 7),
        (".notice a b", "Unexpected argument 'b' for '.notice'. Use quotes if the message should contain spaces.", 2, 11),
        (".alert", "''.", 2, 1),
        (".alert stop", "'stop'.", 2, 1),
    ],
)
def test_faults(lines: str, message: str, line: int, column: int) -> None:
    _, said, diagnostics = read(lines)
    assert said == [message]
    (fault,) = diagnostics.items
    assert fault.severity is Severity.ALERT
    assert (fault.where.line, fault.where.column) == (line, column)


def test_a_condition_without_an_answer_takes_no_branch() -> None:
    statements, said, _ = read(".if foo;a;.elif 1;x;.else;b;.endif;.if 0;.elif foo;a;.else;b;.endif;c")
    assert (statements, len(said)) == (["c"], 2)


def test_an_unreadable_directive_keeps_its_block_together() -> None:
    statements, said, _ = read('.if "x;a;.else;b;.endif;.if 0;.elif "x;c;.else;d;.endif "z;.elif "y;.endif "z;.else "q')
    assert statements == []
    assert said == ["unmatched quote at position 5:", *["unmatched quote at position 7:", "unmatched quote at position 8:"] * 2,
                    "unmatched quote at position 7:"]


def test_messages_have_their_severity_and_dead_ones_say_nothing() -> None:
    _, said, diagnostics = read('.notice "a b";.warning w;.diag d;.if 0;.alert x;.bogus;.notice a b;.endif')
    assert said == ["'a b'.", "'w'.", "'d'."]
    assert [item.severity for item in diagnostics] == [Severity.NOTICE, Severity.WARNING, Severity.DIAG]
    assert not diagnostics.has_errors


def test_a_misspelt_directive_gets_a_suggestion() -> None:
    _, _, diagnostics = read(".ednif")
    assert diagnostics.items[0].hint == "did you mean '.endif' or '.elif'?"
