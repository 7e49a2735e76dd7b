"""The words a mistyped one was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

_LONGEST = 64


def nearest(word: str, candidates: Iterable[str], limit: int = 3) -> list[str]:
    """The candidates closest to `word`, best first; none when nothing is close.

    Close means few edits (insertions, deletions, replacements, swaps of neighbours: about one for every three letters), or the
    one being the beginning of the other.
    """
    if not word or len(word) > _LONGEST:
        return []
    folded = word.lower()
    allowed = max(1, min(3, len(word) // 3))
    ranked = []
    for candidate in candidates:
        distance = _rank(folded, candidate.lower(), allowed)
        if distance is not None:
            ranked.append((distance, len(candidate), candidate))
    return [candidate for _, _, candidate in sorted(ranked)[:limit]]


def did_you_mean(word: str, candidates: Sequence[str]) -> str:
    """`nearest` as the hint of a diagnostic, "" when there is none."""
    found = [f"'{candidate}'" for candidate in nearest(word, candidates)]
    if not found:
        return ""
    return f"did you mean {' or '.join([', '.join(found[:-1]), found[-1]] if len(found) > 1 else found)}?"


def _rank(word: str, candidate: str, allowed: int) -> float | None:
    if abs(len(word) - len(candidate)) <= allowed:
        distance = edit_distance(word, candidate)
        if distance <= allowed:
            return distance
    if len(word) >= 3 and candidate.startswith(word):
        return allowed + 0.5
    if len(candidate) >= 3 and word.startswith(candidate):
        return allowed + 0.75
    return None


@lru_cache(maxsize=4096)
def edit_distance(one: str, other: str) -> int:
    """How many insertions, deletions, replacements and swaps of neighbours turn one word into the other."""
    before: list[int] = []
    above = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, above = above, row
    return above[-1]
