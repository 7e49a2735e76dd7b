from proxy.core.timers cimport Entry, TimerWheel
from proxy.runtime.process cimport Process

cdef class Unseen:
    cpdef Py_ssize_t passed(self) except -1

cpdef seen(received)

cdef class Watched(Entry):
    cpdef ready(self, int events)
    cpdef settle(self)

cdef class Link(Watched):
    cdef public object owner
    cdef public Py_ssize_t pending
    cdef public bint is_filled
    cdef public long long taken_ms
    cdef prepare_link(self)
    cpdef belongs_to(self, owner)
    cpdef bint send(self, octets) except -1
    cpdef bint send_both(self, bytes first, then) except -1
    cpdef pause(self, int cause)
    cpdef resume(self, int cause)
    cpdef limit_reads(self, Py_ssize_t octets)
    cpdef read_for(self, Link taker, long long unseen)
    cpdef pass_unseen(self, long long octets)
    cpdef Py_ssize_t takes_at_once(self) except -1
    cpdef end_writing(self)
    cpdef close(self)
    cpdef abort(self)
    cpdef local_address(self)
    cpdef bint is_alive(self) except -1

cdef class LinkOwner(Entry):
    cpdef octets(self, received)
    cpdef ended(self)
    cpdef lost(self)
    cpdef drained(self)

cdef class Connector(LinkOwner):
    cpdef connected(self, Link link)
    cpdef connect_failed(self, bint refused)

cdef class Reusable(Connector):
    cdef public bint is_safe
    cdef prepare_reusable(self)
    cpdef discard(self)

cdef class Host:
    cdef public long long now_ms, turns
    cdef public bint more_is_ready
    cdef public TimerWheel timers
    cdef public Process process
    cdef public object server_failed
    cdef public object server_answered
    cdef public object server_connected
    cpdef double wall_s(self) except *
    cpdef connect(self, server, owner, int port, bytes early)
    cpdef session_over(self, session)
    cpdef session_replaced(self, old, new)
    cpdef soon(self, whom)
    cpdef broken(self, where, error)
