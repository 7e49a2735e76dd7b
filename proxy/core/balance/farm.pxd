from proxy.core.balance.contract cimport Balancer
from proxy.runtime.backend cimport Backend
from proxy.runtime.server cimport Server

cdef class Farm:
    cdef Backend _backend
    cdef Balancer _balancer
    cdef Server _backup
    cpdef Server pick(self, key, Server avoid)
    cpdef changed(self)
    cpdef bint offers_another(self, Server server) except -1
