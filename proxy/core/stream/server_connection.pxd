from proxy.core.stream.ports cimport Host, Link, Reusable, Unseen
from proxy.core.stream.stream cimport Stream
from proxy.runtime.backend cimport Backend
from proxy.runtime.server cimport Server

cdef long H1_BYTES_IN, H1_BYTES_OUT, H1_OPEN_CONNECTIONS, H1_OPEN_STREAMS, H1_TOTAL_CONNECTIONS, H1_TOTAL_STREAMS, USED_CUR, USED_MAX
cdef long H1_SPLICED_BYTES_IN, H1_SPLICED_BYTES_OUT
cdef long CONNECT, REUSE, HEAD_READ_OCTETS, PAUSE_PEER_FULL, NEVER_TAKEN

cdef class ServerConnection(Reusable):
    cdef public Host host
    cdef public Server server
    cdef public Stream stream
    cdef public Link link
    cdef public object attempt, owner_session
    cdef public long long requests, taken_turn
    cdef public bint is_gone, is_private, has_ended
    cdef prepare_connection(self, Host host, Server server, Stream stream)
    cdef _count_use(self, long how)
    cdef _count_rest(self)
    cdef _count_gone(self)
    cpdef connect(self, int port, bytes early)
    cpdef connected(self, Link link)
    cpdef connect_failed(self, bint refused)
    cpdef bint send_http(self, octets) except -1
    cpdef bint send_http_both(self, bytes head, bytes body) except -1
    cpdef taken(self, Stream stream)
    cpdef rest(self)
    cpdef abort(self)
    cdef _idle_ended(self)
