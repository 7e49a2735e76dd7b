cimport cython

from proxy.core.http1.head cimport RequestHead, ResponseHead
from proxy.core.pool cimport IdlePool
from proxy.core.stream cimport accounting, idleness, log_facts
from proxy.core.stream.body cimport Body
from proxy.core.stream.http_session cimport HttpSession
from proxy.core.stream.ports cimport Host, Link
from proxy.core.stream.server_connection cimport ServerConnection
from proxy.core.stream.stream cimport Stream
from proxy.runtime.backend cimport Backend
from proxy.runtime.frontend cimport Frontend
from proxy.runtime.log cimport LogRecord
from proxy.runtime.server cimport Server

cdef long BOUT, CLI_ABRT, REQ_TOT, CLOSED, ESTABLISHED, NOT_ANSWERED, NOT_REACHED

cdef class HttpEnd(Stream):
    cdef public RequestHead head
    cdef public ResponseHead response
    cdef public Body request_body, response_body
    cdef public bytes extra, response_buffer
    cdef public list outbox
    cdef public long long outbox_octets, response_ms, interims
    cdef public int status
    cdef public bint request_done, body_begun, may_replay, fresh_only, response_done, responded, continued, server_keeps
    cdef public bint until_close, spoiled, tunnel, client_side_closed, is_over, logged
    cdef public object captured_response, captured_set_cookie, unfinished
    cdef prepare_http(self, HttpSession session, Backend backend, RequestHead head)
    @cython.locals(session=HttpSession)
    cpdef arm_activity(self)
    cdef tuple _next_expiry(self)
    cdef bint _awaits_server(self, ServerConnection connection) except -1
    cdef _client_late(self)
    cpdef long long cookie_time_s(self, bint exactly) except -1
    cpdef server_failed(self, why)
    @cython.locals(freed=Server)
    cpdef abandon(self)
    @cython.locals(session=HttpSession, freed=Server)
    cpdef finish_exchange(self)
    @cython.locals(session=HttpSession, pool=IdlePool)
    cdef _return_connection(self)
    @cython.locals(session=HttpSession)
    cdef _part(self, why, bint answered, bint keep)
    cdef _count_own_octets(self, long octets)
    cdef _count_response(self)
    @cython.locals(session=HttpSession, held=Server, record=LogRecord)
    cpdef log(self, why, Server server=*)
