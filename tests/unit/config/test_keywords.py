"""Every row of the keyword table proves itself: its examples load, or fail as they must."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.base.errors import ConfigError, Severity
from proxy.config.keywords import GLOBAL_KEYWORDS, PROXY_KEYWORDS, RESOLVERS_KEYWORDS
from proxy.config.keywords.bind import WORDS as BIND_WORDS
from proxy.config.keywords.examples import with_check, with_words, wrapped
from proxy.config.keywords.http_check import CONNECT, EXPECT, SEND
from proxy.config.keywords.row import Acts, Keyword
from proxy.config.keywords.server import WORDS as SERVER_WORDS
from proxy.config.keywords.words import LineWord
from proxy.config.load import load
from proxy.config.model import Configuration

ALL_ROWS: tuple[Keyword[Any], ...] = GLOBAL_KEYWORDS + PROXY_KEYWORDS + RESOLVERS_KEYWORDS


def alerts_of(text: str) -> list[Any]:
    with pytest.raises(ConfigError) as caught:
        load(text=text, environment={})
    return [item for item in caught.value.diagnostics if item.severity is Severity.ALERT]


def loaded(text: str) -> Configuration:
    return load(text=text, environment={})


LOADS = [(row, lines) for row in ALL_ROWS for lines in row.loads]
FAILS = [(row, lines) for row in ALL_ROWS for lines in row.fails]
LINE_WORDS: list[tuple[str, LineWord]] = [("bind", word) for word in BIND_WORDS] + [("server", word) for word in SERVER_WORDS]


def named(pairs: list[Any]) -> list[str]:
    return [" ".join(part for part in pair if isinstance(part, str)).replace("\n", " ; ") for pair in pairs]


@pytest.mark.parametrize(("row", "lines"), LOADS, ids=named(LOADS))
def test_a_good_line_loads(row: Keyword[Any], lines: str) -> None:
    configuration = loaded(wrapped(row, lines))
    warned = [item for item in configuration.diagnostics if item.severity is Severity.WARNING]
    if row.acts in (Acts.IGNORED, Acts.OLD) and not lines.startswith("no "):
        assert warned, "what is ignored or old is said to be"
    elif row.acts is Acts.YES:
        assert not [item for item in warned if "not acted on" in item.message and row.words in item.message]


@pytest.mark.parametrize(("row", "lines"), FAILS, ids=named(FAILS))
def test_a_bad_line_fails(row: Keyword[Any], lines: str) -> None:
    alerts = alerts_of(wrapped(row, lines))
    assert all(item.message and "Traceback" not in item.message for item in alerts)
    assert len(alerts) == 1, [item.message for item in alerts]
    if row.acts is Acts.UNSUPPORTED and lines == row.fails[-1] and row.words not in ("http-response", "tcp-check"):
        assert alerts[0].feature, "what HAProxy knows is told apart from what is wrong"


@pytest.mark.parametrize("row", ALL_ROWS, ids=[row.words for row in ALL_ROWS])
def test_a_row_proves_itself(row: Keyword[Any]) -> None:
    assert row.fails
    assert row.loads or row.acts in (Acts.UNSUPPORTED, Acts.REMOVED) or row.words == "errorfiles"
    assert (row.acts is Acts.UNSUPPORTED) <= bool(row.feature)


WORD_LOADS = [(kind, word, words) for kind, word in LINE_WORDS for words in word.loads]
WORD_FAILS = [(kind, word, words) for kind, word in LINE_WORDS for words in word.fails]


@pytest.mark.parametrize(("kind", "word", "words"), WORD_LOADS, ids=named(WORD_LOADS))
def test_a_good_word_loads(kind: str, word: LineWord, words: str) -> None:
    configuration = loaded(with_words(kind, words))
    assert (word.acts in (Acts.IGNORED, Acts.OLD)) <= bool(configuration.diagnostics)


@pytest.mark.parametrize(("kind", "word", "words"), WORD_FAILS, ids=named(WORD_FAILS))
def test_a_bad_word_fails(kind: str, word: LineWord, words: str) -> None:
    alerts = alerts_of(with_words(kind, words))
    assert len(alerts) == 1, [item.message for item in alerts]
    assert bool(alerts[0].feature) == (word.acts is Acts.UNSUPPORTED or words == "proto h2")


CHECK_WORDS = [(step, word) for step, table in (("connect", CONNECT), ("send", SEND),
                                                ("expect", EXPECT)) for word in table.values()]
CHECK_LOADS = [(step, word, words) for step, word in CHECK_WORDS for words in word.loads]
CHECK_FAILS = [(step, word, words) for step, word in CHECK_WORDS for words in word.fails]


@pytest.mark.parametrize(("step", "word", "words"), CHECK_LOADS, ids=named(CHECK_LOADS))
def test_a_good_check_step_loads(step: str, word: LineWord, words: str) -> None:
    assert loaded(with_check(step, words)).proxies[0].httpchk


@pytest.mark.parametrize(("step", "word", "words"), CHECK_FAILS, ids=named(CHECK_FAILS))
def test_a_bad_check_step_fails(step: str, word: LineWord, words: str) -> None:
    alerts = alerts_of(with_check(step, words))
    assert alerts
    assert bool(alerts[0].feature) == (word.acts is Acts.UNSUPPORTED or words == "port http")
