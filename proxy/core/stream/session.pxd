cimport cython

from proxy.core.stream cimport accounting
from proxy.core.stream.ports cimport Host, Link, LinkOwner
from proxy.runtime.frontend cimport Frontend, Listener
from proxy.runtime.process cimport Process
from proxy.runtime.turn cimport Turn

cdef long CONN_CUR, SCUR, SMAX

cdef class Session(LinkOwner):
    cdef public Host host
    cdef public Listener listener
    cdef public Frontend frontend
    cdef public Link link
    cdef public str peer_address, local_address
    cdef public int peer_port, local_port
    cdef public long long accept_ms, client_active_ms, server_active_ms, request_number
    cdef public double accept_wall_s
    cdef public bint closed, gone
    cdef public bytes packed, unique_id
    cdef prepare_session(self, Host host, Listener listener, Link link, tuple peer, tuple local)
    cpdef begin(self)
    cpdef count_session(self)
    cpdef started(self)
    cpdef bint is_idle(self) except -1
    cpdef shut(self, why)
    @cython.locals(requests=Turn)
    cpdef number_request(self)
    cpdef arm(self, long long deadline_ms)
    cpdef finish(self, bint abort=*)
