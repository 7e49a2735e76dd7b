cimport cython

from proxy.core.stream.ports cimport Watched
from proxy.engine.calls cimport Poll

cdef long BATCH

cdef class Readiness:
    cdef Poll _poll
    cdef object _loop, _turn, _settle
    cdef readonly bint is_full, is_telling
    cdef list _watchers
    cdef set _new
    cpdef watch(self, int fd, Watched watcher, unsigned int events)
    cpdef forget(self, int fd)
    cpdef close(self)
    @cython.locals(poll=Poll, watchers=list, new=set, watcher=Watched, index=int, fd=int)
    cdef _tell_each(self, int count)
