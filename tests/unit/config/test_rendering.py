"""What a user sees: HAProxy's own line first, then the source line with a caret, then the fix."""

from __future__ import annotations

import pytest

from proxy.base.errors import Where
from proxy.config.diagnostics import Diagnostics
from proxy.config.reader import read_sections
from proxy.config.rendering import render
from proxy.config.source import Source
from proxy.config.statements import Word


def shown(diagnostics: Diagnostics, *sources: Source, show_diag: bool = False) -> list[str]:
    return render(diagnostics, sources, 42, show_diag=show_diag).splitlines()


def word(text: str, line: int, column: int, file: str = "t") -> Word:
    return Word(text, Where(file, line, column), len(text))


def test_a_message_has_three_parts_and_a_failed_file_two_closing_lines() -> None:
    diagnostics = Diagnostics()
    diagnostics.alert(word("bnd", 2, 3), "unknown keyword 'bnd' in 'frontend' section", "did you mean 'bind'?")
    assert shown(diagnostics, Source("t", "frontend f\n  bnd :80\n")) == [
        "[ALERT]    (42) : config : parsing [t:2] : unknown keyword 'bnd' in 'frontend' section",
        "  bnd :80",
        "  ^~~",
        "  did you mean 'bind'?",
        "[ALERT]    (42) : config : Error(s) found in configuration file : t",
        "[ALERT]    (42) : config : Fatal errors found in configuration.",
    ]


def test_labels_are_as_wide_as_haproxys() -> None:
    diagnostics = Diagnostics()
    diagnostics.notice(None, "n")
    diagnostics.warning(Where("t"), "w")
    diagnostics.diag(Where("t", 1), "d")
    assert shown(diagnostics, show_diag=True) == [
        "[DIAG]     (42) : config : parsing [t:1] : d",
        "[NOTICE]   (42) : config : n",
        "[WARNING]  (42) : config : w",
    ]
    assert len(shown(diagnostics)) == 2


def test_without_errors_there_are_no_closing_lines_and_nothing_for_nothing() -> None:
    assert render(Diagnostics(), [], 1) == ""
    diagnostics = Diagnostics()
    diagnostics.warning(word("x", 1, 1), "w")
    assert len(shown(diagnostics, Source("t", "x\n"))) == 3


def test_faults_of_the_whole_come_last_and_their_place_has_a_line_of_its_own() -> None:
    diagnostics = Diagnostics()
    diagnostics.alert(word("b", 2, 1), "proxy 'b' has no server", "add one", parsing=False)
    diagnostics.alert(word("a", 1, 1), "parse")
    lines = shown(diagnostics, Source("t", "a\nb\n"))
    assert lines[3:8] == ["[ALERT]    (42) : config : proxy 'b' has no server", "  at t:2", "  b", "  ^", "  add one"]
    only_whole = Diagnostics()
    only_whole.alert(word("b", 2, 1), "no server", parsing=False)
    assert not any("Error(s)" in line for line in shown(only_whole, Source("t", "a\nb\n")))


def test_faults_of_servers_count_as_faults_of_the_text() -> None:
    diagnostics = Diagnostics()
    diagnostics.alert(word("b", 2, 1), "[t:2] : 'server b/s' : invalid port '70000'", parsing=False)
    diagnostics.alert(None, "no such proxy", parsing=False)
    lines = shown(diagnostics, Source("t", "a\nb\n"))
    assert [line.split(" : ", 1)[1] for line in lines if " : config" in line] == [
        "config : [t:2] : 'server b/s' : invalid port '70000'",
        "config : no such proxy",
        "config : Error(s) found in configuration file : t",
        "config : Fatal errors found in configuration.",
    ]


def test_messages_follow_the_order_of_the_sources() -> None:
    diagnostics = Diagnostics()
    for file, line in (("b", 1), ("a", 9), ("a", 2), ("unknown", 1)):
        diagnostics.alert(word("x", line, 1, file), f"{file}{line}")
    lines = [line.rsplit(" : ", 1)[-1] for line in shown(diagnostics, Source("a", ""), Source("b", "")) if "parsing" in line]
    assert lines == ["a2", "a9", "b1", "unknown1"]


@pytest.mark.parametrize(
    ("line", "marked", "expected", "caret"),
    [
        ("\t\tbind :80", ":80", "bind :80", "     ^~~"),
        ("a\tb\tc", "c", "a    b    c", "          ^"),
        ("\u6700\u5927 x", "x", "\u6700\u5927 x", "     ^"),
        ("x \u6700\u5927 y", "\u6700\u5927", "x \u6700\u5927 y", "  ^~~~"),
        ("e\u0301 x", "x", "e\u0301 x", "  ^"),
        ("\udcff x", "x", "\ufffd x", "  ^"),
        ("\x1b[31m x", "x", "?[31m x", "      ^"),
    ],
)
def test_the_caret_stands_under_the_word(line: str, marked: str, expected: str, caret: str) -> None:
    diagnostics = Diagnostics()
    diagnostics.alert(word(marked, 1, line.index(marked) + 1), "m")
    assert shown(diagnostics, Source("t", line + "\n"))[1:3] == ["  " + expected, "  " + caret]


@pytest.mark.parametrize("column", [1, 5, 500, 996, 1000])
def test_a_long_line_is_cut_around_the_word(column: int) -> None:
    line = "".join(str(i % 10) for i in range(1, 1001))
    diagnostics = Diagnostics()
    diagnostics.alert(word("xxx", 1, column), "m")
    text, caret = shown(diagnostics, Source("t", line))[1:3]
    assert len(text) < 170
    assert text[caret.index("^")] == line[column - 1]
    assert text.endswith("...") == (column < 900)


def test_a_place_beyond_the_text_does_no_harm() -> None:
    diagnostics = Diagnostics()
    diagnostics.alert(Where("t", 1, 4), "at the end")
    diagnostics.alert(Where("t", 7, 4), "no such line")
    diagnostics.alert(Where("gone", 1, 1), "no such source")
    lines = shown(diagnostics, Source("t", "abc"))
    assert lines[1:3] == ["  abc", "     ^"]


def test_messages_cannot_write_to_the_terminal() -> None:
    diagnostics = Diagnostics()
    diagnostics.alert(None, "a\nb\x1b[2J\udcff\tc")
    assert shown(diagnostics)[0] == "[ALERT]    (42) : config : a?b?[2J\ufffd    c"


def test_the_readers_faults_look_like_haproxys() -> None:
    diagnostics = Diagnostics()
    source = Source("t.cfg", 'global\n log "x $1" y\n')
    read_sections([source], {}, diagnostics)
    assert shown(diagnostics, source) == [
        "[ALERT]    (42) : config : parsing [t.cfg:2]: forbidden first char in environment variable name at position 10:",
        '  log "x $1" y',
        "          ^",
        r"  write \$ for a dollar sign, or use single quotes",
        "[ALERT]    (42) : config : Error(s) found in configuration file : t.cfg",
        "[ALERT]    (42) : config : Fatal errors found in configuration.",
    ]
