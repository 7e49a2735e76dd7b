# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The compiled twin of head.py: see there for what is promised.

Octets that come as arguments are measured by `len`, which refuses None; those that were measured once are read as they are.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport uint64_t
from libc.string cimport memchr, memcpy

from proxy.base.errors import LocalProtocolError

NO_LENGTH = -1
Fields = list[tuple[bytes, bytes]]

cdef unsigned char LOWER[256]
for _octet in range(256):
    LOWER[_octet] = _octet + 32 if 65 <= _octet <= 90 else _octet


cdef inline bint is_one_line(bytes text) noexcept:
    """No CR, LF or NUL: what came in was checked when it was read, what is put in is checked here."""
    cdef const char* octets = PyBytes_AS_STRING(text)
    cdef Py_ssize_t length = PyBytes_GET_SIZE(text)
    return not (memchr(octets, 10, length) or memchr(octets, 13, length) or memchr(octets, 0, length))


cdef inline char* put(char* out, bytes text) noexcept:
    memcpy(out, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text))
    return out + PyBytes_GET_SIZE(text)


cdef inline char* put_lower(char* out, const unsigned char* octets, Py_ssize_t length) noexcept:
    """A field name, its capitals as small letters; eight octets at a time, and the last ones one by one."""
    cdef uint64_t word, low
    cdef Py_ssize_t place = 0
    while length - place >= 8:
        memcpy(&word, octets + place, 8)
        # "A" to "Z" have the high bit after the first addition and not after the second; octets of a name are below 0x80
        low = word & <uint64_t>0x7f7f7f7f7f7f7f7f
        low = (low + <uint64_t>0x3f3f3f3f3f3f3f3f) & ~(low + <uint64_t>0x2525252525252525) & <uint64_t>0x8080808080808080
        word |= low >> 2
        memcpy(out + place, &word, 8)
        place += 8
    while place < length:
        out[place] = <char>LOWER[octets[place]]
        place += 1
    return out + length


cdef inline char* put_end(char* out) noexcept:
    out[0] = 13
    out[1] = 10
    return out + 2


cdef inline char* put_colon(char* out) noexcept:
    out[0] = 58
    out[1] = 32
    return out + 2


cdef class Head:
    __slots__ = ("chunked", "content_length", "fields", "keep_alive", "size", "upgrade", "version_minor")

    def __cinit__(self):
        self.version_minor = 1
        self.content_length = -1
        self.keep_alive = True
        self.upgrade = b""

    @property
    def fields(self):
        return self._listed()

    @fields.setter
    def fields(self, list pairs not None):
        self._fields = pairs
        self._octets = None
        self._values = self._added = None
        self._count = 0

    cdef list _listed(self):
        """The pairs; from here on they are a list."""
        cdef list pairs
        cdef int index
        cdef Span* span
        cdef bytes name
        if self._fields is None:
            pairs = []
            for index in range(self._count):
                span = &self._spans[index]
                if span.name_end != REMOVED:
                    name = PyBytes_FromStringAndSize(PyBytes_AS_STRING(self._octets) + span.name, span.name_end - span.name)
                    pairs.append((name.lower(), self._value(index)))
            if self._added is not None:
                pairs.extend(self._added)
            self._fields = pairs
            self._octets = None
            self._values = self._added = None
            self._count = 0
        return self._fields

    cdef bint _is_named(self, int index, const char* name, Py_ssize_t length) noexcept:
        # `index` < _count, and a span lies inside _octets: fast.pyx made it so
        cdef Span* span = &self._spans[index]
        cdef const unsigned char* octets
        cdef Py_ssize_t place
        if span.name_end - span.name != length:
            return False
        octets = <const unsigned char*>PyBytes_AS_STRING(self._octets) + span.name
        for place in range(length):
            if LOWER[octets[place]] != <unsigned char>name[place]:
                return False
        return True

    cdef bytes _value(self, int index):
        cdef Span* span = &self._spans[index]
        if span.value_end == REPLACED:
            return <bytes>self._values[span.value]              # where `_replace` has put it
        return PyBytes_FromStringAndSize(PyBytes_AS_STRING(self._octets) + span.value, span.value_end - span.value)

    cpdef bytes get(self, bytes name):
        cdef int index
        cdef tuple pair
        cdef bytes key, value
        cdef Py_ssize_t length = len(name)
        cdef const char* wanted = PyBytes_AS_STRING(name)
        for index in range(self._count):
            if self._is_named(index, wanted, length):
                return self._value(index)
        for pair in (self._fields if self._fields is not None else self._added if self._added is not None else ()):
            key, value = pair
            if key == name:
                return value
        return None

    cpdef list values_of(self, bytes name):
        cdef int index
        cdef tuple pair
        cdef bytes key, value
        cdef list values = []
        cdef Py_ssize_t length = len(name)
        cdef const char* wanted = PyBytes_AS_STRING(name)
        for index in range(self._count):
            if self._is_named(index, wanted, length):
                values.append(self._value(index))
        for pair in (self._fields if self._fields is not None else self._added if self._added is not None else ()):
            key, value = pair
            if key == name:
                values.append(value)
        return values

    @cython.boundscheck(True)                       # who calls says how many values there are
    cpdef replace_values(self, bytes name, list values):
        cdef int index
        cdef Py_ssize_t place = 0
        cdef tuple pair
        cdef bytes key, value
        cdef list left = []
        cdef Py_ssize_t length = len(name)
        cdef const char* wanted = PyBytes_AS_STRING(name)
        for index in range(self._count):
            if self._is_named(index, wanted, length):
                self._replace(index, values[place])
                place += 1
        if self._fields is None and self._added is None:
            return
        for pair in (self._fields if self._fields is not None else self._added):
            key, value = pair
            if key != name:
                left.append(pair)
            else:
                if values[place] is not None:
                    left.append((name, values[place]))
                place += 1
        if self._fields is not None:
            self._fields = left
        else:
            self._added = left

    cdef _replace(self, int index, bytes value):
        cdef Span* span = &self._spans[index]
        if value is None:
            span.name_end = REMOVED
            return
        if self._values is None:
            self._values = []
        span.value = <int>len(self._values)
        span.value_end = REPLACED
        self._values.append(value)

    cpdef append(self, bytes name, bytes value):
        if self._fields is not None:
            self._fields.append((name, value))
            return
        if self._added is None:
            self._added = []
        self._added.append((name, value))

    cpdef bytes written(self, bytes start_line, bytes tail):
        cdef list pairs = self._fields if self._fields is not None else self._added
        cdef Py_ssize_t size = len(start_line) + len(tail) + 2
        cdef int index
        cdef Span* span
        cdef tuple pair
        cdef bytes name, value, result
        cdef char* out
        cdef const unsigned char* octets
        check_start_line(start_line)
        for index in range(self._count):
            span = &self._spans[index]
            if span.name_end == REMOVED:
                continue
            size += span.name_end - span.name + 4
            if span.value_end == REPLACED:
                value = <bytes?>self._values[span.value]        # where `_replace` has put it
                check_one_line(value)
                size += PyBytes_GET_SIZE(value)
            else:
                size += span.value_end - span.value
        if pairs is not None:
            for pair in pairs:
                name, value = pair
                check_one_line(name)
                check_one_line(value)
                size += PyBytes_GET_SIZE(name) + PyBytes_GET_SIZE(value) + 4
        result = PyBytes_FromStringAndSize(NULL, size)
        out = put(PyBytes_AS_STRING(result), start_line)
        for index in range(self._count):
            span = &self._spans[index]
            if span.name_end == REMOVED:
                continue
            octets = <const unsigned char*>PyBytes_AS_STRING(self._octets)
            out = put_colon(put_lower(out, octets + span.name, span.name_end - span.name))
            if span.value_end == REPLACED:
                out = put(out, <bytes>self._values[span.value])
            else:
                memcpy(out, octets + span.value, span.value_end - span.value)
                out += span.value_end - span.value
            out = put_end(out)
        if pairs is not None:
            for pair in pairs:                                  # two each, as seen above
                out = put(put_colon(put(out, <bytes>pair[0])), <bytes>pair[1])
                out = put_end(out)
        put_end(put(out, tail))
        return result


cpdef bytes request_line(bytes method, bytes target, int minor):
    cdef Py_ssize_t first = len(method), second = len(target)
    cdef bytes line
    cdef char* out
    if memchr(PyBytes_AS_STRING(method), 32, first) != NULL or memchr(PyBytes_AS_STRING(target), 32, second) != NULL:
        raise LocalProtocolError("white space inside method or target", 500)
    line = PyBytes_FromStringAndSize(NULL, first + second + 12)
    out = put(PyBytes_AS_STRING(line), method)
    out[0] = 32
    out = put(out + 1, target)
    memcpy(out, b" HTTP/1.1\r\n" if minor else b" HTTP/1.0\r\n", 11)
    return line


cpdef bytes length_line(long long length):
    cdef char digits[40]                        # 16 octets of name, nineteen digits at most, 2 of line end: 37
    cdef char* place = digits + 40
    if length < 0:
        raise ValueError("no length")
    place = <char*>memcpy(place - 2, b"\r\n", 2)
    while True:
        place -= 1
        place[0] = <char>(48 + length % 10)
        length //= 10
        if not length:
            break
    place = <char*>memcpy(place - 16, b"content-length: ", 16)
    return PyBytes_FromStringAndSize(place, digits + 40 - place)


cdef int check_one_line(bytes text) except -1:
    if text is None:
        raise TypeError("a field needs octets")
    if not is_one_line(text):
        raise LocalProtocolError("line end or NUL inside a field", 500)
    return 0


cdef int check_start_line(bytes line) except -1:
    """One line, its end at the end."""
    cdef Py_ssize_t length = PyBytes_GET_SIZE(line)
    cdef const char* octets = PyBytes_AS_STRING(line)
    if length < 2 or octets[length - 1] != 10 or octets[length - 2] != 13 or memchr(octets, 13, length - 2) != NULL \
            or memchr(octets, 10, length - 2) != NULL or memchr(octets, 0, length) != NULL:
        raise LocalProtocolError("line end or NUL inside a field", 500)
    return 0


cdef class RequestHead(Head):
    __slots__ = ("expect_continue", "host", "max_forwards", "method", "target", "te_trailers")

    def __cinit__(self):
        self.method = self.target = self.host = b""
        self.max_forwards = -1

    def __init__(self):
        self._fields = []

    @property
    def has_body(self):
        return self.chunked or self.content_length > 0


cdef class ResponseHead(Head):
    __slots__ = ("no_body", "reason", "status")

    def __cinit__(self):
        self.reason = b""

    def __init__(self):
        self._fields = []
