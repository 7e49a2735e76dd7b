cdef class LogRecord:
    cdef public double accept_wall_s, request_wall_s
    cdef public str client_address, frontend_address, backend_address, server_address, server_name
    cdef public long client_port, frontend_port, backend_port, server_port, status, retries
    cdef public object frontend, listener, backend, server
    cdef public bint is_tls, logasap, bad_request, redispatched, is_error
    cdef public long long handshake_ms, idle_ms, request_ms, queue_ms, connect_ms, response_ms, data_ms, active_ms, total_ms
    cdef public long long octets_in, octets_out, process_connections, frontend_connections, backend_connections
    cdef public long long server_connections, server_queue, backend_queue, request_counter
    cdef public bytes termination, method, target, version, unique_id
    cdef public object captured_request_cookie, captured_response_cookie, captured_request_headers, captured_response_headers
