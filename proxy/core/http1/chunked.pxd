cdef long SIZE_LINE, CONTENT, CONTENT_END, TRAILER, DONE

cdef class ChunkedDecoder:
    cdef public int status
    cdef public bint done
    cdef public Py_ssize_t leftover
    cdef public list trailers
    cdef int _state
    cdef long long _left
    cdef bytes _line
    cdef long _trailer_octets
    cpdef list feed(self, octets)
    cdef list _feed(self, view, Py_ssize_t length)
    cdef Py_ssize_t _read_line(self, view, Py_ssize_t at, Py_ssize_t length) except -1
