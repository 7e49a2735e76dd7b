"""Laws of the election, whatever packets come and whoever fails when.

A world of two or three routers on one wire: packets may be lost while the wire is cut, wake-ups may be late, routers may stop,
fail and come back. Once the wire has been whole for long enough there is exactly one master, the best of those that can serve.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from proxy.ha.vrrp.actions import Action, ReleaseAddresses, SendAdvert, State, TakeAddresses, Transition
from proxy.ha.vrrp.packet import Advert
from proxy.ha.vrrp.router import RouterSettings, VirtualRouter

SETTLED_S = 40.0


@dataclass
class Machine:
    """A router, and what its actions have made of the kernel."""

    router: VirtualRouter
    address: bytes
    holds: bool = False
    log: list[Action] = field(default_factory=list)


class Wire:
    """Carries adverts after a short while; `cut` loses them."""

    def __init__(self, settings: list[RouterSettings]) -> None:
        self.now = 0.0
        self.cut = False
        self.machines = [Machine(VirtualRouter(each, bytes((10, 0, 0, n))), bytes((10, 0, 0, n))) for n,
                         each in enumerate(settings, 1)]
        self._flying: list[tuple[float, int, int, Advert, bytes]] = []
        self._count = 0

    def act(self, index: int, actions: list[Action]) -> None:
        machine = self.machines[index]
        for action in actions:
            machine.log.append(action)
            if isinstance(action, TakeAddresses):
                machine.holds = True
            elif isinstance(action, ReleaseAddresses):
                machine.holds = False
            elif isinstance(action, SendAdvert) and not self.cut:
                settings = machine.router.settings
                advert = Advert(settings.version, 51, action.priority, settings.advert_int_s, ())
                for other in range(len(self.machines)):
                    if other != index:
                        self._count += 1
                        heapq.heappush(self._flying, (self.now + 0.001, self._count, other, advert, machine.address))
        assert machine.holds == (machine.router.state is State.MASTER), "addresses and state have come apart"

    def run(self, seconds: float, late_s: float = 0.0) -> None:
        """Let time pass; every wake-up comes so much too late."""
        end = self.now + seconds
        while True:
            timers = [(max(each.router.deadline + late_s, self.now), index) for index, each in enumerate(self.machines)]
            due, index = min(timers)
            arrives = self._flying[0][0] if self._flying else math.inf
            if min(due, arrives) > end:
                self.now = end
                return
            if arrives <= due:
                self.now, _, to, advert, source = heapq.heappop(self._flying)
                self.act(to, self.machines[to].router.hear(self.now, advert, source))
            else:
                self.now = due
                before = self.machines[index].router.deadline
                self.act(index, self.machines[index].router.handle_timer(self.now))
                assert self.machines[index].router.deadline > before, "a timer that stays due would never let go"

    def masters(self) -> list[int]:
        return [index for index, each in enumerate(self.machines) if each.router.state is State.MASTER]


settings = st.builds(
    RouterSettings, version=st.just(3), priority=st.integers(1, 254), advert_int_s=st.sampled_from([0.1, 1.0]),
    wants_master=st.booleans(),
    higher_prio_send_advert=st.booleans(), lower_prio_no_advert=st.booleans(), garp_master_delay_s=st.sampled_from([0.0, 5.0]),
)
events = st.lists(st.tuples(st.sampled_from(["cut", "heal", "fault", "recover", "priority", "run", "stop"]), st.integers(0, 2),
                            st.integers(1, 254),
                            st.sampled_from([0.01, 0.3, 1.0, 5.0])), max_size=25)


@given(st.lists(settings, min_size=2, max_size=3), events, st.sampled_from([0.0, 0.005]))
def test_once_all_is_well_the_best_one_alone_is_master(each: list[RouterSettings], happens: list[tuple[str, int, int, float]],
                                                       late_s: float) -> None:
    wire = Wire(each)
    for index, machine in enumerate(wire.machines):
        wire.act(index, machine.router.start(0.0))
    for what, who, number, seconds in happens:
        index = who % len(wire.machines)
        router = wire.machines[index].router
        if what in ("cut", "heal"):
            wire.cut = what == "cut"
        elif what == "fault":
            wire.act(index, router.fault(wire.now, "x"))
        elif what == "recover":
            wire.act(index, router.recover(wire.now))
        elif what == "priority":
            wire.act(index, router.set_priority(wire.now, number))
        elif what == "stop" and number > 200:
            wire.act(index, router.stop(wire.now))
        wire.run(seconds, late_s)
    wire.cut = False
    wire.run(SETTLED_S, late_s)
    alive = [index for index, machine in enumerate(wire.machines) if machine.router.state in (State.BACKUP, State.MASTER)]
    masters = wire.masters()
    assert len(masters) == (1 if alive else 0)
    if alive:
        best = max(wire.machines[index].router.priority for index in alive)
        assert wire.machines[masters[0]].router.priority == best
    for machine in wire.machines:
        assert machine.holds == (machine.router.state is State.MASTER)


packets = st.lists(st.tuples(st.integers(0, 255), st.sampled_from([b"\x0a\0\0\x01", b"\x0a\0\0\x05", b"\x0a\0\0\x09"]),
                             st.floats(0.0, 4.0), st.sampled_from([0.1, 1.0, 40.95])), max_size=60)


@given(settings, packets)
def test_no_sequence_of_packets_loses_a_timer_or_leaves_a_better_master_in_peace(each: RouterSettings,
    heard: list[tuple[int, bytes, float, float]]) -> None:
    router = VirtualRouter(each, b"\x0a\0\0\x05")
    router.start(0.0)
    now = 0.0
    for priority, source, wait, interval in heard:
        now += wait
        while router.deadline <= now:
            router.handle_timer(router.deadline)
        was_master = router.state is State.MASTER
        actions = router.hear(now, Advert(3, 51, priority, interval, ()), source)
        assert router.deadline < math.inf, "nobody would ever wake it again"
        assert router.deadline >= now or router.state is State.BACKUP
        better = priority > router.priority or (priority == router.priority and source > router.source)
        if was_master and priority != 0 and better:
            assert router.state is State.BACKUP
            assert ReleaseAddresses() in actions
        elif was_master:
            assert router.state is State.MASTER
            if not each.lower_prio_no_advert or priority == 0:
                assert SendAdvert(router.priority) in actions
        else:
            assert not [action for action in actions if isinstance(action, (TakeAddresses, Transition))]
