cimport cython

from proxy.core.balance.contract cimport Balancer
from proxy.core.stream cimport accounting, idleness, log_facts
from proxy.core.stream.ports cimport Host, Link
from proxy.core.stream.server_connection cimport ServerConnection
from proxy.core.stream.session cimport Session
from proxy.core.stream.stream cimport Stream
from proxy.runtime.backend cimport Backend
from proxy.runtime.frontend cimport Frontend, Listener
from proxy.runtime.log cimport LogRecord
from proxy.runtime.server cimport Server

cdef long ALL_OCTETS, BIN, PAUSE_NOT_ASKED, PAUSE_PEER_FULL, BODY_READ_OCTETS, HEAD_READ_OCTETS, CREDIT_OCTETS
cdef long CLOSED, ESTABLISHED, NO_FLAG, QUEUED

cdef class TcpSession(Session):
    cdef public TcpStream stream
    @cython.locals(stream=TcpStream)
    cdef prepare_tcp_session(self, Host host, Listener listener, Link link, tuple peer, tuple local)
    cpdef linger(self)

cdef class TcpStream(Stream):
    cdef public bytes early
    cdef public bint client_closed, server_closed, is_over, logged
    cdef public long long patience_ends_ms
    cdef prepare_tcp(self, TcpSession session)
    @cython.locals(balancer=Balancer)
    cpdef balance_key(self)
    cdef _one_side_ended(self)
    cdef _waited(self, long long now_ms)
    cdef tuple _silence_ends(self)
    cdef _arm(self)
    cdef _end(self, why)
    @cython.locals(held=Server, record=LogRecord)
    cdef _log(self, why, Server server)

cdef class HealthSession(Session):
    pass
