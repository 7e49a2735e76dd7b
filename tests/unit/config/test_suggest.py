"""The nearest words."""

from __future__ import annotations

import pytest

from proxy.config.suggest import did_you_mean, edit_distance, nearest

WORDS = ("bind", "backlog", "balance", "backend", "mode", "maxconn", "server", "server-template", "stats", "timeout", "option")


@pytest.mark.parametrize(
    ("word", "best"),
    [
        ("bnd", "bind"), ("bidn", "bind"), ("binds", "bind"), ("maxcon", "maxconn"), ("MAXCONN", "maxconn"), ("servr", "server"),
        ("ballance", "balance"), ("tiemout", "timeout"), ("bac", "backend"), ("options", "option"), ("server-", "server"),
    ],
)
def test_the_best_comes_first(word: str, best: str) -> None:
    assert nearest(word, WORDS)[0] == best


@pytest.mark.parametrize("word", ["", "x", "zzz", "unrelated", "q" * 100])
def test_nothing_close_gives_nothing(word: str) -> None:
    assert nearest(word, WORDS) == []
    assert did_you_mean(word, WORDS) == ""


def test_no_more_than_asked_for() -> None:
    assert nearest("serve", WORDS, limit=1) == ["server"]
    assert nearest("serve", WORDS) == ["server", "server-template"]


def test_hints_read_well() -> None:
    assert did_you_mean("bnd", WORDS) == "did you mean 'bind'?"
    assert did_you_mean("bac", WORDS) == "did you mean 'backend' or 'backlog'?"
    assert did_you_mean("abc", ("abd", "abe", "abf")) == "did you mean 'abd', 'abe' or 'abf'?"


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [("", "", 0), ("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "abd", 1), ("kitten", "sitting", 3)],
)
def test_edit_distance(one: str, other: str, edits: int) -> None:
    assert edit_distance(one, other) == edit_distance(other, one) == edits
