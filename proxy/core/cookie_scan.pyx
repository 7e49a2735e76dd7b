# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The compiled twin of cookie_scan.py: see there for what is promised."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.string cimport memchr, memcmp, memcpy


cpdef tuple scan(bytes value, bytes name):
    cdef Py_ssize_t length = len(value), size = len(name)
    cdef const char* octets = PyBytes_AS_STRING(value)
    cdef const char* wanted = PyBytes_AS_STRING(name)
    cdef Py_ssize_t part = 0, text, end, place, rest
    cdef Py_ssize_t found = -1, found_end = 0, found_part = 0       # of the cookie: its value, the part with the blanks before it
    cdef const char* semicolon
    cdef char octet
    cdef bytes left
    cdef char* out
    while True:
        semicolon = <const char*>memchr(octets + part, 59, length - part)               # part <= length
        end = length if semicolon == NULL else semicolon - octets
        text = part
        while text < end and octets[text] == 32:
            text += 1
        if text == end or octets[text] == 36 or octets[end - 1] == 32:      # text < end
            return None
        for place in range(text, end):                  # end <= length
            octet = octets[place]
            if octet == 34 or octet == 44 or octet == 9:
                return None
            if octet == 61 and ((place > part and octets[place - 1] == 32) or (place + 1 < end and octets[place + 1] == 32)):
                return None
        if end - text > size and octets[text + size] == 61 and memcmp(octets + text, wanted, size) == 0:
            if found >= 0:
                return None
            found, found_end, found_part = text + size + 1, end, part
        if end == length:
            break
        part = end + 1
    if found < 0:
        return None, value
    if found_part == 0:
        rest = found_end + 1
        while rest < length and octets[rest] == 32:
            rest += 1
        left = PyBytes_FromStringAndSize(octets + rest, length - rest) if found_end < length else None
    elif found_end == length:
        left = PyBytes_FromStringAndSize(octets, found_part - 1)
    else:
        rest = found_end + 1
        while rest < length and octets[rest] == 32:
            rest += 1
        left = PyBytes_FromStringAndSize(NULL, found_part + 1 + length - rest)
        out = PyBytes_AS_STRING(left)
        memcpy(out, octets, found_part)             # with the ";" before the part; found_part < rest <= length
        out[found_part] = 32
        memcpy(out + found_part + 1, octets + rest, length - rest)
    return PyBytes_FromStringAndSize(octets + found, found_end - found), left
