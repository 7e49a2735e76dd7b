# The compiled heads: fields lie as offsets over the received octets until somebody asks for them as a list.

cdef enum:
    SPANS_MAX = 40              # plain heads with more fields are kept as lists
    REPLACED = -1               # `value_end` of a span whose value is an object in `_values`
    REMOVED = -1                # `name_end` of a span that is not written any more

cdef struct Span:
    int name
    int name_end
    int value
    int value_end

cdef class Head:
    cdef public int version_minor
    cdef public long long content_length
    cdef public bint chunked
    cdef public bint keep_alive
    cdef public bytes upgrade
    cdef public Py_ssize_t size
    cdef list _fields           # the pairs, once they are a list; None while they are spans
    cdef bytes _octets          # what the spans point into
    cdef list _values           # of replaced spans
    cdef list _added            # pairs behind the spans
    cdef int _count
    cdef Span _spans[SPANS_MAX]

    cdef list _listed(self)
    cdef bint _is_named(self, int index, const char* name, Py_ssize_t length) noexcept
    cdef bytes _value(self, int index)
    cdef _replace(self, int index, bytes value)
    cpdef bytes get(self, bytes name)
    cpdef list values_of(self, bytes name)
    cpdef replace_values(self, bytes name, list values)
    cpdef append(self, bytes name, bytes value)
    cpdef bytes written(self, bytes start_line, bytes tail)

cpdef bytes request_line(bytes method, bytes target, int minor)
cpdef bytes length_line(long long length)

cdef class RequestHead(Head):
    cdef public bytes method
    cdef public bytes target
    cdef public bytes host
    cdef public bint expect_continue
    cdef public bint te_trailers
    cdef public long long max_forwards

cdef class ResponseHead(Head):
    cdef public int status
    cdef public bytes reason
    cdef public bint no_body
