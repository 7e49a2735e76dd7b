"""What is fuzzed: each target is a module with

    check(octets)   raises when a law is broken; typed errors of the code under test are answers, not faults
    seeds()         where a fuzzer may begin
    WORDS           octets that mean something to the code under test
    LONGEST         octets an input may have
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Protocol, cast

NAMES = ("request_heads", "response_heads", "chunked_bodies", "proxy_headers", "log_formats", "configurations", "exchanges")


class Target(Protocol):
    WORDS: Sequence[bytes]
    LONGEST: int

    def check(self, octets: bytes) -> None:
        """Raises: AssertionError, or whatever the code under test should not have raised."""

    def seeds(self) -> Iterable[bytes]:
        """Inputs to begin with."""


def target(name: str) -> Target:
    return cast(Target, importlib.import_module(f"{__name__}.{name}"))
