"""When a server is checked.

Source: HAProxy configuration manual, "inter", "spread-checks", "max-spread-checks", "timeout check".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from proxy.runtime.check_plan import CheckPlan
from proxy.runtime.server import Server

SPREAD_MIN_MS = 1000        # first checks are spread over at least this long, though no server waits longer than its interval
BUNCH_MAX = 64              # checks that start together, when there are so many that the process would wake up for each
BUNCH_MS = 64               # ... and how far apart bunches may be at the most


def interval_ms(plan: CheckPlan, server: Server, unchecked: bool) -> int:
    """How long from the end of one check to the next, by the server's health."""
    if not unchecked and server.health >= server.rise + server.fall - 1:
        return plan.inter_ms
    if not unchecked and server.health == 0:
        return plan.inter_ms if plan.downinter_ms is None else plan.downinter_ms
    return plan.inter_ms if plan.fastinter_ms is None else plan.fastinter_ms


def spread(interval: int, percent: int, random: Callable[[], float]) -> int:
    """The interval, made up to `percent` longer or shorter by chance; `random` gives numbers in [0, 1)."""
    if not percent:
        return interval
    return max(1, interval + round(interval * percent / 100 * (2 * random() - 1)))


def first_delays_ms(plans: Sequence[CheckPlan], max_spread_ms: int | None) -> list[int]:
    """When to start the first check of each server: evenly spread over the shortest interval of all.

    Many servers begin in small bunches, and stay in them, since each next check is counted from the last: the process wakes up
    once for a bunch, and no bunch is so large that the traffic would feel it.
    """
    if not plans:
        return []
    over_ms = max(SPREAD_MIN_MS, min(plan.inter_ms for plan in plans))
    if max_spread_ms is not None:
        over_ms = min(over_ms, max_spread_ms)
    bunch = max(1, min(BUNCH_MAX, BUNCH_MS * len(plans) // over_ms)) if over_ms else 1
    return [min(over_ms, plan.inter_ms) * (place // bunch * bunch) // len(plans) for place, plan in enumerate(plans)]


def connect_deadline_ms(plan: CheckPlan, started_ms: int) -> int:
    """Until when a check may take to connect."""
    limits = [plan.inter_ms]
    if plan.timeout_ms and plan.connect_timeout_ms:
        limits.append(plan.connect_timeout_ms)
    return started_ms + min(limits)


def answer_deadline_ms(plan: CheckPlan, started_ms: int, connected_ms: int) -> int:
    """Until when a check may take to be answered."""
    return connected_ms + plan.timeout_ms if plan.timeout_ms else started_ms + plan.inter_ms
