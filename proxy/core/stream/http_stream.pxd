cimport cython

from proxy.core.http1 cimport reader, writer
from proxy.core.http1.head cimport RequestHead, ResponseHead
from proxy.core.stream cimport accounting, http_edit
from proxy.core.stream.body cimport Body
from proxy.core.stream.http_request cimport HttpRequest
from proxy.core.stream.http_session cimport HttpSession
from proxy.core.stream.ports cimport Host, Link, Unseen, seen
from proxy.core.stream.server_connection cimport ServerConnection
from proxy.runtime.backend cimport Backend
from proxy.runtime.frontend cimport Frontend
from proxy.runtime.server cimport Server

cdef long H1_SPLICED_BYTES_OUT
cdef long ALL_OCTETS, REQ_TOT, ESTABLISHED, PAUSE_NOT_ASKED, PAUSE_PEER_FULL, BODY_READ_OCTETS, HEAD_READ_OCTETS, UNTIL_CLOSE
cdef long UNAUTHORIZED, PROXY_UNAUTHORIZED, SWITCHING_PROTOCOLS, CONTINUE, JOIN_OCTETS, CREDIT_OCTETS, MANY_CHUNKS, BAD_GATEWAY
cdef long AWAITING_BODY, CHUNKED_READ_OCTETS

cdef class HttpStream(HttpRequest):
    @cython.locals(session=HttpSession, head=ResponseHead, buffer=bytes, at=Py_ssize_t, left=Py_ssize_t)
    cdef _read_heads(self, whole)
    cdef _put_off(self, bytes rest)
    cdef bint _gather(self, bytes octets) except -1
    cdef _interim(self, ResponseHead head)
    @cython.locals(session=HttpSession, body=Body)
    cdef _begin_response(self, ResponseHead head, rest)
    @cython.locals(body=Body)
    cdef _let_pass(self)
    cdef _count_head(self, Server server, int status)
    cdef bint _wants_retry(self, Backend backend, int status) except -1
    @cython.locals(session=HttpSession)
    cdef bint _frame_response(self, ResponseHead head, rest) except -1
    @cython.locals(body=Body)
    cdef _send_first(self, bytes octets, rest)
    cdef _send_both(self, bytes octets, part)
    cdef _response_octets(self, Body body, received)
    cdef _after_body(self, Body body)
    @cython.locals(session=HttpSession, taken=bint, frontend=Frontend)
    cdef _to_client(self, octets)
    cdef _sent_to_client(self, bint taken)
    @cython.locals(session=HttpSession)
    cdef _response_complete(self)
    @cython.locals(session=HttpSession)
    cdef _begin_tunnel(self)
    cdef _client_cut(self)
    cdef _end_client_side(self)
    cdef bint _may_repeat(self) except -1
    cdef bint _was_stale(self, why) except -1

@cython.locals(stream=HttpStream)
cpdef HttpStream new_stream(HttpSession session, Backend backend, RequestHead head)
