"""The grammar: every text parses, sections and directives are known by their words, nothing is loaded too early."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from lark.lexer import PatternStr

from proxy.config.grammar import DIRECTIVES, SECTION_KINDS, configuration_parser, grammar_text, parse_lines


def words_of(text: str) -> list[list[str]]:
    return [[str(token) for token in line[:-1]] for line in parse_lines(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n", []),
        ("\n\n  \n# x\n\t#y\n", []),
        ("global\n", [["global"]]),
        ("  global#c\n", [["global"]]),
        ("global\n daemon # a 'b\n\n\n maxconn 4\n", [["global"], ["daemon"], ["maxconn", "4"]]),
        ("global\r\n a b\r\n\r\n#x\r\n c\r\n", [["global"], ["a", "b"], ["c"]]),
        ("a\tb\vc\fd\n", [["a", "b", "c", "d"]]),
        ("log global\nglobal log\n", [["log", "global"], ["global", "log"]]),
        ("a#b\n", [["a"]]),
        ("a'#'b \"#\" \\# #\n", [["a'#'b", '"#"', "\\#"]]),
        ("a \"b c\"'d e'f\\ g\n", [["a", "\"b c\"'d e'f\\ g"]]),
        ("a \"b\nc'd\n", [["a", '"b'], ["c", "'d"]]),
        ("a\rb\nc\n", [["a", "\rb"], ["c"]]),
        ("a\r\r\nb\n", [["a"], ["b"]]),
        ("a\\\tb \"\\\t\"\n", [["a\\", "b", '"\\\t"']]),
        ("a\\\nb\n", [["a\\"], ["b"]]),
        ("a\\\r\nb\n", [["a\\"], ["b"]]),
        ("global2\nglobal-x\n", [["global2"], ["global-x"]]),
        (".if 1\n.endif\nx\u00a0y\x1cz\u2028w\n", [[".if", "1"], [".endif"], ["x\u00a0y\x1cz\u2028w"]]),
    ],
)
def test_lines(text: str, expected: list[list[str]]) -> None:
    assert words_of(text) == expected


def test_words_know_their_place() -> None:
    line = parse_lines("\n# c\n\n \t\u4e2d\u6587 \"b c\"  d\n")[0]
    assert [(token.line, token.column) for token in line[:-1]] == [(4, 3), (4, 6), (4, 13)]


def test_header_words_are_sections_only_when_first() -> None:
    kinds = {line[0].type for line in parse_lines("frontend listen\n frontend2 global\n")}
    assert kinds == {"FRONTEND", "WORD"}


def test_sections_and_directives_are_those_of_the_grammar() -> None:
    fixed = [item.pattern.value for item in configuration_parser().terminals if isinstance(item.pattern, PatternStr)]
    assert [word for word in fixed if not word.startswith(".")] == list(SECTION_KINDS)
    assert [word for word in fixed if word.startswith(".")] == list(DIRECTIVES)


def test_hostile_lines_take_time_in_proportion() -> None:
    """Nothing here may backtrack: each of these would take ages if something did."""
    for piece in ('"${A-x}', "a'", '"$', '\\"', "'", '"${A-', "a\\ ", '"\\'):
        parse_lines(piece * 2000 + "\n")


@pytest.mark.parametrize(("line", "loaded"), [("frontend www # it's plain", False), ("frontend 'www'", True)])
def test_lark_is_loaded_only_for_lines_that_are_not_plain(line: str, loaded: bool) -> None:
    code = f"import sys; from proxy.config.load import load; load(text={line!r}); print('lark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(loaded)


def test_the_grammar_is_found_in_a_wheel_and_in_a_source_tree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "configuration:" in grammar_text("haproxy")
    installed = tmp_path / "proxy"
    (installed / "grammar").mkdir(parents=True)
    (installed / "grammar" / "haproxy.lark").write_text("installed")
    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path / package)
    assert grammar_text("haproxy") == "installed"
