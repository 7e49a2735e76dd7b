cimport cython

from proxy.core.balance.contract cimport Balancer
from proxy.core.cookies cimport CookiePolicy
from proxy.core.http1 cimport writer
from proxy.core.pool cimport IdlePool
from proxy.core.stream cimport http_edit
from proxy.core.stream.body cimport Body
from proxy.core.stream.http_end cimport HttpEnd
from proxy.core.stream.http_session cimport HttpSession
from proxy.core.stream.ports cimport Host, Link
from proxy.core.stream.server_connection cimport ServerConnection
from proxy.runtime.backend cimport Backend
from proxy.runtime.frontend cimport Frontend
from proxy.runtime.server cimport Server

cdef long BODY_READ_OCTETS, CHUNKED_READ_OCTETS, COPIED_OCTETS, ESTABLISHED, HEAD_READ_OCTETS, MANY_CHUNKS, PAUSE_NOT_ASKED, PAUSE_PEER_FULL
cdef long AWAITING_BODY

cdef class HttpRequest(HttpEnd):
    @cython.locals(cookie=CookiePolicy, session=HttpSession)
    cpdef begin(self)
    @cython.locals(balancer=Balancer)
    cdef bint _awaits_body(self) except -1
    @cython.locals(frontend=Frontend)
    cdef bint _is_buffered(self, Backend backend) except -1
    @cython.locals(session=HttpSession)
    cdef _await_body(self)
    cdef _is_not_whole(self)
    @cython.locals(session=HttpSession, frontend=Frontend)
    cdef long long _body_due_ms(self) except -1
    cdef _body_came(self)
    cpdef bint waited_too_long(self) except -1
    @cython.locals(balancer=Balancer)
    cdef _prefer_last(self, ServerConnection connection, Backend backend)
    @cython.locals(session=HttpSession)
    cdef _keep_for_later(self, received)
    cdef _request_octets(self, Body body, received)
    cdef _request_body_bad(self)
    @cython.locals(session=HttpSession)
    cdef _body_octets(self, octets)
    cdef _to_server(self, octets)
    @cython.locals(balancer=Balancer)
    cpdef balance_key(self)
    @cython.locals(pool=IdlePool, session=HttpSession, connection=ServerConnection, private=ServerConnection)
    cpdef ServerConnection idle_connection(self, Server server)
    cdef bint _keeps_server(self, Backend backend) except -1
