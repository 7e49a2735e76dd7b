from proxy.core.balance.contract cimport Balancer
from proxy.runtime.server cimport Server

cdef class RoundRobin(Balancer):
    cdef object _turn, _turns
    cdef tuple _servers, _ring
    cdef long long _size, _offset
    cdef Server _pick_from(self, long long at, Server avoid)
    cdef Server _pick_uneven(self, Server avoid)
