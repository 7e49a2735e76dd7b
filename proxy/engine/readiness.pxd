cdef long BATCH

cdef class Readiness:
    cdef object _epoll, _loop, _turn
    cdef dict _watchers
    cdef set _new
    cpdef watch(self, int fd, watcher, long events)
    cpdef forget(self, int fd)
    cpdef close(self)
