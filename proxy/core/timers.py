"""Deadlines, coarsely and cheaply: a wheel of slots, re-armed lazily.

Most deadlines are pushed further before they come due (each request of a connection does so). An entry therefore stays in
the slot it was put in as long as its deadline only moves later; when the slot comes due, an entry whose deadline has moved
is put into its new slot, the others are told.

Far deadlines share slots: the further, the coarser, and rounded towards now, so that who is in such a slot moves to a finer one
when it comes due. A slot that was emptied stays until its time; this keeps them few, also where every connection has deadlines
of its own minutes ahead and none lives for long.

    entry.deadline_ms   when it wants to be told; 0 = never        entry.slot   where it lies in the wheel; 0 = nowhere
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

SLOT_MS = 8
NEVER = 0
_slot_ms = SLOT_MS          # the same number for compiled code, which does not look it up
_fine_slots = 256           # slots ahead in which each is one of its own; then two share one, at twice that four, ...


class Entry:
    """Something with a deadline."""

    __slots__ = ("deadline_ms", "slot")

    def __init__(self) -> None:
        self.prepare_entry()

    def prepare_entry(self) -> None:
        """What a constructor does first; a method, because a compiled one is called sooner than another class's constructor."""
        self.deadline_ms = NEVER
        self.slot = 0

    def deadline_reached(self, now_ms: int) -> None:
        """The deadline has passed."""
        raise AssertionError("an entry is of a kind")


class TimerWheel:
    """Deadlines in slots of 8 ms.

    Units: milliseconds of the monotonic clock; an entry is told at most one slot late.
    """

    __slots__ = ("_heap", "_now_slot", "_slots", "on_earlier")

    def __init__(self) -> None:
        self._now_slot = 0          # of the last `advance`: where that is long ago, slots are coarser and due sooner
        self._slots: dict[int, set[Entry]] = {}
        self._heap: list[int] = []
        self.on_earlier: Callable[[int], None] | None = None    # told when `advance` is needed earlier than `next_ms` said

    def arm(self, entry: Entry, deadline_ms: int) -> None:
        """Set, move or (with 0) drop a deadline."""
        entry.deadline_ms = deadline_ms
        if not deadline_ms:
            return
        slot = deadline_ms // _slot_ms + 1
        if entry.slot:
            if entry.slot <= slot:
                return
            self.forget(entry)
            entry.deadline_ms = deadline_ms
        ahead, width = slot - self._now_slot, 1
        while ahead >= _fine_slots:
            ahead //= 2
            width *= 2
        slot -= slot % width
        entry.slot = slot
        entries = self._slots.get(slot)
        if entries is None:
            self._slots[slot] = {entry}
            heappush(self._heap, slot)
            if self.on_earlier is not None and self._heap[0] == slot:
                self.on_earlier(slot * SLOT_MS)
        else:
            entries.add(entry)

    def forget(self, entry: Entry) -> None:
        """Take the entry out: it is about to be thrown away."""
        entry.deadline_ms = NEVER
        if entry.slot:
            entries = self._slots[entry.slot]
            entries.discard(entry)
            entry.slot = 0

    def next_ms(self) -> int:
        """When `advance` has something to do; NEVER when the wheel is empty."""
        heap = self._heap
        while heap and not self._slots[heap[0]]:
            del self._slots[heappop(heap)]
        return heap[0] * SLOT_MS if heap else NEVER

    def advance(self, now_ms: int) -> None:
        """Tell every entry whose deadline has passed."""
        heap, limit = self._heap, now_ms // SLOT_MS
        self._now_slot = limit
        while heap and heap[0] <= limit:
            due = tuple(self._slots.pop(heappop(heap)))
            for entry in due:
                entry.slot = 0
            for entry in due:
                if entry.slot:              # told by a neighbour of this slot to come back later
                    continue
                deadline_ms = entry.deadline_ms
                if deadline_ms == NEVER:
                    continue
                if deadline_ms > now_ms:
                    self.arm(entry, deadline_ms)
                else:
                    entry.deadline_ms = NEVER
                    entry.deadline_reached(now_ms)
