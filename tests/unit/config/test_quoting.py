"""Words: every row was compared with what HAProxy 2.6 makes of it."""

from __future__ import annotations

import pytest

from proxy.config.quoting import QuotingError, expand, is_plain

VARIABLES = {
    "A": "one two", "E": "", "Q": 'a"b c\\td#e $A', "SP": "  a \t b  ", "_U1": "u",
    ".FILE": "t.cfg", ".LINE": "7", ".SECTION": "global",
}

WORDS = [
    ("abc", ["abc"]),
    (r"a\ b", ["a b"]),
    (r"a\#b", ["a#b"]),
    (r"a\\b", ["a\\b"]),
    (r"\"\'", ["\"'"]),
    (r"\n\r\t", ["\n\r\t"]),
    (r"\x41\x7e", ["A~"]),
    (r"\xc3\xa9", ["\u00e9"]),
    (r"\xff", ["\udcff"]),
    (r"\q\a", [r"\q\a"]),
    (r"\\x41", [r"\x41"]),
    ("abc\\", ["abc\\"]),
    ("$A", ["$A"]),
    (r"\$A", [r"\$A"]),
    ("${A[*]}", ["${A[*]}"]),
    ("''", [""]),
    ('""', [""]),
    ('""a', ["a"]),
    ('a"b c"d', ["ab cd"]),
    (r"'a\nb\'", ["a\\nb\\"]),
    ("'$A \"#'", ['$A "#']),
    (r'"a\qb\"c\$d\n"', ['a\\qb"c$d\n']),
    (r'''"a\'b\ c\#d"''', ["a'b c#d"]),
    ('"\'#\t"', ["'#\t"]),
    ('"$A"', ["one two"]),
    ('"$A$A"', ["one twoone two"]),
    ('"<${A}>"', ["<one two>"]),
    ('"$_U1.x"', ["u.x"]),
    ('"$A-b"', ["one two-b"]),
    ('"${A-b}"', ["one two"]),
    ('"${U}"', [""]),
    ('"$U"', [""]),
    ('"${U-def ault}"', ["def ault"]),
    ('"${E-x}"', [""]),
    ('"${U-}"', [""]),
    ('"${U-a"b"c}"', ['a"b"c']),
    ('"${U-a}b}"', ["ab}"]),
    ('"${U-$A}"', ["$A"]),
    ('"${U-${A}}"', ["${A}"]),
    (r'"${U-\}x}"', ["\\x}"]),
    ('"${U-foo bar[*]}"', ["foo bar[*]"]),
    ('"$Q"', ['a"b c\\td#e $A']),
    ('"$.FILE:${.LINE}"', ["t.cfg:7"]),
    ('"${.SECTION-x}"', ["global"]),
    ('"${A[*]}"', ["one", "two"]),
    ('"p${A[*]}s${A[*]}e"', ["pone", "twosone", "twoe"]),
    ('"${U[*]-foo bar}"', ["foo", "bar"]),
    ('"${E[*]}"', [""]),
    ('"${SP[*]}"', ["", "a", "b", ""]),
    ('"${A}[*]"', ["one two[*]"]),
    ('"$A[*]"', ["one two[*]"]),
]

FAULTS = [
    (r"\x4", "truncated or invalid hexadecimal sequence", 0),
    (r"ab\xzz", "truncated or invalid hexadecimal sequence", 2),
    (r'"a\x4"', "truncated or invalid hexadecimal sequence", 2),
    (r"a\x00", "a NUL character cannot be part of a word", 1),
    ('"$"', "forbidden first char in environment variable name", 2),
    ('"$1"', "forbidden first char in environment variable name", 2),
    ('"${"', "forbidden first char in environment variable name", 3),
    ('"${}"', "forbidden first char in environment variable name", 3),
    ('"${1}"', "forbidden first char in environment variable name", 3),
    ('"$.FOO"', "forbidden first char in environment variable name", 2),
    ('"${.LINEX}"', "forbidden first char in environment variable name", 3),
    ('"$\u00e9"', "forbidden first char in environment variable name", 2),
    ('"${A"', "unmatched brace in environment variable name", 2),
    ('"${A-b"', "unmatched brace in environment variable name", 2),
    ('"${A.B}"', "unmatched brace in environment variable name", 2),
    ('x"${A B}"', "unmatched brace in environment variable name", 3),
    ('"${A[*]"', "unmatched brace in environment variable name", 2),
    ('"${A[*}"', "truncated or invalid word expansion sequence", 4),
    ('"${A[1]}"', "truncated or invalid word expansion sequence", 4),
]


@pytest.mark.parametrize(("source", "words"), WORDS)
def test_words(source: str, words: list[str]) -> None:
    assert expand(source, VARIABLES.get) == words


@pytest.mark.parametrize(("source", "message", "offset"), FAULTS)
def test_faults_say_what_and_where_and_how_to_write_it(source: str, message: str, offset: int) -> None:
    with pytest.raises(QuotingError) as caught:
        expand(source, VARIABLES.get)
    assert (caught.value.message, caught.value.offset) == (message, offset)
    assert caught.value.hint


def test_plain_words_need_no_expansion() -> None:
    assert all(is_plain(source) for source in ("192.168.4.55:80", "${A}", "a=b,c"))
    assert not any(is_plain(source) for source in ("a\\ b", '"a"', "'a'", "a'"))
    for source, words in WORDS:
        if is_plain(source):
            assert words == [source]
