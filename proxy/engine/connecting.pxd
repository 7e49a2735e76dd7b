cimport cython

from proxy.core.stream.ports cimport Connector, Watched
from proxy.engine cimport calls
from proxy.engine.link cimport SocketLink, new_link
from proxy.engine.worker cimport Worker
from proxy.runtime.server cimport Server

cdef long WRITE, FAILED

cdef class Attempt(Watched):
    cdef Worker _worker
    cdef Connector _connector
    cdef object _socket
    cdef bytes _early
    cdef int _fd, _error
    cdef bint _watched
    cdef prepare_attempt(self, Worker worker, Connector connector, bytes early)
    @cython.locals(link=SocketLink)
    cdef _established(self)
    cpdef begin(self, Server server, int port)
    cdef _prepare(self, new, Server server)
    cdef _tell_failed(self, Connector connector, int error)
    cdef _fail_soon(self, int error)
    cpdef cancel(self)
    cdef _drop(self)

@cython.locals(attempt=Attempt)
cpdef Attempt begin_attempt(Worker worker, Connector connector, Server server, int port, bytes early)
