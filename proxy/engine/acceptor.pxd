cimport cython

from proxy.core.stream.ports cimport Link, Watched
from proxy.engine cimport calls
from proxy.engine.worker cimport Worker
from proxy.runtime.frontend cimport Frontend, Listener
from proxy.runtime.process cimport Process

cdef long READ, ACCEPTS_PER_EVENT, ACCEPTS_AT_LAST

cdef class Acceptor(Watched):
    cdef Worker _worker
    cdef public object socket
    cdef int _family
    cdef tuple _local
    cdef int _fd
    cdef readonly bint _open
    cdef bint _leaving, _is_wildcard
    cdef public Listener listener
    cpdef open(self)
    cpdef rest(self, long long wake_ms=*)
    cpdef close(self)
    cpdef ready(self, int events)
    cdef _acceptable(self)
    cdef bint _may_accept(self) except -1
    @cython.locals(link=Link, worker=Worker)
    cdef _open_session(self, accepted, peer, Listener listener)
