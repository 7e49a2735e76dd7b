cdef class Limits:
    cdef readonly Py_ssize_t head, start_line, fields, leading_lines
    cdef readonly bint payload_with_any_method
