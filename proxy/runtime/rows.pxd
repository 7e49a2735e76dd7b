from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer, Py_buffer


cdef inline long long* cells_of(row, long count) except NULL:
    """A pointer that is good for as long as the row is alive: who keeps the one keeps the other (Counted)."""
    cdef Py_buffer buffer
    cdef long long* cells
    cdef Py_ssize_t octets
    PyObject_GetBuffer(row, &buffer, PyBUF_WRITABLE)
    cells = <long long*>buffer.buf
    octets = buffer.len
    PyBuffer_Release(&buffer)
    if octets < count * 8:
        raise ValueError("a row of the board is too short")
    return cells
