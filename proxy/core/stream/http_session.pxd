cimport cython

from proxy.core.http1 cimport reader, writer
from proxy.core.http1.head cimport RequestHead
from proxy.core.http1.limits cimport Limits
from proxy.core.stream cimport accounting, http_edit
from proxy.core.stream.exchange cimport Exchange
from proxy.core.stream.ports cimport Host, Link, Unseen
from proxy.core.stream.server_connection cimport ServerConnection
from proxy.core.stream.session cimport Session
from proxy.runtime.backend cimport Backend
from proxy.runtime.frontend cimport Frontend, Listener

cdef long H1_SPLICED_BYTES_IN
cdef long BIN, BOUT, EREQ, H1_OPEN_CONNECTIONS, H1_OPEN_STREAMS, H1_TOTAL_CONNECTIONS, H1_TOTAL_STREAMS, INTERCEPTED
cdef long PAUSE_NOT_ASKED, HEAD_READ_OCTETS, HEADS_IN_A_TURN, LINGER_MS, LINGER_OCTETS, NO_FLAG

cdef class HttpSession(Session):
    cdef public Limits limits
    cdef public bytes buffer
    cdef public object unfinished
    cdef bint _gather(self, bytes octets) except -1
    cdef public Exchange stream
    cdef public RequestHead head
    cdef public ServerConnection private
    cdef public long long requests, request_began_ms, request_ended_ms, idle_since_ms, linger_octets
    cdef public bint keep, half_closed, lingering, reading
    cdef public object captured_cookie, captured_request
    cdef prepare_http_session(self, Host host, Listener listener, Link link, tuple peer, tuple local, Limits limits)
    cdef bint _may_leave_silently(self) except -1
    cdef _arm_for_request(self, long long patience_ms)
    cpdef read_heads(self)
    @cython.locals(head=RequestHead, size=Py_ssize_t)
    cdef bint _read_head(self) except -1
    @cython.locals(stream=Exchange)
    cdef _begin(self, RequestHead head)
    cdef _service(self, RequestHead head, Backend backend)
    cpdef long send_own(self, int status, RequestHead head, bint keep, Backend backend=*) except -1
    cdef _refuse(self, why, int status)
    cpdef stream_over(self, bint keep)
    cdef _leave_stream(self)
    cpdef linger(self)
    cdef _answered(self, bint keep, RequestHead head)
    cdef _answer_monitor(self, RequestHead head)
    cdef _answer_last_hop(self, RequestHead head)
