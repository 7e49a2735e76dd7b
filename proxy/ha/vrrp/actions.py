"""What a virtual router asks its surroundings to do, in the order it is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """RFC 5798 §6.4, and what keepalived adds to it."""

    INIT = "INIT"
    BACKUP = "BACKUP"
    MASTER = "MASTER"
    FAULT = "FAULT"
    STOP = "STOP"


@dataclass(frozen=True, slots=True)
class SendAdvert:
    """Send an advertisement with this priority, now."""

    priority: int


@dataclass(frozen=True, slots=True)
class TakeAddresses:
    """Put the addresses, routes and rules into the kernel."""


@dataclass(frozen=True, slots=True)
class ReleaseAddresses:
    """Take the addresses, routes and rules out of the kernel."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell the neighbours where every address is: gratuitous ARP, unsolicited neighbour advertisements, so many of each.

    `extra_only` leaves out the instance's own interface (`garp_extra_if`).
    """

    repeat: int
    extra_only: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """The state has changed; notices follow from it."""

    old: State
    new: State
    reason: str


@dataclass(frozen=True, slots=True)
class HeardLower:
    """A master has heard an advertisement with a lower priority (`notify_master_rx_lower_pri`)."""

    priority: int


@dataclass(frozen=True, slots=True)
class PriorityChanged:
    """The effective priority has changed."""

    old: int
    new: int


Action = SendAdvert | TakeAddresses | ReleaseAddresses | Announce | Transition | HeardLower | PriorityChanged
