cimport cython

from proxy.core.http1.head cimport RequestHead, ResponseHead
from proxy.core.stream cimport accounting
from proxy.core.stream.body cimport Body
from proxy.core.stream.exchange cimport Exchange
from proxy.core.stream.http_session cimport HttpSession
from proxy.runtime.backend cimport Backend
from proxy.runtime.frontend cimport Frontend

cdef long BIN, BOUT, INTERCEPTED, REQ_TOT, SCUR, SMAX, PAUSE_NOT_ASKED, NO_FLAG

cdef class ServiceStream(Exchange):
    cdef public HttpSession session
    cdef public RequestHead head
    cdef public object service
    cdef public int status
    cdef public bint is_over
    cdef Backend _backend
    cdef object _captured, _pending, _pieces
    cdef bytes _body
    cdef Body _incoming
    cdef bint _chunked, _pumping
    cdef long long _octets_in, _octets_out
    cdef _unread(self, str problem)
    cdef _respond(self, bytes body, str problem)
    cdef _send_head(self, answer)
    cdef _pump(self)
    cdef _send(self, bytes octets)
    cpdef fail(self, why)
    cdef _finish(self, why)
    cdef _end(self, why)
    @cython.locals(backend=Backend)
    cdef _count_backend(self, Frontend frontend)
