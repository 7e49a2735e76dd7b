from proxy.core.stream.ports cimport Connector
from proxy.engine cimport calls
from proxy.engine.worker cimport Worker
from proxy.runtime.server cimport Server

cdef long WRITE, FAILED

cdef class Attempt:
    cdef Worker _worker
    cdef Connector _connector
    cdef object _socket
    cdef bytes _early
    cdef int _fd, _error
    cdef bint _watched
    cpdef begin(self, Server server, int port)
    cdef _prepare(self, new, Server server)
    cpdef ready(self, int events)
    cdef _tell_failed(self, Connector connector, int error)
    cdef _fail_soon(self, int error)
    cpdef cancel(self)
    cdef _drop(self)
