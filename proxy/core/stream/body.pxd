from proxy.core.http1.chunked cimport ChunkedDecoder
from proxy.core.stream.ports cimport seen

cdef long ALL_OCTETS

cdef class Body:
    cdef public ChunkedDecoder decoder
    cdef public long long left, extra
    cdef public Py_ssize_t chunks
    cdef public bint done, rechunk
    cpdef long long unseen(self) except -1
    cpdef feed(self, received)
    cdef _feed_chunked(self, ChunkedDecoder decoder, received)
