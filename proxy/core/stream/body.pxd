from proxy.core.http1.chunked cimport ChunkedDecoder

cdef class Body:
    cdef public ChunkedDecoder decoder
    cdef public long long left, extra
    cdef public Py_ssize_t chunks
    cdef public bint done, rechunk
    cpdef feed(self, received)
    cdef _feed_chunked(self, ChunkedDecoder decoder, received)
