cimport cython

from proxy.core.balance.contract cimport Balancer
from proxy.runtime.server cimport Server
from proxy.runtime.turn cimport Turn

cdef class RoundRobin(Balancer):
    cdef public Turn turn
    cdef object _base, _turns
    cdef tuple _servers, _ring
    cdef long long _size, _offset
    @cython.locals(server=Server, at=cython.longlong)
    cpdef Server pick(self, key, Server avoid)
    cdef Server _pick_from(self, long long at, Server avoid)
    cdef Server _pick_uneven(self, Server avoid)
