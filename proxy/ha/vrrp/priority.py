"""What is tracked, and what that makes of the configured priority.

    weight 0 (none)     down: FAULT                          `reverse`: up is FAULT
    weight > 0          up: + weight                         `reverse`: up is - weight
    weight < 0          down: - |weight|                     `reverse`: down is + |weight|
    file with weight w  its number times w; -254 and less is FAULT; with weight 0 any number but 0 is

An address owner (255) is never changed, nobody else becomes one: 1 to 254.
Source: keepalived.conf(5), "track_interface", "track_file".
"""

from __future__ import annotations

from dataclasses import dataclass

from proxy.ha.vrrp.packet import OWNER

FILE_FAULT = -254


@dataclass(frozen=True, slots=True)
class Watch:
    """One thing that an instance tracks: what it is, and with which weight."""

    kind: str
    name: str
    weight: int = 0
    reverse: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Effect:
    """What a watch does to the priority now, or that it is a fault."""

    watch: Watch
    change: int = 0
    fault: bool = False

    def __str__(self) -> str:
        return f"{self.watch} {'fault' if self.fault else f'{self.change:+d}'}"


def effect_of(watch: Watch, up: bool) -> Effect:
    """The effect of something that is up or down."""
    if watch.weight == 0:
        return Effect(watch, fault=up == watch.reverse)
    sign = -1 if watch.reverse else 1
    if watch.weight > 0:
        return Effect(watch, sign * watch.weight if up else 0)
    return Effect(watch, 0 if up else sign * watch.weight)


def effect_of_number(watch: Watch, number: int) -> Effect:
    """The effect of a number in a file."""
    if watch.weight == 0:
        return Effect(watch, fault=(number != 0) != watch.reverse)
    change = number * watch.weight * (-1 if watch.reverse else 1)
    return Effect(watch, fault=True) if change <= FILE_FAULT else Effect(watch, min(change, -FILE_FAULT))


def effective_priority(configured: int, effects: list[Effect] | tuple[Effect, ...]) -> int:
    """The priority to advertise."""
    if configured == OWNER:
        return OWNER
    return min(max(configured + sum(effect.change for effect in effects), 1), OWNER - 1)
