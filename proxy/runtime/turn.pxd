cdef class Turn:
    cdef long long _taken
    cdef readonly bint is_shared
    cdef public object pinned
    cpdef long long take(self, long long count=*) except? -1
    cpdef long long now(self) except? -1

cdef class SharedTurn(Turn):
    cdef object _cells
    cdef long long* _cell
