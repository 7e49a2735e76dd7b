"""Numbers that users see in statistics: `id` where it is configured, else the next free one, in the order of the file."""

from __future__ import annotations

from collections.abc import Sequence


def numbers(wanted: Sequence[int | None], first: int) -> list[int]:
    """One number for each; those not asked for get the lowest free ones from `first` on, as HAProxy gives them."""
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
