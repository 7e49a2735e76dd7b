"""The tables themselves: octet by octet against the RFCs' grammar, and no pattern that could go back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.core.http1 import tables

PATTERNS = {name: value for name, value in vars(tables).items() if isinstance(value, re.Pattern)}
# the one repeated group, whose branches differ in their first octet
BACKTRACKING_ALLOWED = {"CHUNK_LINE": 2, "NEXT_CHUNK": 2, "HOST": 1}


def unbounded_repeats(parsed: Any) -> Iterator[str]:
    """The names of repeats without an upper bound, wherever they hide in a parsed pattern."""
    for operation, argument in parsed:
        name = str(operation)
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            _, most, body = argument
            if most == re._constants.MAXREPEAT:
                yield name
            yield from unbounded_repeats(body)
        elif name == "SUBPATTERN":
            yield from unbounded_repeats(argument[-1])
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from unbounded_repeats(branch)


@pytest.mark.parametrize("name", PATTERNS)
def test_every_unbounded_repeat_is_possessive(name: str) -> None:
    repeats = list(unbounded_repeats(re._parser.parse(PATTERNS[name].pattern)))
    assert repeats.count("MAX_REPEAT") == BACKTRACKING_ALLOWED.get(name, 0)
    assert "MIN_REPEAT" not in repeats


def test_tokens_are_made_of_tchars_and_nothing_else() -> None:
    token = re.compile(tables.TOKEN)
    for octet in range(256):
        assert bool(token.fullmatch(bytes([octet]))) == (octet in tables.TCHARS)
    assert len(tables.TCHARS) == 15 + 10 + 52


def test_targets_hold_visible_ascii_but_no_fragment() -> None:
    target = re.compile(tables.TARGET)
    for octet in range(256):
        assert bool(target.fullmatch(bytes([octet]))) == (0x21 <= octet <= 0x7E and octet != ord("#"))


def test_text_holds_no_control_octet_but_tab() -> None:
    text = re.compile(tables.TEXT)
    for octet in range(256):
        assert bool(text.fullmatch(bytes([octet]))) == (octet == 9 or (octet >= 0x20 and octet != 0x7F))


@pytest.mark.parametrize("octets", [b"\xd9\xa3", b"\xc2\xb2", b"+1", b"1_0", b" 1", b"1\xa0", b"", b"12345678901234567890"])
def test_lengths_are_ascii_digits_only(octets: bytes) -> None:
    assert tables.LENGTH.fullmatch(octets) is None


@pytest.mark.parametrize("octets", [b"\n", b"\r", b"\r\r\n", b"\x00", b"\r\n ", b"\r\n\t", b"\n\n", b"a\nb"])
def test_loose_lines_are_found(octets: bytes) -> None:
    assert tables.LOOSE_LINE.search(b"X: a" + octets + b"b\r\n")


def test_strict_lines_are_not_loose() -> None:
    assert tables.LOOSE_LINE.search(b"GET / HTTP/1.1\r\nX: a\t b\xff\r\nY:\r\n\r\n") is None
