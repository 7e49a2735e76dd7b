cdef long PERIOD_MS

cdef void rate_add(long long* row, long at, long rate_max, long long now_ms) noexcept
