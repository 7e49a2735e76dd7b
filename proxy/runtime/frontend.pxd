from proxy.runtime.backend cimport Backend
from proxy.runtime.counted cimport Counted

cdef long SCUR

cdef class Listener(Counted):
    cdef public Frontend frontend
    cdef public str name
    cdef public object address, bind, bound
    cdef public bint accept_proxy, paused
    cdef public long long lid, maxconn, backlog, served
    cpdef long long served_by_all(self) noexcept

cdef class Frontend(Counted):
    cdef public str name, kind, description, _connection_mode
    cdef public int iid
    cdef public bint keeps_alive, closes, is_http, is_health, disabled, stopped, paused, log_backend_source, logasap, dontlognull, dontlog_normal
    cdef public bint log_separate_errors, tcpka
    cdef public object options, forwardfor, originalto, capture_cookie, stats, log, unique_id
    cdef public list listeners
    cdef public Backend backend
    cdef public tuple request_fields, response_fields, capture_request_headers, capture_response_headers, services
    cdef public dict error_pages
    cdef public bytes monitor_uri
    cdef public long long maxconn, backlog, rate_limit_sessions, log_count, served, last_change_ms
    cdef public long long timeout_client_ms, timeout_client_fin_ms, timeout_tunnel_ms, timeout_http_request_ms
    cdef public long long timeout_http_keep_alive_ms
    cpdef long long served_by_all(self) noexcept
