"""Numbers that users see in statistics: `id` where it is configured, else the next free one, in the order of the file."""

from __future__ import annotations

from collections.abc import Sequence


def places(wanted: Sequence[int | None]) -> list[int]:
    """One number for each server: its `id`, or its place in the backend, or the next one free where that is taken.

    HAProxy gives the third server 3, whatever `id` the second one was given.
    """
    taken = {number for number in wanted if number is not None}
    given = []
    for place, number in enumerate(wanted, 1):
        while number is None:
            number = place if place not in taken else None
            place += 1
        taken.add(number)
        given.append(number)
    return given


def numbers(wanted: Sequence[int | None], first: int) -> list[int]:
    """One number for each; those not asked for get the next free one, counted from `first`; who has asked is counted too.

    As seen of HAProxy 2.6.
    """
    taken = {number for number in wanted if number is not None}
    following = first
    given = []
    for number in wanted:
        if number is None:
            while following in taken:
                following += 1
            number = following
        following += 1
        given.append(number)
    return given
