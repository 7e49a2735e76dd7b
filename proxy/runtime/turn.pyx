# cython: language_level=3
"""The compiled twin of turn.py: see there for what is promised."""

import mmap

from proxy.runtime cimport rows

cdef extern from *:
    """
    static inline long long pyproxy_take_turns(long long* cell, long long count) {
        return __atomic_fetch_add(cell, count, __ATOMIC_SEQ_CST);
    }
    static inline long long pyproxy_turn_now(long long* cell) {
        return __atomic_load_n(cell, __ATOMIC_SEQ_CST);
    }
    """
    long long pyproxy_take_turns(long long* cell, long long count) nogil
    long long pyproxy_turn_now(long long* cell) nogil

CELL_OCTETS = 8
LINE_CELLS = 8              # each count has a cache line of its own


cdef class Turn:
    __slots__ = ("is_shared", "pinned")

    def __init__(self, is_shared=False):
        self.is_shared = is_shared
        self.pinned = None

    cpdef long long take(self, long long count=1) except? -1:
        cdef long long turn = self._taken
        self._taken = turn + count
        return turn

    cpdef long long now(self) except? -1:
        return self._taken if self.pinned is None else self.pinned

    def fileno(self):
        return -1

    def close(self):
        pass


cdef class SharedTurn(Turn):
    __slots__ = ()

    def __init__(self, cells):
        Turn.__init__(self, True)
        self._cell = rows.cells_of(cells, 1)
        self._cells = cells             # keeps the mapping alive, and so the pointer good

    cpdef long long take(self, long long count=1) except? -1:
        return pyproxy_take_turns(self._cell, count)

    cpdef long long now(self) except? -1:
        return pyproxy_turn_now(self._cell) if self.pinned is None else self.pinned


def shared_turns(count):
    cells = memoryview(mmap.mmap(-1, max(1, count) * LINE_CELLS * CELL_OCTETS)).cast("q")
    return [SharedTurn(cells[place * LINE_CELLS : (place + 1) * LINE_CELLS]) for place in range(count)]
