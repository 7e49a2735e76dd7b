cdef class Envelope:
    cdef public str name
    cdef public long facility
    cdef public long pid
    cdef bytes _tag, _host, _pattern
    cdef bint _micro
    cdef object _dates
    cdef long long _second
    cdef dict _heads
    cpdef bytes head(self, long level, double wall_s)
    cpdef forget(self)
    cdef bytes _make(self, long level, long long second)
