cimport cython

from proxy.core.balance.contract cimport Balancer
from proxy.core.balance.farm cimport Farm
from proxy.core.cookies cimport CookiePolicy
from proxy.core.stream cimport accounting
from proxy.core.stream.exchange cimport Exchange
from proxy.core.stream.ports cimport Host, Link
from proxy.core.stream.server_connection cimport ServerConnection
from proxy.core.stream.session cimport Session
from proxy.runtime.backend cimport Backend
from proxy.runtime.server cimport Server

cdef long BIN, BOUT, LBTOT, SCUR, SMAX, WREDIS, WRETR
cdef long ASSIGNING, CLOSED, CONNECTING, ESTABLISHED, AWAITING_BODY, NO_FLAG, QUEUED, WAITING, TURN_AROUND_MS

cdef class Stream(Exchange):
    cdef public Session session
    cdef public Host host
    cdef public Backend backend
    cdef public Server server, pinned, preferred, avoid, queued_on
    cdef public ServerConnection connection
    cdef public object queued_in, source
    cdef public int state, retries
    cdef public object flag_request, flag_response
    cdef public bint redispatched, was_reused
    cdef public long long queued_at_ms, queue_mark, server_queue, backend_queue, start_ms, assigned_ms, connected_ms
    cdef public long long octets_in, octets_out, credited_in, credited_out
    @cython.locals(cookie=CookiePolicy)
    cdef prepare(self, Session session, Backend backend, long long start_ms)
    cpdef balance_key(self)
    cpdef server_ready(self, Link link)
    cpdef bint has_responded(self) except -1
    cpdef answer_failure(self, why)
    cpdef ServerConnection idle_connection(self, Server server)
    cpdef server_octets(self, received)
    cpdef server_ended(self)
    cpdef server_lost(self)
    cpdef server_drained(self)
    cpdef enter_backend(self, Backend backend)
    cpdef Server leave_backend(self)
    @cython.locals(server=Server, preferred=Server, farm=Farm)
    cpdef assign(self)
    cdef _wait_in_line(self, Backend backend, Server server)
    cpdef wait(self, long long patience_ms)
    cpdef slot_granted(self, Server server)
    @cython.locals(balancer=Balancer)
    cdef _take_slot(self, Backend backend, Server server)
    @cython.locals(balancer=Balancer, server=Server)
    cdef Server _give_back_slot(self)
    @cython.locals(server=Server)
    cpdef release_slot(self)
    @cython.locals(connection=ServerConnection, server=Server)
    cpdef connect(self)
    cdef bytes _proxy_header(self, Server server)
    cpdef connected(self, Link link)
    cpdef connect_failed(self, bint refused)
    cpdef attempt_failed(self, why)
    cdef bint _goes_elsewhere(self, Backend backend, Server server, why) except -1
    cdef _leave_server(self, Server server)
    cdef _try_again(self)
    cpdef bint waited_too_long(self) except -1
    cpdef drop_connection(self, bint abort=*)
    cpdef shut(self, why)
    cpdef fail(self, why)
    @cython.locals(server=Server, cell=long)
    cdef _count_failure(self, why)
    cpdef server_gone(self, Server server)
    cpdef credit(self)
    cpdef count_times(self, long long response_ms, long long total_ms)
