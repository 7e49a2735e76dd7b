from proxy.runtime.counted cimport Counted

cdef class Process(Counted):
    cdef public list frontends, backends
    cdef public object board, log, settings, hard_stop_after_ms
    cdef public str node, description, version
    cdef public long long pid, nbthread, maxconn, bufsize, maxrewrite, http_maxhdr, served, request_counter, listeners_count
    cdef public long long start_monotonic_ms
    cdef public double start_wall_s
    cdef public bint closing
