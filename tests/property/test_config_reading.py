"""Laws of the configuration's language: any text can be read, what is quoted comes back, nothing raises but typed errors."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.base.address_text import AddressError, parse_addresses, parse_log_address, parse_server_address
from proxy.base.units import MAX_TIME_MS, UnitError, parse_size, parse_time_ms
from proxy.config.conditions import ConditionError, evaluate
from proxy.config.diagnostics import Diagnostics
from proxy.config.grammar import parse_lines
from proxy.config.lines import read_lines
from proxy.config.reader import read_sections
from proxy.config.rendering import render
from proxy.config.source import Source, source_from_octets
from proxy.config.statements import Section

octets = st.integers(1, 255).map(lambda value: bytes((value,)))
contents = st.lists(octets, max_size=30).map(b"".join).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
pieces = st.sampled_from([
    "a", " ", "\t", "\n", "\r", "'", '"', "\\", "#", "$", "{", "}", "[*]", "-", "A", ".LINE", "\x00", "\u4e2d", "\udcff", "x41",
    "global", "frontend f", ".if", ".else", ".endif", "1", "0", "(", ")", "&&", "||", "!", "streq", ",", "setenv A b", ".notice",
    "\u2028", "\x85",
])
texts = st.lists(pieces, max_size=40).map("".join)


def read(text: str, **environment: str) -> tuple[list[Section], Diagnostics]:
    diagnostics = Diagnostics()
    return read_sections([Source("t", text)], environment, diagnostics), diagnostics


def bare(text: str) -> str:
    """The text as a word without quotes."""
    escapes = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\x0b", "\f": r"\x0c"}
    return "".join(escapes.get(char) or ("\\" + char if char in " #\\\"'" else char) for char in text)


def weak(text: str) -> str:
    escapes = {"\n": r"\n", "\r": r"\r", '"': r"\"", "\\": r"\\", "$": r"\$"}
    return '"' + "".join(escapes.get(char, char) for char in text) + '"'


def strong(text: str) -> str:
    return "'" + text + "'"


@given(texts)
@example("a\r\r\n # it's\n\\\r\n\r\nb#c'\n\t'd' e\x1cf\rg")
def test_plain_lines_are_what_the_grammar_says(text: str) -> None:
    """Cut here or parsed: every line has the same words at the same places."""
    parsed = [[(token.line, str(token), token.column) for token in line[:-1]] for line in parse_lines(text + "\n")]
    assert [[(number, word, column) for word, column, _ in tokens] for number, tokens in read_lines(text)] == parsed


@given(st.lists(contents, min_size=1, max_size=8))
def test_words_come_back_however_they_are_quoted(words: list[str]) -> None:
    for quote in (bare, weak):
        line = " ".join(quote(word) if word else '""' for word in words)
        sections, diagnostics = read(f"global\n k {line}\n")
        assert not diagnostics.items
        assert [word.text for word in sections[0].statements[0].arguments] == words


@given(contents.filter(lambda text: not set(text) & set("'\r\n")), contents)
def test_quotes_may_change_within_a_word(one: str, other: str) -> None:
    sections, _ = read(f"global\n k {weak(other)}{strong(one)}{bare(other)}\n")
    text = sections[0].statements[0].words[1].text
    assert text.encode("utf-8", "surrogateescape") == (other + one + other).encode("utf-8", "surrogateescape")


@given(contents)
def test_values_of_variables_are_never_read_again(value: str) -> None:
    sections, diagnostics = read('global\n k "$V"\n k "${V}" x\n k "${W-$V}"\n', V=value)
    assert not diagnostics.items
    assert [[w.text for w in s.arguments] for s in sections[0].statements] == [[value], [value, "x"], ["$V"]]


@given(contents)
def test_split_values_lose_blanks_and_nothing_else(value: str) -> None:
    sections, _ = read('global\n k "${V[*]}"\n', V=value)
    words = [word.text for word in sections[0].statements[0].arguments]
    assert words == re.split("[ \t\n\v\f\r]+", value)


@given(texts)
@example("\r")
@example('"${A-')
@example(".if\n" * 3)
def test_any_text_is_read_and_every_message_can_be_shown(text: str) -> None:
    sections, diagnostics = read(text, A="one two")
    shown = render(diagnostics, [Source("t", text)], 1, show_diag=True)
    shown.encode("utf-8")
    assert sum(len(section.statements) + 1 for section in sections) <= text.count("\n") + 1
    for section in sections:
        for statement in section.statements:
            for word in statement.words:
                line = Source("t", text).line(word.where.line)
                assert 1 <= word.where.column <= word.where.column + word.length - 1 <= len(line)
                assert word.quoted or "\\" in line or word.text == line[word.where.column - 1 :][: word.length]


@given(st.binary(max_size=200))
def test_any_octets_are_read(raw: bytes) -> None:
    diagnostics = Diagnostics()
    source = source_from_octets("t", raw, diagnostics)
    read_sections([source], {}, diagnostics)
    assert ("Stray NUL" in " ".join(item.message for item in diagnostics)) == (b"\0" in raw)


@given(texts)
def test_conditions_answer_or_say_why_not(text: str) -> None:
    try:
        answer = evaluate(text, {"A": "1"})
    except ConditionError as error:
        answer = bool(error.message) and error.position >= 0
    assert isinstance(answer, bool)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=6))
def test_and_binds_tighter_than_or(terms: list[tuple[bool, bool]]) -> None:
    text = " || ".join(f"{one:d} && !{other:d}" for one, other in terms)
    assert evaluate(text, {}) == any(one and not other for one, other in terms)


@pytest.mark.parametrize("parse", [parse_addresses, parse_server_address, parse_log_address])
@given(text=st.text(st.sampled_from("0123456789.:[]*@-+,/abcdef%ipvuntdxs\u0663\u00e9 "), max_size=24))
def test_addresses_are_read_or_refused(parse: object, text: str) -> None:
    assert callable(parse)
    with suppress(AddressError):
        result = parse(text)
        addresses = result if isinstance(result, list) else [result]
        assert addresses
        assert all(-65535 <= address.port <= 65535 for address in addresses)


@given(st.text(st.sampled_from("0123456789usmhdkgKMG.-+_ \u0663\n"), max_size=12))
def test_times_and_sizes_are_read_or_refused(text: str) -> None:
    for parse, most in ((parse_time_ms, MAX_TIME_MS), (parse_size, 2**32 - 1)):
        with suppress(UnitError):
            assert 0 <= parse(text) <= most
            assert text.isascii()
            assert text.isalnum()


@given(st.integers(0, MAX_TIME_MS))
def test_a_time_may_be_written_in_any_unit_that_fits(value: int) -> None:
    assert parse_time_ms(f"{value}ms") == parse_time_ms(str(value)) == value
    assert parse_time_ms(f"{value}us") == -(-value // 1000)
