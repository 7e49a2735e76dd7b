cimport cython

cdef long long _slot_ms, _fine_slots

cdef class Entry:
    cdef public long long deadline_ms
    cdef public long long slot
    cdef prepare_entry(self)
    cpdef deadline_reached(self, long long now_ms)

cdef class TimerWheel:
    cdef readonly dict _slots
    cdef readonly list _heap
    cdef long long _now_slot
    cdef public object on_earlier
    @cython.locals(slot=cython.longlong, ahead=cython.longlong, width=cython.longlong, entries=set)
    cpdef arm(self, Entry entry, long long deadline_ms)
    @cython.locals(entries=set)
    cpdef forget(self, Entry entry)
    cpdef long long next_ms(self) except -1
    cpdef advance(self, long long now_ms)
