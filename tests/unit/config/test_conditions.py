"""Conditions of `.if` and `-cc`: verdicts and messages compared with HAProxy 2.6 where it knows the predicate."""

from __future__ import annotations

import pytest

from proxy.base.version import HAPROXY_VERSION
from proxy.config import conditions
from proxy.config.conditions import ConditionError, evaluate, evaluate_expression

ENVIRONMENT = {"A": "one two", "E": "", "ZERO": "0"}

TRUE = [
    "1", "-1", "+1", "007", "0x1", "99999999999999999999", "!0", "!!1", "(1)", "( 1 )", "(((1)))", "1 && 1", "1 || 0", "0||0||1",
    "1 && 1 || 0 && 0", "0 && 0 || 1", "1 || 0 && 0", "!(1 && 0)", "!(0)&&!0", "((0) || (1)) && 1", "defined(A)", "defined(E)",
    'defined("A")', "!defined(B)", "streq(a,a)", 'streq("a b","a b")', r"streq(\"a\",a)", r"streq(\'a,b\',\'a,b\')",
    r'streq("\"a)b\"","\"a)b\"")', 'streq("$A","one two")', '"streq($A,one two)"', "strneq(a,b)", "streq(,)", "strstr(abc,b)",
    "strstr(abc,)", "streq(a,a)&&streq(b,b)", "version_atleast(2.6)", "version_atleast(v2.4)", "version_atleast(2.6-dev3)",
    "version_atleast(2.6.12-dev1)", "version_atleast(2.6.12-rc1)", "version_atleast(2.6.12-0)", "version_atleast()",
    "version_atleast(rubbish)", "version_before(2.7)", "version_before(2.7-dev1)", "version_before(v3.5-dev3)", "feature(EPOLL)",
    "enabled(EPOLL)", "openssl_version_atleast(1.1.1k)", "openssl_version_before(99.0.0)", "ssllib_name_startswith(OpenSSL)",
    "1 || awslc_api_atleast(1)", r'streq("\\n","\\n")', r"streq(a\\ b,'a\ b')",
]

FALSE = [
    "", "   ", "0", "00", "-0", "0x0", '""', '"0"', '"$ZERO"', '"$E"', '"${UNSET}"', "!1", "! 1", "1&&0", "0 && 1", "(1) && (0)",
    "defined", "defined()", "defined( A )", "defined(B)", "!defined(A)", "streq(a,b)", "streq( a,a)", "streq(a, a)",
    "streq(a ,a)", "strneq(a,a)", "strstr(abc,d)", "version_atleast(2.6.13)", "version_atleast(2.7-dev1)", "version_atleast(3)",
    "version_atleast(2.6.12-1)", "version_atleast(2.6.12.1)", "version_before(2.6.12)", "version_before(2.6.12-rc1)",
    "feature(NOSUCH)", "feature(epoll)", "enabled(NOSUCH)", "openssl_version_atleast(99.0.0)", "ssllib_name_startswith(LibreSSL)",
    "fips_mode", "fips_mode()", "0 && awslc_api_before(1)",
]

ERRORS = [
    ("foo", "unparsable conditional expression 'foo'", 0),
    ("1 2", "unexpected character '2' at the end of conditional expression '1 2'", 2),
    ("1x", "unexpected character 'x' at the end of conditional expression '1x'", 1),
    ("08", "unexpected character '8' at the end of conditional expression '08'", 1),
    ("1)", "unexpected character ')' at the end of conditional expression '1)'", 1),
    ("1 & 1", "unexpected character '&' at the end of conditional expression '1 & 1'", 2),
    ("!", "unparsable conditional expression '!'", 0),
    ("()", "unparsable conditional expression ')'", 1),
    ("(", "unparsable conditional expression '('", 0),
    ("(1", "expected ')' after conditional expression '(1'", 0),
    ("1 &&", "unparsable conditional expression '&&'", 2),
    ("1||", "unparsable conditional expression '||'", 1),
    ("&& 1", "unparsable conditional expression '&& 1'", 0),
    ("1&&&1", "unparsable conditional expression '&1'", 3),
    ("0 && foo(", "unparsable conditional expression 'foo('", 5),
    ("1 || foo", "unparsable conditional expression 'foo'", 5),
    ("streq(a,b", "unparsable conditional expression 'streq(a,b'", 0),
    ("defined (A)", "unexpected character '(' at the end of conditional expression 'defined (A)'", 8),
    ("defined(A)x", "unexpected character 'x' at the end of conditional expression 'defined(A)x'", 10),
    ("defined(A,B)", "expected ')' before ',B)' in argument 1 of predicate 'defined' used in conditional expression", 9),
    (
        "streq(a)",
        "missing arguments (got 1/2), type 'string' expected in argument 1 of predicate 'streq' used in conditional expression",
        7,
    ),
    ("streq(a,b,c)", "expected ')' before ',c)' in argument 2 of predicate 'streq' used in conditional expression", 9),
    ("1 && awslc_api_atleast(1)", "this build has no AWS-LC, so its API version cannot be compared", 5),
    ("openssl_version_atleast(x)", "'x' is not a version of OpenSSL", 0),
    ('streq("a', "unmatched quote", 6),
    ('1 "$"', "forbidden first char in environment variable name", 4),
]


@pytest.mark.parametrize("text", TRUE)
def test_true(text: str) -> None:
    assert evaluate(text, ENVIRONMENT) is True


@pytest.mark.parametrize("text", FALSE)
def test_false(text: str) -> None:
    assert evaluate(text, ENVIRONMENT) is False


@pytest.mark.parametrize(("text", "message", "position"), ERRORS)
def test_errors_say_what_and_where(text: str, message: str, position: int) -> None:
    with pytest.raises(ConditionError) as caught:
        evaluate(text, ENVIRONMENT)
    assert (caught.value.message, caught.value.position) == (message, position)


def test_a_mistyped_predicate_gets_a_suggestion() -> None:
    with pytest.raises(ConditionError) as caught:
        evaluate("version_atlast(2.6)", {})
    assert caught.value.hint == "did you mean 'version_atleast'?"


@pytest.mark.parametrize("text", ["(" * 1000 + "1" + ")" * 1000, "!(" * 1000 + "1" + ")" * 1000])
def test_nesting_is_bounded(text: str) -> None:
    with pytest.raises(ConditionError, match="more than 64 nested parentheses"):
        evaluate(text, {})


def test_many_terms_and_negations_need_no_nesting() -> None:
    assert evaluate(" && ".join(["(1)"] * 500), {})
    assert evaluate("!" * 10_000 + "1", {})


def test_words_are_joined_with_one_space_before_they_are_read() -> None:
    assert evaluate("streq(a,\t  b) || streq('a  b',\"a  b\")", {})
    assert not evaluate_expression("streq(a, b)", {})


@pytest.mark.parametrize(
    ("info", "true", "false"),
    [((3, 0, 0, 19, 0), "3.0.19", "3.0.20"), ((1, 1, 1, 11, 15), "1.1.1k", "1.1.1l"), ((3, 2, 0, 0, 0), "3.1.9", "3.2.1")],
)
def test_library_versions(monkeypatch: pytest.MonkeyPatch, info: tuple[int, ...], true: str, false: str) -> None:
    monkeypatch.setattr("ssl.OPENSSL_VERSION_INFO", info)
    assert evaluate(f"openssl_version_atleast({true}) && !openssl_version_before({true})", {})
    assert evaluate(f"!openssl_version_atleast({false}) && openssl_version_before({false})", {})


def test_our_own_version_is_what_it_says() -> None:
    assert evaluate(f"version_atleast({HAPROXY_VERSION}) && !version_before({HAPROXY_VERSION})", {})
    assert conditions._version("2.6.12") > conditions._version("2.6.12-rc9") > conditions._version("2.6.12-dev99")
