"""Every scenario, by name."""

from __future__ import annotations

from tests.differential import (
    scenarios_balance,
    scenarios_errors,
    scenarios_exchange,
    scenarios_fields,
    scenarios_http,
    scenarios_leaving,
    scenarios_other,
    scenarios_proxy,
    scenarios_retries,
    scenarios_timeouts,
    scenarios_upgrade,
    scenarios_waiting,
)
from tests.differential.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    *scenarios_http.SCENARIOS,
    *scenarios_errors.SCENARIOS,
    *scenarios_exchange.SCENARIOS,
    *scenarios_balance.SCENARIOS,
    *scenarios_leaving.SCENARIOS,
    *scenarios_fields.SCENARIOS,
    *scenarios_other.SCENARIOS,
    *scenarios_proxy.SCENARIOS,
    *scenarios_retries.SCENARIOS,
    *scenarios_timeouts.SCENARIOS,
    *scenarios_upgrade.SCENARIOS,
    *scenarios_waiting.SCENARIOS,
)
