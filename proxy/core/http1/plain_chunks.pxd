cdef class PlainChunks:
    cdef public int state
    cdef public long long left
    cdef public Py_ssize_t at, chunks
    cpdef walk(self, octets, Py_ssize_t at, bint rechunk)
    cdef _walk(self, octets, const unsigned char* start, Py_ssize_t at, Py_ssize_t length, bint rechunk)
    cdef bint _next_size(self, const unsigned char* start, Py_ssize_t* at, Py_ssize_t length) noexcept
    cdef Py_ssize_t _frame(self, char* out, int head, Py_ssize_t filled) noexcept
