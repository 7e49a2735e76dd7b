cimport cython

from proxy.core.stream cimport opening
from proxy.core.stream.ports cimport Host, Link, Watched
from proxy.core.stream.session cimport Session
from proxy.engine cimport calls
from proxy.engine.calls cimport Scratch
from proxy.engine.piping cimport Pipe
from proxy.engine.readiness cimport Readiness
from proxy.runtime.frontend cimport Listener
from proxy.runtime.process cimport Process

cdef long LONGEST_TURN_MS
cdef long BLOCKED, CONN_CUR, CONN_TOT, EINT, RESTING

cdef class Worker(Host):
    cdef public object clock, on_stopped, say, loop
    cdef public Scratch scratch
    cdef public Pipe pipe
    cdef public set sessions, closing_links, _told_faults
    cdef public long long broken_invariants
    cdef public bint verbose
    cdef public Py_ssize_t room, large_octets
    cdef public object witness
    cdef public Readiness readiness
    cdef public object _limits, _tick
    cdef public object neighbours, orders
    cdef public dict _waiting
    cdef public list _acceptors, _sockets, _soon, _attempts_over
    cdef public bint _soon_planned, _stopped
    cdef public long long _exhaustion_told_ms, clients_max, next_look_ms
    cdef public object starving
    cdef long long _tick_due_ms, _began_ms, _ended_ms
    cdef _turn_over(self)
    cdef _plan_turn(self)
    cpdef attempt_over(self, Watched attempt)
    @cython.locals(attempt=Watched)
    cpdef tell_of_attempts(self)
    cdef _held_up(self, long long held_ms)
    cpdef client_link(self, connected)
    cpdef link_closed(self, link)
    @cython.locals(watched=Watched)
    cdef _run_soon(self)
    @cython.locals(session=Session, process=Process)
    cpdef open_session(self, Listener listener, Link link, tuple peer, tuple local)
    @cython.locals(session=Session)
    cpdef broken(self, where, error)
