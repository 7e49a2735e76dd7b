"""The same configuration, servers and client on HAProxy and on pyproxy: what can be seen from outside is the same."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.differential.known import MEANT, OPEN
from tests.differential.lab import commands
from tests.differential.scenario import Scenario, differences, run
from tests.differential.scenarios import SCENARIOS

pytestmark = pytest.mark.peer("haproxy")


def both(scenario: Scenario, programs: tuple[list[str], list[str]], folder: Path) -> list[str]:
    """The differences between two programs in one scenario."""
    folders = [folder / "one", folder / "two"]
    for each in folders:
        each.mkdir()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda pair: run(pair[0], scenario, pair[1]), zip(programs, folders, strict=True))
    return [f"{scenario.name}{line}" for line in differences(first, second)]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_pyproxy_does_as_haproxy_does(scenario: Scenario, tmp_path: Path, peer: Callable[[str], str]) -> None:
    haproxy = peer("haproxy")
    found = both(scenario, (commands("haproxy", haproxy), commands("pyproxy", haproxy)), tmp_path)
    unknown = [line for line in found if not any(known.covers(line) for known in (*MEANT, *OPEN))]
    assert not unknown, "\n" + "\n".join(unknown)
    named = [known for known in (*MEANT, *OPEN) if known.always and known.names(scenario.name)]
    stale = [known.reason for known in named if not any(map(known.covers, found))]
    assert not stale, f"no longer a difference: {stale}"


def test_there_are_enough_scenarios_and_their_names_are_unique() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    assert len(set(names)) == len(names) >= 60


def test_every_known_difference_has_a_reason_and_a_scenario() -> None:
    for known in (*MEANT, *OPEN):
        assert known.reason
        assert not known.scenarios or any(known.names(scenario.name) for scenario in SCENARIOS)
