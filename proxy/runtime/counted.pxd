from proxy.runtime cimport rows

cdef long CELLS

cdef class Counted:
    cdef object _row
    cdef long long* cells
