"""What a fuzzer once broke a law with, and where fuzzers begin: no law is broken any more (`make fuzz` goes on from here)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import NAMES, target

KEPT = sorted(path for path in (Path(__file__).parent / "corpus").glob("*/*") if path.is_file())
SOME_SEEDS = 150


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_once_broke_a_law(path: Path) -> None:
    target(path.parent.name).check(path.read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_where_fuzzers_begin(name: str) -> None:
    module = target(name)
    seeds = list(module.seeds())
    assert seeds
    for octets in seeds[:: max(1, len(seeds) // SOME_SEEDS)]:
        module.check(octets[:module.LONGEST])


@pytest.mark.parametrize("name", NAMES)
def test_no_octets_at_all(name: str) -> None:
    target(name).check(b"")
