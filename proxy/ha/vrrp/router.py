"""One virtual router: who is master, since when, and what is sent when.

    state    on                                   does                                                            next
    ───────  ───────────────────────────────────  ──────────────────────────────────────────────────────────────  ──────
    BACKUP   master-down timer                    advert, addresses, announcements                                MASTER
             advert, priority 0, of the master    master-down timer := skew                                       -
             advert, priority >= ours             master-down timer := full (v3: the master's interval)           -
             advert, lower, may not preempt       master-down timer := full                                       -
             advert, lower                        nothing: the timer runs on, which is how it is preempted        -
    MASTER   advert timer                         advert                                                          -
             advert, priority 0                   advert at once                                                  -
             advert, better (higher, or equal     [own advert], addresses out, master-down timer := full          BACKUP
             and from the higher address)
             advert, worse                        advert at once [unless lower_prio_no_advert], announcements     -
    any      own fault                            MASTER: advert with priority 0, addresses out                   FAULT
    FAULT    fault gone                           master-down timer := full                                       BACKUP
    any      stop                                 MASTER: advert with priority 0, addresses out                   STOP

The two sentences in the middle of MASTER heal a split: a master that hears a worse one answers at once and announces itself,
and one that hears a better one makes that one announce itself, by one last advert of its own. Without them clients may be left
with the wrong neighbour entry until it expires.

Source: RFC 5798 §6.4, RFC 3768 §6.4; keepalived.conf(5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from proxy.ha.vrrp.actions import (
    Action,
    Announce,
    HeardLower,
    PriorityChanged,
    ReleaseAddresses,
    SendAdvert,
    State,
    TakeAddresses,
    Transition,
)
from proxy.ha.vrrp.packet import OWNER, STOPPING, Advert

NEVER = math.inf


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """What a router needs to know of its configuration. Units: seconds."""

    version: int = 2
    priority: int = 100
    advert_int_s: float = 1.0
    wants_master: bool = False             # `state MASTER`: at once, with priority 255 only
    nopreempt: bool = False
    preempt_delay_s: float = 0.0
    down_timer_adverts: int = 3
    lower_prio_no_advert: bool = False
    higher_prio_send_advert: bool = True
    garp_master_delay_s: float = 5.0
    garp_master_repeat: int = 5
    garp_master_refresh_s: float = 0.0
    garp_master_refresh_repeat: int = 1
    garp_lower_prio_delay_s: float = 5.0
    garp_lower_prio_repeat: int = 5
    garp_extra_if_s: float = 0.0


@dataclass(slots=True)
class Heard:
    """The last advertisement that counted."""

    at: float = -math.inf
    source: bytes = b""
    priority: int = 0
    interval_s: float = 0.0


class VirtualRouter:
    """The state machine of one instance.

    Every method that takes `now` returns what is to be done, in order; afterwards `deadline` says when `handle_timer` is due.
    `source` is the packed address that we send from: it decides between equals.
    """

    def __init__(self, settings: RouterSettings, source: bytes = b"") -> None:
        self.settings = settings
        self.source = source
        self.state = State.INIT
        self.reason = ""
        self.since = 0.0
        self.priority = settings.priority
        self.heard = Heard()
        self._interval_s = settings.advert_int_s        # the master's, which version 3 learns
        self._advert_at = NEVER
        self._down_at = NEVER
        self._preempt_at = NEVER                        # before this a worse master is left alone
        self._again_at = NEVER                          # the second set of announcements
        self._again_repeat = 0
        self._refresh_at = NEVER
        self._extra_at = NEVER

    # ── what it is waiting for ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def deadline(self) -> float:
        """When `handle_timer` is due; infinity when nothing is waited for."""
        return min(self._advert_at, self._down_at, self._again_at, self._refresh_at, self._extra_at)

    @property
    def skew_s(self) -> float:
        """The better the priority, the sooner (RFC 3768 §6.1, RFC 5798 §6.1)."""
        unit = 1.0 if self.settings.version == 2 else self._interval_s
        return (256 - self.priority) / 256 * unit

    @property
    def master_down_s(self) -> float:
        """How long a master may be silent."""
        return self.settings.down_timer_adverts * self._interval_s + self.skew_s

    @property
    def interval_s(self) -> float:
        """The interval between adverts: as master our own, as backup the master's."""
        return self._interval_s

    # ── facts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, now: float) -> list[Action]:
        """Begin; only an address owner that wants it is master at once."""
        if self.priority == OWNER and self.settings.wants_master:
            return self._become_master(now, "owns the addresses")
        return self._become_backup(now, "started")

    def stop(self, now: float, reason: str = "stopped") -> list[Action]:
        """End; nothing is done afterwards."""
        if self.state is State.STOP:
            return []
        actions = self._leave_master() if self.state is State.MASTER else []
        return actions + self._enter(State.STOP, now, reason)

    def fault(self, now: float, reason: str) -> list[Action]:
        """It cannot serve, for this reason."""
        if self.state in (State.FAULT, State.STOP):
            self.reason = reason
            return []
        actions = self._leave_master() if self.state is State.MASTER else []
        return actions + self._enter(State.FAULT, now, reason)

    def recover(self, now: float, reason: str = "fault gone") -> list[Action]:
        """Every fault is gone."""
        if self.state is not State.FAULT:
            return []
        if self.priority == OWNER and self.settings.wants_master:
            return self._become_master(now, "owns the addresses")
        return self._become_backup(now, reason)

    def set_priority(self, now: float, priority: int) -> list[Action]:
        """Tracking has changed the priority: what is left of the master-down timer is counted with the new skew."""
        if priority == self.priority:
            return []
        actions: list[Action] = [PriorityChanged(self.priority, priority)]
        before = self.skew_s
        self.priority = priority
        if self._down_at is not NEVER and self.state is State.BACKUP:
            self._down_at = max(now, self._down_at + self.skew_s - before)
        return actions

    def reconfigure(self, now: float, settings: RouterSettings) -> list[Action]:
        """Take new settings without giving anything up; the priority follows from what is tracked (`set_priority`)."""
        changed = settings.advert_int_s != self.settings.advert_int_s
        self.settings = settings
        if changed:
            self._interval_s = settings.advert_int_s
            if self.state is State.MASTER:
                self._advert_at = min(self._advert_at, now + settings.advert_int_s)
            elif self.state is State.BACKUP:
                self._down_at = now + self.master_down_s
        return []

    def force_master(self, now: float, reason: str) -> list[Action]:
        """The group has become master."""
        return self._become_master(now, reason) if self.state is State.BACKUP else []

    def force_backup(self, now: float, reason: str) -> list[Action]:
        """The group is no longer master."""
        if self.state is not State.MASTER:
            return []
        return [ReleaseAddresses(), *self._become_backup(now, reason)]

    def hear(self, now: float, advert: Advert, source: bytes) -> list[Action]:
        """An advertisement that `Expectations` has let through."""
        if self.state is State.BACKUP:
            return self._hear_as_backup(now, advert, source)
        if self.state is State.MASTER:
            return self._hear_as_master(now, advert, source)
        return []

    def handle_timer(self, now: float) -> list[Action]:
        """Do what is due."""
        actions: list[Action] = []
        if now >= self._down_at:
            silent = "no advert since start" if self.heard.at == -math.inf else f"no advert for {now - self.heard.at:.2f} s"
            if self.heard.priority == STOPPING and self.heard.source:
                silent = "the master has stopped"
            elif 0 < self.heard.priority < self.priority and now - self.heard.at < self._interval_s * 2:
                silent = f"preempts priority {self.heard.priority}"
            actions += self._become_master(now, silent)
        if now >= self._advert_at:
            actions.append(SendAdvert(self.priority))
            # On the grid, so that a late wake-up does not make the next one late; never twice for what was missed.
            self._advert_at += self._interval_s
            if self._advert_at <= now:
                self._advert_at = now + self._interval_s
        actions += self._announcements_due(now)
        return actions

    # ── the table ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _hear_as_backup(self, now: float, advert: Advert, source: bytes) -> list[Action]:
        beside = source != self.heard.source and now - self.heard.at < self.heard.interval_s
        if beside and advert.priority == STOPPING:
            return []                       # somebody stops, but the master has just been heard
        last_word = beside and (advert.priority, source) < (self.heard.priority, self.heard.source)
        if not last_word:
            self.heard = Heard(now, source, advert.priority, advert.interval_s)
        if advert.priority == STOPPING:
            self._down_at = now + self.skew_s
            self._preempt_at = now
        elif advert.priority >= self.priority or self.settings.nopreempt or self._held_back(now):
            if advert.priority >= self.priority:
                self._preempt_at = NEVER
            # What a master says that steps down for the one heard before must not have us live by its own, shorter interval: we
            # would take the better one, which speaks less often, for silent.
            if not last_word or advert.interval_s > self._interval_s:
                self._learn(advert)
            self._down_at = now + self.master_down_s
        return []

    def _held_back(self, now: float) -> bool:
        """Whether a worse master is left alone for now: `preempt_delay`, from the first advert that could be preempted."""
        if self.settings.preempt_delay_s == 0:
            return False
        if self._preempt_at is NEVER:
            self._preempt_at = now + self.settings.preempt_delay_s
        return now < self._preempt_at

    def _hear_as_master(self, now: float, advert: Advert, source: bytes) -> list[Action]:
        self.heard = Heard(now, source, advert.priority, advert.interval_s)
        if advert.priority == STOPPING:
            self._advert_at = now + self._interval_s
            return [SendAdvert(self.priority)]
        if advert.priority > self.priority or (advert.priority == self.priority and source > self.source):
            actions: list[Action] = [SendAdvert(self.priority)] if self.settings.higher_prio_send_advert else []
            actions.append(ReleaseAddresses())
            actions += self._become_backup(now, f"priority {advert.priority} is advertised")
            self._learn(advert)
            self._down_at = now + self.master_down_s
            return actions
        actions = [HeardLower(advert.priority)]
        if not self.settings.lower_prio_no_advert:
            self._advert_at = now + self._interval_s
            actions.append(SendAdvert(self.priority))
        if self.settings.garp_lower_prio_repeat:
            actions.append(Announce(self.settings.garp_lower_prio_repeat))
            self._announce_again(now + self.settings.garp_lower_prio_delay_s, self.settings.garp_lower_prio_delay_s,
                                 self.settings.garp_lower_prio_repeat)
        return actions

    def _learn(self, advert: Advert) -> None:
        """Version 3: a backup lives by the master's interval."""
        if self.settings.version == 3:
            self._interval_s = advert.interval_s

    def _become_master(self, now: float, reason: str) -> list[Action]:
        self._interval_s = self.settings.advert_int_s
        actions = self._enter(State.MASTER, now, reason)
        self._advert_at = now + self._interval_s
        settings = self.settings
        self._announce_again(now + settings.garp_master_delay_s, settings.garp_master_delay_s, settings.garp_master_repeat)
        if settings.garp_master_refresh_s:
            self._refresh_at = now + settings.garp_master_refresh_s
        if settings.garp_extra_if_s:
            self._extra_at = now + settings.garp_extra_if_s
        return [SendAdvert(self.priority), TakeAddresses(), Announce(settings.garp_master_repeat), *actions]

    def _become_backup(self, now: float, reason: str) -> list[Action]:
        self._interval_s = self.settings.advert_int_s
        actions = self._enter(State.BACKUP, now, reason)
        self._down_at = now + self.master_down_s
        return actions

    def _leave_master(self) -> list[Action]:
        return [SendAdvert(STOPPING), ReleaseAddresses()]

    def _enter(self, state: State, now: float, reason: str) -> list[Action]:
        """Change the state; no timer of the old one is left."""
        old, self.state = self.state, state
        self.reason, self.since = reason, now
        self._advert_at = self._down_at = self._preempt_at = NEVER
        self._again_at = self._refresh_at = self._extra_at = NEVER
        return [Transition(old, state, reason)]

    # ── announcements ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _announce_again(self, at: float, delay_s: float, repeat: int) -> None:
        """Plan the second set; a delay of 0 is none."""
        self._again_at, self._again_repeat = (at, repeat) if delay_s else (NEVER, 0)

    def _announcements_due(self, now: float) -> list[Action]:
        actions: list[Action] = []
        if now >= self._again_at:
            self._again_at = NEVER
            actions.append(Announce(self._again_repeat))
        if now >= self._refresh_at:
            self._refresh_at = now + self.settings.garp_master_refresh_s
            actions.append(Announce(self.settings.garp_master_refresh_repeat))
        if now >= self._extra_at:
            self._extra_at = now + self.settings.garp_extra_if_s
            actions.append(Announce(1, extra_only=True))
        return actions
