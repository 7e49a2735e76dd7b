from proxy.runtime cimport averages, rates
from proxy.runtime.counted cimport Counted

cdef long CONN_CUR, CONN_MAX, CONN_RATE_AT, CONN_RATE_MAX, CONN_TOT, CTIME_MAX, CTIME_SUM, HRSP_1XX, HRSP_OTHER, LASTSESS_MS
cdef long QTIME_MAX, QTIME_SUM, RATE_AT, RATE_MAX, REQ_RATE_AT, REQ_RATE_MAX, REQ_TOT, RTIME_MAX, RTIME_SUM, STOT
cdef long TIME_SAMPLES, TTIME_MAX, TTIME_SUM

cdef void connection_opened(Counted counted, long long now_ms) noexcept
cdef void session_opened(Counted counted, long long now_ms) noexcept
cdef void stream_given(Counted counted, long long now_ms) noexcept
cdef void request_received(Counted counted, long long now_ms) noexcept
cdef long response_cell(long status) noexcept
cdef void response_counted(long long* row, long status) noexcept
cdef void times_counted(
    long long* row, long long queue_ms, long long connect_ms, long long response_ms, long long total_ms) noexcept
