# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The compiled twin of plain_chunks.py: see there for what is promised.

Each octet of content is copied once, to where it leaves from; a lone piece that leaves as it is, is not copied at all.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer, Py_buffer
from cpython.ref cimport PyObject
from libc.string cimport memcpy, memmove

from proxy.core.http1.chunk_encoder import LAST_CHUNK
from proxy.core.http1.chunk_states import CONTENT, CONTENT_END, DONE, SIZE_LINE, TRAILER

Octets = bytes | memoryview

cdef extern from "Python.h":
    PyObject* new_bytes "PyBytes_FromStringAndSize"(const char* octets, Py_ssize_t length) except NULL
    char* octets_of "PyBytes_AS_STRING"(PyObject* text)
    int _PyBytes_Resize(PyObject** text, Py_ssize_t length) except -1
    void Py_XDECREF(PyObject* text)

cdef int content = CONTENT, content_end = CONTENT_END, done = DONE, size_line = SIZE_LINE, trailer = TRAILER
cdef bytes last_chunk = LAST_CHUNK
cdef const char* DIGITS = "0123456789abcdef"
cdef enum:
    DIGITS_MAX = 15             # of a plain size, which therefore fits 60 bits
    END_OCTETS = 7              # CHUNK_END and LAST_CHUNK

cdef signed char HEX[256]
for _octet in range(256):
    HEX[_octet] = int(chr(_octet), 16) if chr(_octet) in "0123456789abcdefABCDEF" else -1


cdef inline int digits_of(Py_ssize_t number) noexcept:
    """How many hexadecimal digits a positive number has."""
    cdef int digits = 0
    while number:
        digits += 1
        number >>= 4
    return digits


cdef class PlainChunks:
    def __init__(self):
        self.state = size_line

    cpdef walk(self, octets, Py_ssize_t at, bint rechunk):
        cdef Py_buffer buffer
        if at < 0:
            raise ValueError("no such octets")
        PyObject_GetBuffer(octets, &buffer, PyBUF_SIMPLE)
        try:
            return self._walk(octets, <const unsigned char*>buffer.buf, at, buffer.len, rechunk)
        finally:
            PyBuffer_Release(&buffer)

    cdef _walk(self, octets, const unsigned char* start, Py_ssize_t at, Py_ssize_t length, bint rechunk):
        """`walk`, of start[:length], which are the octets."""
        cdef Py_ssize_t size, count = 0, filled = 0, first = 0, first_size = 0
        cdef Py_ssize_t room = length - at          # more content than this there is not
        cdef int head = digits_of(room) + 2         # octets before the content, at most
        cdef PyObject* out = NULL
        cdef char* to = NULL
        try:
            while at < length:
                if self.state == content:
                    size = <Py_ssize_t>min(self.left, <long long>(length - at))         # > 0
                    if count == 0 and not rechunk:
                        first, first_size = at, size
                    else:
                        if out == NULL:
                            out = new_bytes(NULL, head + room + END_OCTETS)
                            to = octets_of(out) + (head if rechunk else 0)
                            if first_size:
                                memcpy(to, start + first, first_size)
                                filled = first_size
                        memcpy(to + filled, start + at, size)           # filled + size <= room
                        filled += size
                    count += 1
                    at += size
                    self.left -= size
                    if not self.left:
                        self.state = content_end
                elif not self._next_size(start, &at, length):
                    break
            self.at = at
            self.chunks += count
            if out == NULL:
                if rechunk:
                    return last_chunk if self.state == done else b""
                return memoryview(octets)[first:first + first_size] if count else b""
            if rechunk:
                filled = self._frame(octets_of(out), head, filled)
            _PyBytes_Resize(&out, filled)
            return <object>out
        finally:
            Py_XDECREF(out)

    cdef bint _next_size(self, const unsigned char* start, Py_ssize_t* at, Py_ssize_t length) noexcept:
        """Go over the lines before the next content, where they are plain and whole; False where there is none to go on with."""
        cdef Py_ssize_t place = at[0], begin
        cdef long long size = 0
        if self.state == content_end:
            if length - place < 2 or start[place] != 13 or start[place + 1] != 10:
                return False
            place += 2
        elif self.state != size_line:
            return False
        begin = place
        while place < length and place - begin < DIGITS_MAX and HEX[start[place]] >= 0:
            size = size << 4 | HEX[start[place]]
            place += 1
        if place == begin or length - place < 2 or start[place] != 13 or start[place + 1] != 10:
            return False
        place += 2
        self.left = size
        if size:
            self.state = content
        else:
            self.state = trailer
            if length - place >= 2 and start[place] == 13 and start[place + 1] == 10:
                self.state = done
                place += 2
        at[0] = place
        return size > 0

    cdef Py_ssize_t _frame(self, char* out, int head, Py_ssize_t filled) noexcept:
        """Put what belongs around the content at out[head:head + filled]: its size before it, its end behind; gives the length of all."""
        cdef int digits = digits_of(filled), place
        cdef Py_ssize_t left = filled
        if digits + 2 < head:
            memmove(out + digits + 2, out + head, filled)
        for place in range(digits - 1, -1, -1):
            out[place] = DIGITS[left & 15]
            left >>= 4
        filled += digits + 2
        memcpy(out + digits, b"\r\n", 2)
        memcpy(out + filled, b"\r\n0\r\n\r\n", END_OCTETS)          # there is room for both ends
        return filled + (END_OCTETS if self.state == done else 2)
