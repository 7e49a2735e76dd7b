from proxy.runtime cimport rows

cdef long CELLS

cdef class Counted:
    cdef object _row, _beside
    cdef long long* cells
    cdef long long* beside
    cdef public long span, stride
    cpdef look_beside(self, beside, long stride, long workers)
    cpdef bint is_shared(self) noexcept
    cpdef long long by_all(self, long cell) noexcept
    cpdef long long by(self, long number, long cell) noexcept
    cpdef void grow(self, long gauge, long peak, long long own) noexcept
