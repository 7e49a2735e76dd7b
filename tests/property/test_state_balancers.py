"""Every algorithm in any order of picks, ends, weights and states: what may be chosen, is chosen, and nothing else.

Beside that each algorithm's own promise: turns in proportion to weights, the least loaded, the first, a key's own server.
"""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from math import gcd
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from proxy.base.addresses import Address, Family
from proxy.core.balance import ALGORITHMS, Farm, make_balancer
from proxy.core.balance.hashing import avalanche
from proxy.runtime.backend import Backend
from proxy.runtime.server import WEIGHT_SCALE, Server

STEPS = 40
EXAMPLES = max(60, settings().max_examples // 10)       # of each algorithm
Case = tuple[str, str, int]          # algorithm, hash-type, hash-balance-factor
CASES: list[Case] = [(name, "map-based", 0) for name in ALGORITHMS]
CASES += [("source", "consistent", 0), ("hdr", "consistent", 150)]    # all that hash do it alike
IN_TURN = ("roundrobin", "static-rr")
ANY = st.integers(0, 1 << 10)
WEIGHTS = st.sampled_from([1, 1, 1, 2, 3, 50])
SERVER = st.tuples(WEIGHTS, st.sampled_from([0, 0, 1, 3]), st.sampled_from([False, False, False, True]))
KEYS = [avalanche(number) for number in range(40)]
SCALE = 1 << 16
SOMEBODY: Any = object
TURNS = 20
ROUGHLY = 3             # turns more or less than the share, over some TURNS


def load(server: Server) -> int:
    """HAProxy's measure for leastconn: with the stream to come, per weight; whoever is idle is not busy at all."""
    streams = server.served + len(server.queue)
    return int(Fraction(streams + 1) / server.weight_now * SCALE) if streams else 0


class Balancers(RuleBasedStateMachine):
    """A farm whose servers are used, weighed, lost and found again."""

    case: Case

    @initialize(servers=st.lists(SERVER, min_size=1, max_size=5), all_backups=st.booleans(), seed=ANY)
    def configure(self, servers: list[tuple[int, int, bool]], all_backups: bool, seed: int) -> None:
        self.algorithm, hash_type, self.factor = self.case
        self.backend = backend = Backend("app", 2)
        backend.backup_all = all_backups
        for number, (weight, maxconn, is_backup) in enumerate(servers):
            server = Server(backend, f"s{number}", number + 1, Address(Family.IPV4, "127.0.0.1", 1))
            server.index, server.maxconn, server.is_backup = number, maxconn, is_backup
            server.configured_weight = server.user_weight = weight
            server.weight_now = weight * WEIGHT_SCALE
            backend.servers.append(server)
        self.is_consistent = hash_type == "consistent"
        argument = "" if self.algorithm == "random" else "x"
        backend.balancer = make_balancer(self.algorithm, argument=argument, hash_type=hash_type, hash_balance_factor=self.factor,
                                         random=random.Random(seed).randrange)
        self.farm = backend.farm = Farm(backend)
        self.longest_round = 0                          # of those that began before the last changes
        self.homes: dict[int, Server] = {}              # where keys were sent, as long as nothing has changed

    # what is true

    def choices(self) -> list[Server]:
        """Those of whom one is to be chosen."""
        usable = [server for server in self.backend.servers if server.weight_now > 0]
        active = [server for server in usable if not server.is_backup]
        return active or (usable if self.backend.backup_all else usable[:1])

    def weights(self) -> dict[Server, int]:
        is_static = self.algorithm == "static-rr"
        return {server: server.configured_weight if is_static else server.weight_now for server in self.choices()}

    def stands_in_alone(self) -> bool:
        choices = self.choices()
        return bool(choices) and choices[0].is_backup and not self.backend.backup_all

    def picked(self, key: int | None, avoid: Server | None) -> Server | None:
        """The farm's choice, which has to be one that may be made."""
        choices, chosen = self.choices(), self.farm.pick(key, avoid)
        free = [server for server in choices if not server.is_full() and server is not avoid]
        if not choices:
            assert chosen is None
        elif self.stands_in_alone():
            assert chosen is choices[0]
        elif key is not None and self.backend.balancer.needs_key:
            assert chosen in choices
            assert chosen is not avoid or len(choices) == 1 or self.factor
        elif free:
            assert chosen in free
            self.is_as_the_algorithm_says(chosen, free)
        else:
            assert chosen is (avoid if avoid in choices and avoid is not None and not avoid.is_full() else None)
        return chosen

    def is_as_the_algorithm_says(self, chosen: Server | None, free: list[Server]) -> None:
        assert chosen is not None
        if self.algorithm == "first":
            assert chosen is free[0]
        if self.algorithm == "leastconn":
            assert load(chosen) == min(map(load, free))

    # events

    @rule(keys=st.lists(st.sampled_from([None, *KEYS]), min_size=1, max_size=6), avoid=st.sampled_from([None, None, 0, 1, 4]))
    def streams_come(self, keys: list[int | None], avoid: int | None) -> None:
        servers = self.backend.servers
        for key in keys:
            server = self.picked(key, None if avoid is None else servers[avoid % len(servers)])
            if server is not None:
                server.served += 1
                self.backend.served += 1
                self.backend.balancer.opened(server)

    @rule(which=ANY, count=st.integers(1, 4))
    def streams_end(self, which: int, count: int) -> None:
        """Of one server, as many as it has."""
        busy = [server for server in self.backend.servers if server.served]
        server = busy[which % len(busy)] if busy else None
        for _ in range(min(count, server.served) if server is not None else 0):
            assert server is not None
            server.served -= 1
            self.backend.served -= 1
            self.backend.balancer.closed(server)

    @rule(which=ANY, comes=st.booleans())
    def stream_waits_for_a_server(self, which: int, comes: bool) -> None:
        server = self.backend.servers[which % len(self.backend.servers)]
        if comes:
            server.queue[SOMEBODY()] = None
        elif server.queue:
            server.queue.popitem()

    @rule(which=ANY, weight=st.sampled_from([0, 1, 1, 2, 50]))
    def weight_is_set(self, which: int, weight: int) -> None:
        """To 0: it is down, or drains."""
        server = self.backend.servers[which % len(self.backend.servers)]
        before = self.choices()
        self.longest_round = max(self.longest_round, self.round_turns())
        goes = weight == 0 and server in before
        server.weight_now = weight * WEIGHT_SCALE
        self.farm.changed()
        if goes and self.is_consistent and len(before) > 1:
            self.homes = {key: home for key, home in self.homes.items() if home is not server}      # the others' keys stay
        else:
            self.homes = {}

    def round_turns(self) -> int:
        """In how many turns everybody has had as many as its weight says."""
        weights = self.weights().values()
        return sum(weights) // gcd(*weights) if weights else 0

    @rule()
    def nothing_has_changed(self) -> None:
        self.farm.changed()

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=10))
    def keys_have_homes(self, keys: list[int]) -> None:
        if self.backend.balancer.needs_key and not self.factor:
            for key in keys:
                server = self.picked(key, None)
                if server is not None:
                    assert self.homes.setdefault(key, server) is server

    @rule(rounds=st.integers(1, 3))
    def turns_follow_weights(self, rounds: int) -> None:
        """Where all have room each has as many turns as its weight says, once newcomers have found their places.

        Who was there keeps its place in the round of before, however long that one was: as with HAProxy.
        """
        choices = self.choices()
        if self.algorithm not in IN_TURN or not choices or self.stands_in_alone() or any(map(Server.is_full, choices)):
            return
        weights = self.weights()
        total = sum(weights.values())
        for _ in range(2 * max(self.longest_round, self.round_turns())):
            self.farm.pick(None, None)
        self.longest_round = 0
        turns = Counter(self.farm.pick(None, None) for _ in range(rounds * TURNS))
        for server in choices:
            share = Fraction(weights[server], total) * rounds * TURNS
            assert abs(turns[server] - share) < ROUGHLY, (turns[server], share)

    @invariant()
    def counts_are_told(self) -> None:
        usable = [server for server in self.backend.servers if server.weight_now > 0]
        assert self.backend.active_count == sum(not server.is_backup for server in usable)
        assert self.backend.backup_count == sum(server.is_backup for server in usable)
        for server in self.backend.servers:
            assert self.farm.offers_another(server) == any(other is not server for other in self.choices())


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_balancers(case: Case) -> None:
    machine = type("Balancers", (Balancers,), {"case": case})
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=STEPS, max_examples=EXAMPLES))
