from proxy.runtime.counted cimport Counted

cdef long QCUR, SCUR

cdef class Backend(Counted):
    cdef public str name, kind, description, http_reuse, _connection_mode, log_format_name
    cdef public int iid
    cdef public bint keeps_alive, is_http, disabled, stopped, backup_all, persist, retries_l7, abortonclose, pretend_keepalive, tcpka
    cdef public bint log_health_checks, prefer_last
    cdef public object options, balancer, farm, cookie, retry_on, forwardfor, originalto, stats, log, queue, turn, neighbours
    cdef public list servers
    cdef public tuple request_fields, response_fields, services
    cdef public dict error_pages
    cdef public long long active_count, backup_count, fullconn, retries, redispatch_after, served, sessions
    cdef public long long timeout_connect_ms, timeout_server_ms, timeout_queue_ms, timeout_tunnel_ms, timeout_server_fin_ms
    cdef public long long timeout_http_request_ms
    cdef public long long check_timeout_ms, last_change_ms, down_since_ms
    cpdef long long queued_by_all(self) except -1
    cpdef long long sessions_of_all(self) noexcept
