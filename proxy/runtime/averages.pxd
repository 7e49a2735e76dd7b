cdef long AVERAGE_WINDOW

cdef void average_add(long long* row, long sum_cell, long max_cell, long long samples, long long value) noexcept
