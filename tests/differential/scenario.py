"""What a scenario is, and how it is run on a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.differential.lab import CSV_COLUMNS, HTTP1_COLUMNS, Lab, Outcome, visits_shown
from tests.differential.origin import Origin, Script
from tests.differential.steps import Step

DEFAULTS = """
defaults
 mode http
 log @LOG@ local0
 option httplog
 timeout client 5s
 timeout server 5s
 timeout connect 1s
"""
LISTEN = """
listen app
 bind @front@
"""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A configuration, scripted servers, what the client does and how many lines that makes in the log.

    `servers` are the names used as `@name@` in the configuration: HTTP answers by target, or a raw script. `logs` None means that
    the log is not looked at. `defaults` go before `config`. Files are made in `@folder@`.
    """

    name: str
    config: str
    steps: tuple[Step, ...]
    servers: Mapping[str, Mapping[str, Script]] = field(default_factory=lambda: {"s1": {}, "s2": {}})
    raw: Mapping[str, Script] = field(default_factory=dict)
    logs: int | None = 1
    defaults: str = DEFAULTS
    files: Mapping[str, bytes] = field(default_factory=dict)
    csv: bool = True


def run(command: list[str], scenario: Scenario, folder: Path) -> dict[str, Any]:
    """Everything that was seen while a program went through a scenario."""
    for name, octets in scenario.files.items():
        (folder / name).write_bytes(octets)
    origins = {name: Origin(name, answers) for name, answers in scenario.servers.items()}
    origins |= {name: Origin(name, raw=script) for name, script in scenario.raw.items()}
    lab = Lab(command, folder, scenario.defaults + scenario.config, origins)
    outcome = Outcome()
    try:
        for step in scenario.steps:
            step.do(lab, outcome)
        log = lab.collect_log(scenario.logs or 0)
        if scenario.logs is not None:
            outcome.log = log
        if scenario.csv:
            outcome.csv = lab.statistics([*CSV_COLUMNS, *HTTP1_COLUMNS])
    finally:
        lab.close()
    outcome.servers = {name: visits_shown(lab, origin.visits) for name, origin in origins.items()}
    return asdict(outcome)


def differences(expected: Any, got: Any, path: str = "") -> list[str]:
    """Where two outcomes differ, one line each: the path, HAProxy's value, ours."""
    if isinstance(expected, dict) and isinstance(got, dict):
        found = []
        for key in [*expected, *(key for key in got if key not in expected)]:
            found += differences(expected.get(key), got.get(key), f"{path}/{key}")
        return found
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        return [
            line
            for number, (one, other) in enumerate(zip(expected, got, strict=True))
            for line in differences(one, other, f"{path}/{number}")
        ]
    return [] if expected == got else [f"{path}: {expected!r} -> {got!r}"]
