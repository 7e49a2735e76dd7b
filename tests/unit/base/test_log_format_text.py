"""The language of log-format, held against what haproxy 2.6 says of the same texts."""

from __future__ import annotations

import pytest

from proxy.base.log_format_text import (
    CLF,
    HTTP_ONLY,
    HTTPLOG,
    HTTPSLOG,
    TCPLOG,
    VARIABLES,
    FormatItem,
    ItemKind,
    LogFormatError,
    nearest_variables,
    parse_log_format,
)


def written(text: str, http: bool = True) -> list[str]:
    """The items as one short word each: "text", "_" for a space, "%name+flags"."""
    words = []
    for item in parse_log_format(text, http=http).items:
        flags = "Q" * item.quote + "X" * item.hexadecimal + "E" * item.escape
        words.append({ItemKind.TEXT: item.text, ItemKind.SPACE: "_", ItemKind.VARIABLE: f"%{item.text}+{flags}"}[item.kind])
    return words


@pytest.mark.parametrize(("text", "items"), [
    ("%ci", ["%ci+"]),
    ("%ci:%cp", ["%ci+", ":", "%cp+"]),
    ("%b_x", ["%b+", "_x"]),
    ("  a   b   ", ["a", "_", "b", "_"]),
    ("", []),
    ("100%% of %ci", ["100%", "_", "of", "_", "%ci+"]),
    ("%{+Q}r", ["%r+Q"]),
    ("%{+Q,+X,+E}ci %ci", ["%ci+QXE", "_", "%ci+"]),
    ("%{+Q}o %b %{-Q}s %b", ["%b+Q", "_", "%s+", "_", "%b+Q"]),
    ("%{+Q}o %b %o %b %{+X}o %cp %{-Q}o %b", ["%b+Q", "_", "%b+Q", "_", "%cp+QX", "_", "%b+X"]),
    ("%{}ci", ["%ci+"]),
    ("é\t%b", ["é\t", "%b+"]),
])
def test_items(text: str, items: list[str]) -> None:
    assert written(text) == items


def test_flags_of_o_are_kept_apart_from_those_of_one_variable() -> None:
    assert written("%{+X}cp %cp") == ["%cp+X", "_", "%cp+"]


@pytest.mark.parametrize(("text", "message", "position"), [
    ("%ci %zz", "no such format variable 'zz'. If you wanted to emit the '%' character verbatim, you need to use '%%'.", 4),
    ("%ci2", "no such format variable 'ci2'. If you wanted to emit the '%' character verbatim, you need to use '%%'.", 0),
    ("%{+Q", "truncated line after '+Q'.", 0),
    ("%t%{", "truncated line after ''.", 2),
    ("%t%", "truncated line after '%'.", 2),
    ("%{+Q} x", "parse argument modifier without variable name near '%{+Q}'.", 0),
    ("%{+Q}%%", "parse argument modifier without variable name near '%{+Q}'.", 0),
    ("a % b", "unexpected variable name near ' ' at position 3 line : 'a % b'. Maybe you want to write a single '%', "
              "use the syntax '%%'.", 3),
    ("%5ci", "unexpected variable name near '5' at position 1 line : '%5ci'. Maybe you want to write a single '%', "
             "use the syntax '%%'.", 1),
    ("%[src", "missing ']' after 'src'.", 0),
])
def test_errors_are_worded_as_haproxy_words_them(text: str, message: str, position: int) -> None:
    with pytest.raises(LogFormatError) as caught:
        parse_log_format(text, http=True)
    assert (caught.value.message, caught.value.position, caught.value.feature) == (message, position, "")


@pytest.mark.parametrize(("text", "feature"), [
    ("%ci %[src]", "sample expressions in log formats"),
    ("%{+Q}[src,lower]", "sample expressions in log formats"),
    ("%(name)ci", "named log-format variables"),
])
def test_what_haproxy_has_and_we_do_not_is_named(text: str, feature: str) -> None:
    with pytest.raises(LogFormatError) as caught:
        parse_log_format(text, http=True)
    assert caught.value.feature == feature
    assert caught.value.position == text.index("%", 1 if text.startswith("%ci") else 0)


def test_the_variables_reserved_for_http_mode() -> None:
    assert " ".join(sorted(HTTP_ONLY)) == "CC CS HM HP HPO HQ HU HV TR Ta Ti Tq Tr r tr trg trl"


@pytest.mark.parametrize("name", sorted(HTTP_ONLY))
def test_http_variables_are_refused_in_tcp_mode(name: str) -> None:
    assert written(f"%{name}") == [f"%{name}+"]
    with pytest.raises(LogFormatError, match=f"format variable '{name}' is reserved for HTTP mode"):
        parse_log_format(f"%{name}", http=False)


@pytest.mark.parametrize("name", sorted(VARIABLES - HTTP_ONLY))
def test_the_others_are_fine_in_tcp_mode(name: str) -> None:
    assert written(f"%{name}", http=False) == [f"%{name}+"]


@pytest.mark.parametrize(("text", "items"), [
    ("%-ci", ["-ci"]), ("%.ci", [".ci"]), ("%ci%é", ["%ci+", "é"]), ("%{+Z}b", ["%b+"]), ("%{Q}b", ["%b+"]),
    ("%{+Q+X}b", ["%b+"]),
])
def test_what_haproxy_swallows_in_silence_is_warned_about(text: str, items: list[str]) -> None:
    assert written(text) == items
    assert len(parse_log_format(text, http=True).warnings) == 1


@pytest.mark.parametrize(("name", "nearest"), [("CI", "ci"), ("cizz", "ci"), ("tsx", "ts"), ("hrx", "hr"), ("st", "ST"),
                                               ("Tx", "")])
def test_did_you_mean(name: str, nearest: str) -> None:
    found = nearest_variables(name)
    assert nearest in found if nearest else len(found) <= 3
    with pytest.raises(LogFormatError) as caught:
        parse_log_format(f"%{name}", http=True)
    if nearest:
        assert f"%{nearest}" in caught.value.hint


def test_the_ready_formats_parse_in_their_modes() -> None:
    assert not parse_log_format(TCPLOG, http=False).warnings
    for text in (HTTPLOG, HTTPSLOG, CLF):
        assert not parse_log_format(text, http=True).warnings
    assert FormatItem(ItemKind.VARIABLE, "r", quote=True) in parse_log_format(CLF, http=True).items
    assert FormatItem(ItemKind.VARIABLE, "ci") in parse_log_format(CLF, http=True).items
