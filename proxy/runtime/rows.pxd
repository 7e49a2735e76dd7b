from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer, Py_buffer


cdef inline long long* cells_of(row, long count) except NULL:
    """A pointer that is good for as long as the row is alive: who keeps the one keeps the other (Counted)."""
    cdef Py_buffer buffer
    PyObject_GetBuffer(row, &buffer, PyBUF_WRITABLE)
    PyBuffer_Release(&buffer)
    if buffer.len < count * 8:
        raise ValueError("a row of the board is too short")
    return <long long*>buffer.buf
