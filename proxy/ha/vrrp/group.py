"""Routers that change state together (`vrrp_sync_group`).

    a member becomes       the others
    ──────────────────     ───────────────────────────────────────────────────────────────
    MASTER                 become MASTER too; with a member in FAULT nobody does
    BACKUP, from MASTER    give up too, without advertising priority 0: the better machine takes all of them
    FAULT                  go to FAULT too: "member X"; they leave it once no member has a fault of its own

The group's state is FAULT with any member in it, else MASTER once all are, else BACKUP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from proxy.ha.vrrp.actions import Action, State, Transition
from proxy.ha.vrrp.router import VirtualRouter

Step = tuple[str, list[Action]]
"""What one member is to do; the name comes first."""


class SyncGroup:
    """The members by name, their own faults, and the state of the whole."""

    def __init__(self, name: str, members: Mapping[str, VirtualRouter]) -> None:
        self.name = name
        self.members = dict(members)
        self.own_faults: dict[str, str] = {}
        self.state = State.INIT

    def follow(self, now: float, name: str, actions: list[Action]) -> list[Step]:
        """What the other members do after one has done this."""
        steps: list[Step] = []
        for action in actions:
            if isinstance(action, Transition):
                steps += self._follow(now, name, action)
        return steps

    def fault(self, now: float, name: str, reason: str) -> list[Step]:
        """A member has a fault of its own: all of them go."""
        self.own_faults[name] = reason
        return self._each(lambda member, router: router.fault(now, reason if member == name else f"{name}: {reason}"))

    def recover(self, now: float, name: str) -> list[Step]:
        """A member's own faults are gone: with the last one all come back."""
        self.own_faults.pop(name, None)
        if self.own_faults:
            return []
        return self._each(lambda member, router: router.recover(now))

    def update_state(self) -> State | None:
        """The group's new state, None when it has not changed."""
        states = {router.state for router in self.members.values()}
        if State.STOP in states and len(states) == 1:
            state = State.STOP
        elif State.FAULT in states:
            state = State.FAULT
        elif states == {State.MASTER}:
            state = State.MASTER
        elif State.BACKUP in states:
            state = State.BACKUP
        else:
            state = self.state
        if state is self.state:
            return None
        self.state = state
        return state

    def _follow(self, now: float, name: str, transition: Transition) -> list[Step]:
        if transition.new is State.MASTER:
            return self._each(lambda member, router: router.force_master(now, f"follows {name}"), name)
        if transition.new is State.BACKUP and transition.old is State.MASTER:
            return self._each(lambda member, router: router.force_backup(now, f"follows {name}"), name)
        return []

    def _each(self, act: Callable[[str, VirtualRouter], list[Action]], but: str = "") -> list[Step]:
        steps = [(member, act(member, router)) for member, router in self.members.items() if member != but]
        return [step for step in steps if step[1]]
