from proxy.runtime.counted cimport Counted

cdef long PERIOD_MS

cpdef void rate_add(Counted counted, long at, long rate_max, long long now_ms) noexcept
cdef void _begin_second(Counted counted, long at, long rate_max, long long second) noexcept
cpdef long long rate_by_all(Counted counted, long at, long long now_ms) noexcept
