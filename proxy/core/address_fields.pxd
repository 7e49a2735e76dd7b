cimport cython

from proxy.core.http1.head cimport RequestHead

cdef class AddressFieldPolicy:
    cdef str _header
    cdef bytes _name
    cdef tuple _nets
    cdef bint _if_none
    cdef readonly dict _lines
    cdef dict _together
    cpdef bytes line(self, RequestHead head, str address)
    cdef bytes _new_line(self, str address)
    @cython.locals(together=AddressFieldPolicy)
    cpdef AddressFieldPolicy after(self, AddressFieldPolicy front)
