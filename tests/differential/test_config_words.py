"""Words, conditions, times and addresses as the real HAProxy reads them: its messages against ours, line by line."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.base.address_text import AddressError, parse_addresses, parse_server_address
from proxy.base.units import UnitError, parse_time_ms
from proxy.config.conditions import ConditionError, evaluate
from proxy.config.diagnostics import Diagnostics
from proxy.config.reader import read_sections
from proxy.config.source import source_from_octets

pytestmark = pytest.mark.peer("haproxy")

ENVIRONMENT = {"A": "one two", "E": "", "SP": "  a \t b  ", "Q": 'a"b c\\td#e $A', "U_1": "u"}
NOT_SAID_BY_HAPROXY = ("first word is empty.", "non-terminated '.if' block.", "CR LF.")
OTHER_FAULTS = ("forbidden first char", "unmatched brace", "truncated or invalid")
MESSAGE = re.compile(rb"\[(ALERT|NOTICE)\] *\(\d+\) : config : (parsing \[t\.cfg:\d+\] ?:.*)")

WORDS = [
    "abc", r"a\ b", r"a\#b", r"a\\b", r"\"\'", r"\t", r"\x41\x7e", r"\xc3\xa9\xff", r"\q\a", r"\\x41", "abc\\", "$A", r"\$A",
    "${A[*]}", "''", '""', '""a', 'a"b c"d', r"'a\tb\'", "'$A \"#'", r'"a\qb\"c\$d\t"', r'''"a\'b\ c\#d"''', '"\'#\t"', '"$A"',
    '"$A$A"', '"<${A}>"', '"$U_1.x"', '"$A-b"', '"${A-b}"', '"${U}"', '"$U"', '"${U-def ault}"', '"${E-x}"', '"${U-}"',
    '"${U-a"b"c}"', '"${U-a}b}"', '"${U-$A}"', '"${U-${A}}"', r'"${U-\}x}"', '"${U-foo bar[*]}"', '"$Q"', '"$.FILE:${.LINE}"',
    '"${.SECTION-x}"', '"${A[*]}"', '"p${A[*]}s${A[*]}e"', '"${U[*]-foo bar}"', '"${E[*]}"', '"${SP[*]}"', '"<${SP[*]}>"',
    '"${Q[*]}"', '"${A}[*]"', '"$A[*]"', "a#b", "#", "a # b", '"a#b"#c', "a\vb\fc", "a\u00a0b", "a\x1cb", "\u4e2d\u6587", '"$"',
    '"$1"', '"${"', '"${}"', '"${1}"', '"$.FOO"', '"${.LINEX}"', '"$\u00e9"', '"${A"', '"${A-b"', '"${A.B}"', 'x"${A B}"',
    '"${A[*]"', '"${A[*}"', '"${A[1]}"', r"\x4", r"ab\xzz", r'"a\x4"', '"abc', "'abc", "a'b\"", "x\"a'", "w " * 61, "w " * 62,
    "w " * 63, "w " * 64, "ww  " * 70, '"${A[*]}" ' * 40, '"\u4e2d$" "', "\u4e2d'", "\t\v \"$2\"", "a\\", "\\", '"\\', '"\\"',
    '\\"', "a'b'\"c\"\\ d", "'\"'\"'\"",
]

CONDITIONS = [
    "", "0", "1", "-1", "+1", "007", "08", "0x1", "1 2", "1x", '""', '"0"', '"$E"', "!0", "!!1", "! 1", "!", "(1)", "( 1 )",
    "()", "(1", "1)", "((1)", "1&&0", "1 &&", "&& 1", "1 || 0", "1 & 1", "1 && 1 || 0 && 0", "0 && 0 || 1", "1 || 0 && 0",
    "0 && foo(", "1 || foo", "foo", "defined", "defined()", "defined(A)", "defined( A )", "defined (A)", "defined(A,B)",
    "!defined(U)", "streq(a,a)", "streq(a)", "streq(,)", "streq(a,a,a)", 'streq("a b","a b")', "streq(a, a)", r"streq(\"a\",a)",
    r"streq(\'a,b\',\'a,b\')", r"streq(\),\))", r'streq("\")\"","\")\"")', "strneq(a,b)", "version_atleast(2.4)",
    "version_atleast(9)", "version_before(2.7-dev3)", "feature(NOSUCH)", "feature(EPOLL)", "!(1 && 0)", "(1) && (0)", "1&&&1",
    "1||", "-", "1e3", "true", 'streq("a', r"streq(a\\\\,b,a\\\\,b)", r'streq("a\\,b","a\\,b")',
    r'streq("\"\\\"\"","\"\\\"\"")', r"streq(\"\\n\",\"\\n\")",
]

TIMES = [
    "0", "1", "010", "5000ms", "1s", "2m", "1h", "24d", "25d", "1us", "2147483647", "2147483648", "2147483647001us", "9" * 25,
    "10x", "abc", "-1", "+5", "1.5s", "10S", "1u", "0x10",
]

BINDS = [
    "*:80", ":80", "0.0.0.0:80", "[::]:80", ":::80", "::1:80", "::1", "[::1]", "1.2.3.4", "1.2.3.4:", "1.2.3.4:0",
    "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:+1", "1.2.3.4:abc", ":8000-8010", ":8010-8000", ":8000-70000", "80", "*",
    "ipv4@:80", "ipv4@::1:80", "ipv6@::1:80", "ipv6@1.2.3.4:80", "tcp4@:80", "tcp6@:::80", "udp@:80",
    "quic4@:443", "quic6@:443", "dgram+ipv4@:80",
    "uxst@/tmp/x", "uxdg@/tmp/x", "/tmp/x:80", "abns@x", "fd@x", "fd@-1", "@:80", "1.2.3.4:80,:81", ":80,", ":80,,:81",
    "256.1.1.1:80", "a:b:80", "-:80", ":080", "*:*", "/" + "x" * 98, "[1.2.3.4]:80",
]

SERVERS = [
    "1.2.3.4:80", "1.2.3.4", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:+1", "1.2.3.4:-1", "1.2.3.4:65536", "1.2.3.4:abc",
    "1.2.3.4:80-90", ":80", "[::1]:80", "::1:80", "[::1]", "[::1]:+1", "unix@/x", "/x:80", "abns@x", "fd@3", "udp@1.2.3.4:80",
    "tcp4@1.2.3.4", "uxdg@/x",
]


def haproxy_on(peer: Callable[[str], str], directory: Path, octets: bytes) -> bytes:
    (directory / "t.cfg").write_bytes(octets)
    command = [peer("haproxy"), "-c", "-f", "t.cfg"]
    done = subprocess.run(command, cwd=directory, env=ENVIRONMENT, capture_output=True, check=False)
    return done.stderr + done.stdout


def first_lines(output: bytes) -> list[str]:
    # A message with a line feed would go over two lines: none of the tables has one.
    return sorted(match[2].decode("utf-8", "surrogateescape") for match in MESSAGE.finditer(output))


def our_first_lines(octets: bytes) -> list[str]:
    diagnostics = Diagnostics()
    source = source_from_octets("t.cfg", octets, diagnostics)
    read_sections([source], ENVIRONMENT, diagnostics)
    places = ((f"parsing [{item.where}] : " if item.parsing else "") + item.message for item in diagnostics)
    return sorted(line for line in places if not line.endswith(NOT_SAID_BY_HAPROXY))


def assert_same(peer: Callable[[str], str], directory: Path, lines: list[str]) -> None:
    """Line by line the same message. HAProxy gives up after 50 errors, so it gets the lines in small files."""
    for start in range(0, len(lines), 45):
        part = lines[start : start + 45]
        octets = b"global\n" + b"".join(line.encode("utf-8", "surrogateescape") + b"\n" for line in part)
        theirs, ours = by_line(first_lines(haproxy_on(peer, directory, octets))), by_line(our_first_lines(octets))
        for number, line in enumerate(part, 2):
            if "unmatched quote" in ours.get(number, "") and theirs.get(number, "").startswith(OTHER_FAULTS):
                continue  # a second fault behind the quote: HAProxy names that one, we the first
            assert ours.get(number) == theirs.get(number), repr(line)


def by_line(messages: list[str]) -> dict[int, str]:
    found = [(re.match(r"parsing \[t\.cfg:(\d+)\] ?: (.*)", message), message) for message in messages]
    return {int(match[1]): match[2] for match, _ in found if match}


def test_the_first_word_is_the_same(peer: Callable[[str], str], tmp_path: Path) -> None:
    assert_same(peer, tmp_path, [f"  .notice {word}".rstrip(" ") for word in WORDS])


def test_the_second_word_is_the_same(peer: Callable[[str], str], tmp_path: Path) -> None:
    lines = [f".notice {word}z y" for word in WORDS] + [f".notice a {word}".rstrip(" ") for word in WORDS]
    # HAProxy lets words pass behind an empty second one.
    assert_same(peer, tmp_path, [line for line in lines if line != '.notice a "${SP[*]}"'])


def test_random_lines_are_the_same(peer: Callable[[str], str], tmp_path: Path) -> None:
    chance = random.Random(20260701)
    pieces = [
        "a", "b ", " ", "\t", "'", '"', "\\", "#", "$", "{", "}", "[*]", "-", "A", "U", ".LINE", "${A}", "${SP[*]}", '"$A"',
        "\\x41", "\\ ", "\u4e2d", "\\t", "x", "1", "${U-", "SP", '"${U', '"',
    ]
    lines = [".notice z" + "".join(chance.choices(pieces, k=chance.randint(1, 14))) for _ in range(1350)]
    assert_same(peer, tmp_path, lines)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions_have_the_same_answer(peer: Callable[[str], str], tmp_path: Path, condition: str) -> None:
    done = subprocess.run([peer("haproxy"), "-cc", condition], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, check=False)
    try:
        ours = 0 if evaluate(condition, ENVIRONMENT) else 1
    except ConditionError:
        ours = 2
    assert ours == done.returncode, done.stderr


@pytest.mark.parametrize("text", TIMES)
def test_times_have_the_same_message(peer: Callable[[str], str], tmp_path: Path, text: str) -> None:
    theirs = first_lines(haproxy_on(peer, tmp_path, f"defaults\n timeout client {text}\n".encode()))
    try:
        parse_time_ms(text)
        ours = []
    except UnitError as error:
        ours = [f"parsing [t.cfg:2] : {error.about('timeout client')}"]
    assert ours == theirs


@pytest.mark.parametrize("text", BINDS)
def test_bind_addresses_have_the_same_message(peer: Callable[[str], str], tmp_path: Path, text: str) -> None:
    theirs = first_lines(haproxy_on(peer, tmp_path, f"frontend f\n bind {text}\n".encode()))
    try:
        parse_addresses(text)
        ours = []
    except AddressError as error:
        ours = [f"parsing [t.cfg:2] : 'bind' : {error}"]
    assert ours == [line for line in theirs if "'bind'" in line]


@pytest.mark.parametrize("text", SERVERS)
def test_server_addresses_have_the_same_message(peer: Callable[[str], str], tmp_path: Path, text: str) -> None:
    output = haproxy_on(peer, tmp_path, f"backend b\n server s {text}\n".encode()).decode("utf-8", "replace")
    theirs = [line.rstrip() for line in re.findall(r"'server b/s' : (.*)", output)]
    try:
        parse_server_address(text)
        ours = []
    except AddressError as error:
        ours = [str(error)]
    assert ours == theirs


@pytest.mark.parametrize(
    "octets",
    [
        b"global\r\n.notice a b\r\n.notice c\r\n", b"\n \nglobal # x 'y\n.notice b # \"\n", b"global\n.notice \xff\xfe\n# \xff\n",
        b"mode http\n.notice x\nglobal\n", b"global\n\0\n.notice c\n", b"global\n.if 0\n a \"b\n.endif\n", b"global\n.endif\n",
        b"global\n.else\n", b"global\n.if 0\n.else\n.else\n", b"global\n.foo\n", b"global\n.if foo(1)\n", b"global\n.if 1 2\n",
        b"global\n setenv X 1\n.notice \"$X\"\n presetenv X 2\n unsetenv A\n.notice \"$X${A-gone}\"\n",
        b"global\n setenv X 1\n resetenv X\n.notice \"$X${Q-gone}\"\n",
        b"global\n setenv\n setenv A\n setenv A \"\"\n setenv \"A=B\" c\n presetenv Q\n unsetenv\n",
        b"\"glo\"bal\n\"${U-userlist}\" x\n.notice \"$.SECTION\"\n", b"\"\" x\nglobal\n.notice \"${.SECTION}\"\n",
    ],
)
def test_whole_files_get_the_same_messages(peer: Callable[[str], str], tmp_path: Path, octets: bytes) -> None:
    """But where HAProxy stops at the first fault, ours has more to say."""
    theirs = first_lines(haproxy_on(peer, tmp_path, octets))
    assert our_first_lines(octets) == theirs
