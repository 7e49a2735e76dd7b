from proxy.core.http1.plain_chunks cimport PlainChunks

cdef long SIZE_LINE, CONTENT, CONTENT_END, TRAILER, DONE

cdef class ChunkedDecoder(PlainChunks):
    cdef public int status
    cdef public bint done
    cdef public Py_ssize_t leftover
    cdef public list trailers
    cdef bytes _line
    cdef long _trailer_octets
    cpdef feed(self, octets)
    cpdef rechunk(self, octets)
    cdef _feed(self, octets, bint rechunk)
    cdef _judge(self, octets, before, bint rechunk)
    cdef Py_ssize_t _read_line(self, view, Py_ssize_t at, Py_ssize_t length) except -1
