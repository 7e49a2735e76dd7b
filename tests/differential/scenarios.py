"""Every scenario, by name."""

from __future__ import annotations

from tests.differential import scenarios_balance, scenarios_errors, scenarios_fields, scenarios_http, scenarios_other
from tests.differential.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    *scenarios_http.SCENARIOS,
    *scenarios_errors.SCENARIOS,
    *scenarios_balance.SCENARIOS,
    *scenarios_fields.SCENARIOS,
    *scenarios_other.SCENARIOS,
)
