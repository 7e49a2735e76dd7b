cimport cython

from proxy.core.stream.ports cimport Reusable
from proxy.core.timers cimport Entry, TimerWheel
from proxy.runtime.server cimport Server

cdef long IDLE_CUR, SAFE_CUR

cdef class IdlePool(Entry):
    cdef readonly list connections
    cdef long long _limit, _purge_delay_ms
    cdef Server _server
    cdef TimerWheel _timers
    @cython.locals(connection=Reusable)
    cpdef bint put(self, Reusable connection, long long now_ms) except -1
    @cython.locals(connection=Reusable)
    cpdef take(self, str reuse, bint is_first)
    cpdef remove(self, Reusable connection)
    cpdef clear(self)
    cdef _count(self, Reusable connection, int step)
    cdef _last_safe(self)
