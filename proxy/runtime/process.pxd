from proxy.runtime.counted cimport Counted
from proxy.runtime.turn cimport Turn

cdef long CONN_CUR

cdef class Process(Counted):
    cdef public list frontends, backends, named_servers
    cdef public Turn requests, traces
    cdef public object board, log, settings, hard_stop_after_ms
    cdef public str node, description, version
    cdef public long long pid, nbthread, maxconn, hard_maxconn, bufsize, maxrewrite, http_maxhdr, served, listeners_count
    cdef public long long start_monotonic_ms
    cdef public double start_wall_s
    cdef public bint closing, may_splice
    cpdef long long served_by_all(self) noexcept
