"""From text to sections: structure, variables, directives, faults; messages are HAProxy's."""

from __future__ import annotations

import pytest

from proxy.base.errors import Severity
from proxy.config.diagnostics import Diagnostics
from proxy.config.environment import Environment
from proxy.config.reader import read_sections
from proxy.config.source import Source
from proxy.config.statements import Section


def read(*texts: str, **environment: str) -> tuple[list[Section], Diagnostics]:
    diagnostics = Diagnostics()
    sources = [Source(f"t{index}.cfg", text) for index, text in enumerate(texts)]
    return read_sections(sources, environment, diagnostics), diagnostics


def outline(sections: list[Section]) -> list[tuple[str, list[str]]]:
    return [(" ".join(w.text for w in section.words), [str(s) for s in section.statements]) for section in sections]


def messages(diagnostics: Diagnostics) -> list[str]:
    return [item.message for item in diagnostics]


def test_sections_hold_their_statements() -> None:
    sections, diagnostics = read("global\n daemon\ndefaults a from b\nmode http\n\n  frontend f 1\n\tbind :80 name x\n")
    assert outline(sections) == [
        ("global", ["daemon"]), ("defaults a from b", ["mode http"]), ("frontend f 1", ["bind :80 name x"]),
    ]
    assert [(section.kind, section.name) for section in sections] == [("global", ""), ("defaults", "a"), ("frontend", "f")]
    assert not diagnostics.items


def test_every_word_knows_its_place() -> None:
    sections, _ = read("global\n\tlog \"${A[*]}\" '中'  x#y\n", A="p q")
    words = sections[0].statements[0].words
    assert [(w.text, w.where.line, w.where.column, w.length, w.quoted) for w in words] == [
        ("log", 2, 2, 3, False), ("p", 2, 6, 9, True), ("q", 2, 6, 9, True), ("中", 2, 16, 3, True), ("x", 2, 21, 1, False),
    ]
    assert sections[0].statements[0].keyword == "log"
    assert sections[0].statements[0].arguments == words[1:]
    assert str(words[0].where) == "t0.cfg:2"


def test_a_section_ends_with_its_file_and_sections_repeat() -> None:
    sections, diagnostics = read("global\n a\n", " b\nglobal\n c\n")
    assert outline(sections) == [("global", ["a"]), ("global", ["c"])]
    assert messages(diagnostics) == ["parsing [t1.cfg:1]: unknown keyword 'b' out of section."]


def test_words_before_the_first_section_are_errors_with_a_way_out() -> None:
    _, diagnostics = read("mode http\nfronted f\n.notice x\nglobal\n")
    first, second, notice = diagnostics.items
    assert first.message == "parsing [t0.cfg:1]: unknown keyword 'mode' out of section."
    assert "start with a section" in first.hint
    assert second.hint == "did you mean 'frontend'?"
    assert notice.severity is Severity.NOTICE


def test_headers_may_be_quoted_or_come_from_the_environment() -> None:
    sections, _ = read('"glo"bal\n a\n"${H[*]}"\n b\n \'backend\' c\n', H="frontend f")
    assert outline(sections) == [("global", ["a"]), ("frontend f", ["b"]), ("backend c", [])]


def test_variables_see_the_environment_as_the_lines_before_left_it() -> None:
    text = (
        'global\n a "$X"\n setenv X 1\n a "$X"\n presetenv X 2\n a "$X"\n presetenv Y 3\n a "$Y"\n unsetenv X Z\n a "${X-none}"\n'
        ' setenv Z 9\n resetenv Z\n a "$Z${Y-gone}"\n'
    )
    sections, diagnostics = read(text, X="0")
    seen = [str(s.words[1]) for s in sections[0].statements if s.keyword == "a"]
    assert seen == ["0", "1", "1", "3", "none", "9gone"]
    assert not diagnostics.items


def test_the_caller_sees_the_changes_only_in_an_environment_of_his_own() -> None:
    plain, own = {"X": "0"}, Environment({"X": "0"})
    for environment in (plain, own):
        read_sections([Source("t", "global\n setenv X 1\n")], environment, Diagnostics())
    assert (plain["X"], own["X"]) == ("0", "1")


def test_environment_keywords_count_in_global_only_and_not_in_dead_blocks() -> None:
    sections, diagnostics = read('frontend f\n setenv X 1\nglobal\n.if 0\n setenv X 2\n.endif\n a "${X-none}"\n')
    assert str(sections[1].statements[0]) == "a none"
    assert not diagnostics.items


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("setenv", "'setenv' expects a name and a value."),
        ("setenv A", "'setenv' expects a name and a value."),
        ('setenv A ""', "'setenv' expects a name and a value."),
        ("presetenv Q", "'presetenv' expects a name and a value."),
        ('setenv "A=B" c', "'setenv' failed on variable 'A=B' : Invalid argument."),
        ('setenv "" c', "'setenv' failed on variable '' : Invalid argument."),
        ("unsetenv", "'unsetenv' expects at least one variable name."),
    ],
)
def test_bad_environment_keywords(line: str, message: str) -> None:
    _, diagnostics = read(f"global\n {line}\n")
    assert messages(diagnostics) == [f"parsing [t0.cfg:2]: {message}"]


def test_pseudo_variables() -> None:
    sections, _ = read('defaults\n a "$.FILE:${.LINE}:$.SECTION"\nbackend b c\n\n a "$.SECTION"\n"${.SECTION}x" "${.LINE}"\n')
    assert [str(s) for s in sections[0].statements] == ["a t0.cfg:2:defaults"]
    assert [str(s) for s in sections[1].statements] == ["a b", "bx 6"]


def test_before_the_first_section_its_name_is_empty() -> None:
    _, diagnostics = read('.notice "<$.SECTION>"\n')
    assert messages(diagnostics) == ["parsing [t0.cfg:1]: '<>'."]


# Faults


@pytest.mark.parametrize(
    ("line", "message", "column"),
    [
        ('a "b', "unmatched quote at position 4:", 4),
        ("a 'b", "unmatched quote at position 4:", 4),
        ("a 中'b", "unmatched quote at position 7:", 5),
        (r"a b\x4", "truncated or invalid hexadecimal sequence at position 5:", 5),
        ('a "${A"', "unmatched brace in environment variable name at position 6:", 6),
        ("a b\rc", "stray carriage return at position 5:", 5),
    ],
)
def test_faults_of_words_drop_the_line_and_reading_goes_on(line: str, message: str, column: int) -> None:
    sections, diagnostics = read(f"global\n {line}\n next\n")
    assert outline(sections) == [("global", ["next"])]
    (fault,) = diagnostics.items
    assert fault.message == f"parsing [t0.cfg:2]: {message}"
    assert fault.where.column == column
    assert fault.severity is Severity.ALERT
    assert fault.hint


def test_no_more_than_64_words() -> None:
    sections, diagnostics = read("global\n" + "w " * 64 + "\n" + "w " * 65 + '\n "${X[*]}"\n', X="ww " * 80)
    assert len(sections[0].statements) == 1
    assert messages(diagnostics) == [
        "parsing [t0.cfg:3]: too many words, truncating after word 64, position 127: <w>.",
        "parsing [t0.cfg:4]: too many words, truncating after word 64, position 190: <ww>.",
    ]
    assert diagnostics.items[0].where.column == 129


def test_a_nul_makes_the_file_unreadable() -> None:
    sections, diagnostics = read("global\n a\0b\n\0\n", "global\n")
    assert outline(sections) == [("global", [])]
    (fault,) = diagnostics.items
    assert fault.message == "parsing [t0.cfg:2]: Stray NUL character at position 3."
    assert (fault.where.line, fault.where.column) == (2, 3)
    assert "not a text file" in fault.hint


def test_a_line_whose_first_word_is_empty_is_ignored_with_a_notice() -> None:
    sections, diagnostics = read('"" x\nglobal\n "${NOSUCH}" b\n.if 0\n "" c\n.endif\n')
    assert outline(sections) == [("global", [])]
    assert [item.severity for item in diagnostics] == [Severity.NOTICE] * 2


def test_octets_that_are_no_utf_8_survive() -> None:
    sections, diagnostics = read(b"global # \xff\n a \xfe\xff\n".decode("utf-8", "surrogateescape"))
    assert str(sections[0].statements[0].words[1]).encode("utf-8", "surrogateescape") == b"\xfe\xff"
    assert not diagnostics.items


def test_a_long_line_is_one_statement() -> None:
    sections, _ = read("global\n a " + "x" * 100_000 + "\n")
    assert len(sections[0].statements[0].words[1].text) == 100_000


def test_an_empty_text_has_no_sections_and_no_faults() -> None:
    for text in ("", "\n", "# x", "   "):
        sections, diagnostics = read(text)
        assert not sections
        assert not diagnostics.items
