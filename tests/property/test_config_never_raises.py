"""Whatever is in a configuration, `load` gives a model or a ConfigError: never another exception, never for long."""

from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.base.errors import ConfigError
from proxy.config.keywords import GLOBAL_KEYWORDS, PROXY_KEYWORDS, RESOLVERS_KEYWORDS
from proxy.config.keywords.bind import WORDS as BIND_WORDS
from proxy.config.keywords.http_check import CONNECT, EXPECT, SEND
from proxy.config.keywords.server import WORDS as SERVER_WORDS
from proxy.config.load import load
from proxy.config.load_options import LoadOptions

REAL = sorted((Path(__file__).parents[1] / "config" / "real").glob("*.cfg"))
OPTIONS = LoadOptions(read_file=lambda path: b"HTTP/1.0 503 Sorry\r\n\r\n")
KEYWORDS = [row.words for row in (*GLOBAL_KEYWORDS, *PROXY_KEYWORDS, *RESOLVERS_KEYWORDS)]
WORDS = [word.name for word in (*BIND_WORDS, *SERVER_WORDS, *CONNECT.values(), *SEND.values(), *EXPECT.values())]
ODD = [
    "", "0", "-1", "99999999999999999999", "1e3", "\u0663", "\u212a", "%", "%[", "${", "$X", "()", "hdr(", "a b", "\x00",
    "\udc80", "\u00e9", ":", ",", "@", "fd@", "unix@", "[::", "1.2.3.4.5", "*:0", ":1-", "\\", "if", "{", "}", "!", "1d", "1us",
    "50000m$", "(", "global", "from", "1_0", "+5", "\u0660",
]


MOST_CPU_S = 5.0        # of the processor, not of the clock: the bound that users are promised, hundreds of times what it takes
MUTATIONS = max(12, settings().max_examples // 100)     # of each file: 200 with `make deep`


def survives(text: str) -> None:
    start_s = time.process_time()
    with contextlib.suppress(ConfigError):
        load(text=text, environment={"X": "x y"}, options=OPTIONS)
    assert time.process_time() - start_s < MOST_CPU_S


def mutated(text: str, chance: random.Random) -> str:
    """A few edits, of octets, of whole words and lines, some of them many times over."""
    lines = text.splitlines(keepends=True)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(lines))
        line = lines[at]
        words = line.split(" ")
        kind = chance.randrange(11)
        if kind == 0:
            words[chance.randrange(len(words))] = chance.choice(ODD)
        elif kind == 1:
            words.insert(chance.randrange(len(words) + 1), chance.choice(ODD + WORDS))
        elif kind == 2:
            del words[chance.randrange(len(words))]
        elif kind == 3:
            words = [" " + chance.choice(KEYWORDS), *words[2:]] if line.endswith("\n") else words
        elif kind == 4:
            cut = chance.randrange(len(line) + 1)
            words = [line[:cut] + chr(chance.choice((0, 10, 34, 39, 92, 36, 0x80, 0xDC80, 0x2028))) + line[cut:]]
        elif kind == 5:
            lines.insert(at, chance.choice(lines))
        elif kind == 6:
            words = [lines[chance.randrange(len(lines))]]
        elif kind == 7:
            words.insert(chance.randrange(len(words) + 1), " ".join([chance.choice(words)] * chance.choice((2, 70, 700))))
        elif kind == 8:
            words = [line * chance.choice((2, 30, 300))]
        elif kind == 9:
            cut = chance.randrange(len(line) + 1)
            words = [line[:cut] + chance.choice("a,.\"\\(%$") * chance.choice((3, 300, 3_000)) + line[cut:]]
        else:
            lines += chance.choice(REAL).read_text(errors="surrogateescape").splitlines(keepends=True)
            continue
        lines[at] = " ".join(words)
    return "".join(lines)


@pytest.mark.parametrize("path", REAL, ids=[path.name.partition("-")[0] for path in REAL])
def test_a_damaged_configuration(path: Path) -> None:
    chance = random.Random(path.name)
    text = path.read_text(errors="surrogateescape")
    for _ in range(MUTATIONS):
        survives(mutated(text, chance))


ARGUMENT = st.one_of(st.sampled_from(ODD), st.sampled_from(WORDS), st.text(max_size=8), st.integers(-5, 70000).map(str))
LINE = st.tuples(st.sampled_from(["", "no ", "default "]), st.sampled_from(KEYWORDS), st.lists(ARGUMENT, max_size=5))
SECTION = st.sampled_from(["global", "defaults", "defaults d", "frontend f", "backend b from d", "listen l :80", "listen f",
                           "userlist u"])


@given(st.lists(st.tuples(SECTION, st.lists(LINE, max_size=6)), max_size=4))
def test_any_line_of_any_keyword(sections: list[tuple[str, list[tuple[str, str, list[str]]]]]) -> None:
    text = ""
    for header, lines in sections:
        text += header + "\n"
        text += "".join(f" {prefix}{keyword} {' '.join(arguments)}\n" for prefix, keyword, arguments in lines)
    survives(text)


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    survives(text)
