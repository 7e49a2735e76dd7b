"""Rules that add, set and delete fields."""

from __future__ import annotations

from tests.differential.scenario import Scenario
from tests.differential.scenarios_http import ONE
from tests.differential.steps import flat, fresh

SPLIT = """
frontend front
 bind @front@
 http-request add-header X-Both front
 http-request set-header X-Order "by the front"
 http-response add-header X-Both front
 http-response set-header X-Order front
 option forwardfor
 default_backend back
backend back
 http-request add-header X-Both back
 http-request set-header X-Order "by the back"
 http-response add-header X-Both back
 http-response set-header X-Order back
 server s1 @s1@
"""


def edited(name: str, lines: str, *fields: str) -> Scenario:
    return Scenario(name, ONE + "".join(f" {line}\n" for line in lines.split(" ; ")), flat(fresh("/", *fields)))


ADDED = 'http-request add-header X-A one ; http-request add-header X-A "two words"'
SET = "http-request set-header X-A one ; http-request set-header Host other.example"
DELETED = "http-request del-header X-A ; http-request del-header x-b"
ANSWERS = "http-response add-header X-A b ; http-response del-header Server ; http-response set-header Date x"

SCENARIOS: tuple[Scenario, ...] = (
    edited("fields-added", ADDED, "X-A: zero"),
    edited("fields-set", SET, "X-A: zero", "x-a: zero2"),
    edited("fields-deleted", DELETED, "X-A: 1", "X-B: 2", "X-AB: 3", "X-A: 4"),
    edited("fields-percent", "http-request set-header X-A 100%%"),
    edited("fields-constant", "http-request add-header X-A 1 if TRUE ; http-request add-header X-B 2 unless TRUE"),
    edited("fields-in-order", "http-request add-header X-A 1 ; http-request del-header X-A ; http-request add-header X-A 2"),
    edited("fields-of-answers", ANSWERS),
    Scenario("fields-of-both-sides", SPLIT, flat(fresh("/", "X-Order: none", "X-Both: client"))),
)
