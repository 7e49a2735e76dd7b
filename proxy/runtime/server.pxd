from proxy.runtime.backend cimport Backend
from proxy.runtime.counted cimport Counted

cdef long QCUR, QUEUE_HEAD_MS, SCUR

cdef class Server(Counted):
    cdef public Backend backend
    cdef public str name
    cdef public object address, sockaddr, port_offset, source, check, check_result, track, idle
    cdef public object _operational, _admin
    cdef public bytes cookie
    cdef public bint is_backup, disabled, is_up, check_disabled, per_client
    cdef public int sid, index, socket_family, maxconn, minconn, maxqueue, send_proxy, configured_weight, user_weight, weight_now
    cdef public int ramp, rise, fall, health, error_limit, consecutive_errors, pool_max_conn, pool_low_conn, max_reuse
    cdef public long long slowstart_ms, last_change_ms, down_since_ms, pool_purge_delay_ms, served
    cdef public str resolve_error, observe, on_error, on_marked_down, on_marked_up
    cdef public list tracked_by
    cdef public object queue
    cpdef long long served_by_all(self) noexcept
    cpdef long long queued_by_all(self) except -1
    cpdef long dynamic_maxconn(self) except -1
    cpdef bint is_full(self) except -1
    cpdef bint is_awaited(self) except -1
