"""The limit on descriptors: raised where it may be, a warning where not, never lowered."""

from __future__ import annotations

import os
import resource

import pytest

from proxy.base.clock import SystemClock
from proxy.build import build
from proxy.build.process import DESCRIPTORS_KEPT
from proxy.config.load import load
from proxy.master.descriptors import descriptors_needed, open_descriptors, raise_limit

CONFIGURATION = """\
global
    maxconn 100
defaults
    mode tcp
    timeout client 1s
    timeout server 1s
    timeout connect 1s
listen a
    bind 127.0.0.1:8001
    bind 127.0.0.1:8002
    server one 127.0.0.1:1 check
    server two 127.0.0.1:2
"""


class Limits:
    """The kernel's answer to setrlimit: `may` is the highest hard limit this process may ask for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, may: int) -> None:
        self.value, self.may = (soft, hard), may
        self.warnings: list[str] = []
        monkeypatch.setattr(resource, "getrlimit", lambda _: self.value)
        monkeypatch.setattr(resource, "setrlimit", self._set)

    def _set(self, _: int, value: tuple[int, int]) -> None:
        if value[1] > self.may or value[0] > value[1]:
            raise ValueError("not allowed to raise maximum limit")
        self.value = value

    def want(self, count: int) -> tuple[int, int]:
        raise_limit(count, lambda text, hint: self.warnings.append(f"{text} {hint}"))
        return self.value


def test_what_is_needed() -> None:
    process = build(load(text=CONFIGURATION), SystemClock())
    assert descriptors_needed(process) == 2 * 100 + 2 + 1 + DESCRIPTORS_KEPT


def test_enough_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Limits(monkeypatch, 1024, 4096, 4096).want(1000) == (1024, 4096)


def test_raised_within_the_hard_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(monkeypatch, 1024, 4096, 4096)
    assert limits.want(3000) == (3000, 4096)
    assert limits.warnings == []


def test_root_raises_the_hard_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(monkeypatch, 1024, 4096, 1_000_000)
    assert limits.want(9000) == (9000, 9000)
    assert limits.warnings == []


def test_others_get_what_there_is_and_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(monkeypatch, 1024, 4096, 4096)
    assert limits.want(9000) == (4096, 4096)
    assert len(limits.warnings) == 1
    assert "Cannot raise FD limit to 9000, limit is 4096." in limits.warnings[0]
    assert "lower 'maxconn' to 2028" in limits.warnings[0]


def test_what_is_open_is_known_and_the_look_itself_leaves_nothing() -> None:
    before = open_descriptors()
    with open(os.devnull) as null:
        assert open_descriptors() == before | {null.fileno()}
    assert open_descriptors() == before
