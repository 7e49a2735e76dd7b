"""From text to blocks: keepalived's lexing, wherever it surprises; checked against `keepalived -t` and its manual."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.base.errors import Severity
from proxy.config.diagnostics import Diagnostics
from proxy.config.rendering import render
from proxy.ha.conf.blocks import Entry, parse_blocks
from proxy.ha.conf.lines import FileMissing, LineReader, cut_comment
from proxy.ha.conf.load import load
from proxy.ha.conf.words import WordError, split_command


def shape(entries: tuple[Entry, ...]) -> list[object]:
    return [entry_shape(entry) for entry in entries]


def entry_shape(entry: Entry) -> object:
    words = " ".join(word.text for word in entry.words)
    return words if entry.entries is None else {words: shape(entry.entries)}


def read(text: str, config_id: str = "here") -> tuple[list[object], list[str]]:
    diagnostics = Diagnostics()
    reader = LineReader(config_id, diagnostics)
    reader.read_text(text, "t.conf")
    found = shape(parse_blocks(reader.lines, diagnostics))
    return found, [item.message for item in diagnostics]


@pytest.mark.parametrize("text", [
    "a {\n b c\n d\n}\n", "a\n{\n b c\n d\n}\n", "a { b c\nd }\n", "a {\n\n b c   # x\n ! y\n d }", "a{b c\nd}",
    "a\n\n\n   {b c\n\n\n d\n\n}\n",
])
def test_braces_and_lines(text: str) -> None:
    assert read(text) == ([{"a": ["b c", "d"]}], [])


def test_two_keywords_on_a_line_are_one_statement_and_blocks_follow_each_other() -> None:
    assert read("a { interval 2 weight 3 } b { } c\n") == ([{"a": ["interval 2 weight 3"]}, {"b": []}, "c"], [])
    assert read("a { b { c } }\n") == ([{"a": [{"b": ["c"]}]}], [])


@pytest.mark.parametrize(("line", "left"), [
    ("a b # c", "a b "), ("a b!c", "a b"), ("auth_pass 123456#x", "auth_pass 123456"), (r"a \# b # c", r"a \# b "),
    ('a "b # c" # d', 'a "b # c" '), ('a "b \\" # c" # d', 'a "b \\" # c" '), ("a // b", "a // b"), ("a\r", "a"),
])
def test_comments(line: str, left: str) -> None:
    assert cut_comment(line) == left


def test_quotes_hold_together_and_escaped_comment_signs_stay() -> None:
    assert read('a "b { c } # d" e"f g"h \\#i \\!j\n') == (['a b { c } # d ef gh #i !j'], [])


def test_what_is_wrong_with_braces_and_quotes_is_said_and_the_rest_read() -> None:
    found, said = read('a {\n b\n} }\nc "d e\nf {\n g\n')
    assert found == [{"a": ["b"]}, 'c d e', {"f": ["g"]}]
    assert said == ["Extra '}' found", "Unmatched quote: '\"d e'", "There is a missing '}' or an extra '{'"]
    assert read("{ a }\nb\n") == (["b"], ["Unexpected '{' - ignoring"])


def test_the_tutorials_annotations_are_taken_for_comments() -> None:
    found, said = read("a { //first\n b c //d e\n //f\n g //\n}\n")
    assert found == [{"a": ["b c", "g"]}]
    assert len(said) == 4
    assert all("taken for a comment" in each for each in said)


def test_nesting_has_a_bound() -> None:
    found, said = read("a {\n" * 50 + "}\n" * 50)
    assert said == ["more than 16 blocks inside each other"]
    assert found


def test_conditions() -> None:
    text = "@here a\n@there b\n@^there c\n@^here d\n@ e\n"
    assert read(text) == (["a", "c"], [])


def test_parameters() -> None:
    text = """$BASE=10.2.${SUB}
$SUB=0
${BASE}.100/32
$SUB=10
${BASE}.100/32
$EMPTY=
x $EMPTY y ${UNKNOWN} $UNKNOWN $BASE.1
$IF=@here
$IF priority 240
@there $SUB=7
h ${_HASH} ${_BANG} ${_INSTANCE}
"""
    assert read(text)[0] == ["10.2.0.100/32", "10.2.10.100/32", "x y ${UNKNOWN} $UNKNOWN $BASE.1", "priority 240", "h # ! here"]


def test_definitions_of_several_lines() -> None:
    text = """$INSTANCE= \\
vrrp_instance VI_${NUM} { \\
 interface eth0.${NUM} \\
@here priority 1 \\
@there priority 2 \\
}

$NUM=0
$INSTANCE
$NUM=1
$INSTANCE
"""
    assert read(text)[0] == [{"vrrp_instance VI_0": ["interface eth0.0", "priority 1"]}, {"vrrp_instance VI_1": ["interface "
                                                                                                                 "eth0.1",
                                                                                                                 "priority 1"]}]


@pytest.mark.parametrize(("text", "comes_to"), [
    ("~SEQ(N, 0, 3) 10.0.${N}.1", ["10.0.0.1", "10.0.1.1", "10.0.2.1", "10.0.3.1"]),
    ("~SEQ(N, 2) a${N}", ["a1", "a2"]),
    ("~SEQx(N, 0x90, 0x10, 0xb0) f::${N}", ["f::90", "f::a0", "f::b0"]),
    ("~SEQ(N, 3, -1, 1) $N", ["3", "2", "1"]),
    ("~LST(IP, 1, 2) ~LST(Q, 5,6) ${IP}.${Q}", ["1.5", "1.6", "2.5", "2.6"]),
    ("~LST({A, B}, {10,1},{20,4}) ${A}-${B}", ["10-1", "20-4"]),
])
def test_sequences_and_lists(text: str, comes_to: list[str]) -> None:
    assert read(text + "\n") == (comes_to, [])


@pytest.mark.parametrize("text",
                         ["~SEQ(N, 1, 0, 5) x", "~SEQ(N) x", "~SEQ(N, 5, 1, 2) x", "~LST(A) x", "~LST({A,B}, {1}) x", "~SEQ x",
                                  "$A=$B\n$B=$A\n$A", "${_RANDOM 9 3}"])
def test_what_never_ends_is_said(text: str) -> None:
    assert len(read(text + "\n")[1]) == 1


def test_a_random_number_lies_between_its_bounds() -> None:
    (found,), said = read("${_RANDOM 5 7}\n")
    assert found in ("5", "6", "7")
    assert not said


def test_includes(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "main.conf").write_text("a\ninclude conf.d/*.conf\ninclude nothing*\nincludea nothing\nz\n")
    (tmp_path / "conf.d" / "1.conf").write_text("one ${_PWD}\ninclude {2,3}.inc\n")
    (tmp_path / "conf.d" / "2.inc").write_text("two\n")
    diagnostics = Diagnostics()
    reader = LineReader("here", diagnostics)
    reader.read_file(str(tmp_path / "main.conf"))
    assert shape(parse_blocks(reader.lines, diagnostics)) == ["a", f"one {tmp_path}/conf.d", "two", "z"]
    assert [item.message for item in diagnostics] == ["no file matches 'nothing'"]


def test_a_file_that_includes_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "x.conf").write_text("a\ninclude x.conf\n")
    diagnostics = Diagnostics()
    reader = LineReader("here", diagnostics)
    reader.read_file(str(tmp_path / "x.conf"))
    assert [item.message for item in diagnostics] == ["'include x.conf': more than 16 files deep"]
    with pytest.raises(FileMissing):
        reader.read_file(str(tmp_path / "none"))


def test_a_caret_stands_under_the_word(tmp_path: Path) -> None:
    path = tmp_path / "k.conf"
    path.write_text("$P=abc\nvrrp_instance v {\n  interface eth0\n\tpriority   x9\n  virtual_router_id 1\n  advert_int $P\n"
                    "  virtual_ipaddress { 192.0.2.1 }\n}\n")
    configuration, sources = load(str(path))
    shown = render(configuration.diagnostics, sources, 7)
    assert shown == f"""[WARNING]  (7) : config : parsing [{path}:4] : invalid number 'x9'
  priority   x9
             ^~
  write a whole number from 1 to 255
[WARNING]  (7) : config : parsing [{path}:6] : invalid number 'abc'
  advert_int $P
  ^~~~~~~~~~~~~
  write seconds from 0.01 to 255, such as 2 or 0.5
"""


@pytest.mark.parametrize(("text", "words"), [
    ("/bin/x a b", ("/bin/x", "a", "b")), ("/bin/x 'a b' c", ("/bin/x", "a b", "c")),
    (r"/bin/x a\ b \x41\101\n\cA", ("/bin/x", "a b", "AA\n\x01")),
    ("  x  ''  y ", ("x", "", "y")), (r"x \\ \'", ("x", "\\", "'")), ("", ()),
])
def test_a_command_in_one_string(text: str, words: tuple[str, ...]) -> None:
    assert split_command(text) == words


def test_a_command_that_does_not_end() -> None:
    with pytest.raises(WordError):
        split_command("x 'y")


@given(st.text(alphabet='ab {}"\\\n#!$@~/=\t', max_size=80))
def test_no_text_is_more_than_warned_about(text: str) -> None:
    configuration, _ = load(text=text)
    assert all(item.severity is Severity.WARNING for item in configuration.diagnostics)


@given(st.lists(st.sampled_from([
    "vrrp_instance v", "virtual_server 192.0.2.1 80", "real_server 192.0.2.2", "{", "}", "\n", "priority", "5", "interface eth0",
    '"', "TCP_CHECK",
    "global_defs", "track_script", "x weight 3", "virtual_ipaddress", "192.0.2.9/24 dev eth1", "url", "status_code 200", "notify",
    "weight -1",
]), max_size=40))
def test_no_soup_of_words_is_more_than_warned_about(words: list[str]) -> None:
    load(text=" ".join(words))
