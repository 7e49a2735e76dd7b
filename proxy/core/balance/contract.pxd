from proxy.core.http1.head cimport RequestHead
from proxy.runtime.server cimport Server

cdef class Balancer:
    cdef public str algorithm
    cdef public bint needs_key, searches_body
    cdef public long long since
    cpdef Server pick(self, key, Server avoid)
    cpdef opened(self, Server server)
    cpdef closed(self, Server server)
