cdef class Exchange:
    cpdef begin(self)
    cpdef client_octets(self, received)
    cpdef client_ended(self)
    cpdef client_lost(self)
    cpdef client_drained(self)
    cpdef deadline_reached(self, long long now_ms)
    cpdef shut(self, why)
