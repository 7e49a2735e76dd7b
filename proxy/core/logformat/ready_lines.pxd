from proxy.runtime.log cimport LogRecord

cdef class Line:
    cdef char* _octets
    cdef Py_ssize_t _length, _room
    cdef object _local_second
    cdef long long _second, _limit
    cdef bytes _date
    cdef char* _place(self, Py_ssize_t count) except NULL
    cdef int _put(self, const char* octets, Py_ssize_t count) except -1
    cdef int _put_octet(self, char octet) except -1
    cdef int _put_bytes(self, bytes octets) except -1
    cdef int _put_text(self, str text) except -1
    cdef int _put_number(self, long long number, char after) except -1
    cdef int _put_date(self, double wall_s) except -1
    cdef int _put_ends(self, LogRecord record, double wall_s) except -1
    cdef int _put_loads(self, LogRecord record) except -1
    cdef int _put_cookie(self, octets) except -1
    cdef int _put_headers(self, values) except -1
    cdef int _put_request(self, LogRecord record) except -1
    cdef bytes _written(self)
