from proxy.core.stream.ports cimport Unseen
from proxy.engine cimport calls

cdef class Pipe(Unseen):
    cdef int _read_end, _write_end
    cdef readonly Py_ssize_t left, size
    cdef readonly bint is_given_up
    cdef Py_ssize_t _count, _poured
    cdef bytes _memory
    cdef long long _next_try_ms
    cpdef Py_ssize_t fill(self, int fd, Py_ssize_t most, long long now_ms) except -1
    cpdef Py_ssize_t pour(self, int fd) except -1
    cpdef bytes rest(self)
    cpdef clear(self)
    cpdef give_up(self)
    cdef bint _open(self, long long now_ms) except -1
    cdef _close(self)
