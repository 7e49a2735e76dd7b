# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The compiled twin of ready_lines.py: see there for what is promised."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.string cimport memcpy

from proxy.runtime.log cimport LogRecord

from proxy.core.logformat.escapes import IN_REQUEST, header_texts, printable_text
from proxy.core.logformat.fields import NO_SERVER
from proxy.core.logformat.request_line import BAD_REQUEST, request_line

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

cdef enum:
    NUMBER_OCTETS = 20          # the most that a number of 64 bits has: a sign and 19 digits

cdef unsigned char AS_IT_IS[256]
for _octet in range(256):
    AS_IT_IS[_octet] = _octet in IN_REQUEST


cdef class Line:
    """A line that is being written, and the writer of any number of them."""

    def __cinit__(self):
        self._octets = NULL
        self._length = self._room = 0
        self._second = -1
        self._date = b""

    def __init__(self, site):
        self._local_second = site.dates.local_second
        self._limit = site.logurilen

    def __dealloc__(self):
        PyMem_Free(self._octets)

    cdef char* _place(self, Py_ssize_t count) except NULL:
        """Where that many octets may be put."""
        cdef char* grown
        cdef Py_ssize_t room
        if self._length + count > self._room:
            room = 2 * (self._length + count) + 256
            grown = <char*>PyMem_Realloc(self._octets, room)
            if grown == NULL:
                raise MemoryError
            self._octets, self._room = grown, room
        return self._octets + self._length

    cdef int _put(self, const char* octets, Py_ssize_t count) except -1:
        memcpy(self._place(count), octets, count)
        self._length += count
        return 0

    cdef int _put_octet(self, char octet) except -1:
        self._place(1)[0] = octet
        self._length += 1
        return 0

    cdef int _put_bytes(self, bytes octets) except -1:
        if octets is None:
            raise TypeError("a log record lacks something")
        return self._put(PyBytes_AS_STRING(octets), PyBytes_GET_SIZE(octets))

    cdef int _put_text(self, str text) except -1:
        cdef Py_ssize_t count
        cdef const char* octets = PyUnicode_AsUTF8AndSize(text, &count)
        return self._put(octets, count)

    cdef int _put_number(self, long long number, char after) except -1:
        """A number, and an octet after it, 0 for none."""
        cdef char digits[NUMBER_OCTETS]
        cdef int at = NUMBER_OCTETS
        cdef unsigned long long rest = <unsigned long long>number if number >= 0 else 0 - <unsigned long long>number
        while True:
            at -= 1                         # at most 19 digits: at >= 1
            digits[at] = <char>(c"0" + <int>(rest % 10))
            rest //= 10
            if not rest:
                break
        if number < 0:
            at -= 1
            digits[at] = c"-"
        self._put(digits + at, NUMBER_OCTETS - at)
        if after:
            self._put_octet(after)
        return 0

    cdef int _put_date(self, double wall_s) except -1:
        cdef long long milliseconds = <long long>(wall_s * 1000 + 0.0005)
        cdef long long second = milliseconds // 1000
        cdef int rest = <int>(milliseconds - second * 1000)
        if second != self._second:
            self._date = self._local_second(second)
            self._second = second
        self._put_bytes(self._date)
        cdef char* out = self._place(3)
        out[0] = <char>(c"0" + rest // 100)
        out[1] = <char>(c"0" + rest // 10 % 10)
        out[2] = <char>(c"0" + rest % 10)
        self._length += 3
        return 0

    cdef int _put_ends(self, LogRecord record, double wall_s) except -1:
        """Who came, when, through what and to whom."""
        server = record.server
        if record.client_address:
            self._put_text(record.client_address)
            self._put_octet(c":")
            self._put_number(record.client_port, 0)
        else:
            self._put(b"-:-", 3)
        self._put(b" [", 2)
        self._put_date(wall_s)
        self._put(b"] ", 2)
        self._put_text(record.frontend.name)
        self._put(b"~ ", 2) if record.is_tls else self._put_octet(c" ")
        self._put_text((record.backend or record.frontend).name)
        self._put_octet(c"/")
        self._put_text(server.name if server is not None else record.server_name or NO_SERVER)
        return self._put_octet(c" ")

    cdef int _put_loads(self, LogRecord record) except -1:
        """How many there were, how often it was tried, and how many were served before it."""
        self._put_number(record.process_connections, c"/")
        self._put_number(record.frontend_connections, c"/")
        self._put_number(record.backend_connections, c"/")
        self._put_number(record.server_connections, c"/")
        if record.redispatched:
            self._put_octet(c"+")
        self._put_number(record.retries, c" ")
        self._put_number(record.server_queue, c"/")
        return self._put_number(record.backend_queue, 0)

    cdef int _put_cookie(self, octets) except -1:
        if octets:
            self._put_bytes(printable_text(octets))
        else:
            self._put_octet(c"-")
        return self._put_octet(c" ")

    cdef int _put_headers(self, values) except -1:
        if values:
            self._put_octet(c"{")
            self._put_bytes(header_texts(values, b"|"))
            self._put(b"} ", 2)
        return 0

    cdef int _put_request(self, LogRecord record) except -1:
        cdef Py_ssize_t begin = self._length, at
        if not record.bad_request:
            self._put_bytes(record.method)
            self._put_octet(c" ")
            self._put_bytes(record.target)
            self._put_octet(c" ")
            self._put_bytes(record.version)
            if self._length - begin <= self._limit:
                at = begin
                while at < self._length and AS_IT_IS[<unsigned char>self._octets[at]]:
                    at += 1
                if at == self._length:
                    return 0
            self._length = begin
        return self._put_bytes(request_line(record, self._limit))

    cdef bytes _written(self):
        return PyBytes_FromStringAndSize(self._octets, self._length)


cdef class HttpLine(Line):
    def __call__(self, LogRecord record not None):
        cdef bint early = record.logasap
        self._length = 0
        self._put_ends(record, record.request_wall_s)
        self._put_number(record.request_ms, c"/")
        self._put_number(record.queue_ms, c"/")
        self._put_number(record.connect_ms, c"/")
        self._put_number(record.response_ms, c"/")
        if early:
            self._put_octet(c"+")
        self._put_number(record.active_ms, c" ")
        self._put_number(record.status, c" ")
        if early:
            self._put_octet(c"+")
        self._put_number(record.octets_out, c" ")
        self._put_cookie(record.captured_request_cookie)
        self._put_cookie(record.captured_response_cookie)
        self._put_bytes(record.termination)
        self._put_octet(c" ")
        self._put_loads(record)
        self._put_octet(c" ")
        self._put_headers(record.captured_request_headers)
        self._put_headers(record.captured_response_headers)
        self._put_octet(c'"')
        self._put_request(record)
        self._put_octet(c'"')
        return self._written()


cdef class TcpLine(Line):
    def __call__(self, LogRecord record not None):
        cdef bint early = record.logasap
        self._length = 0
        self._put_ends(record, record.accept_wall_s)
        self._put_number(record.queue_ms, c"/")
        self._put_number(record.connect_ms, c"/")
        if early:
            self._put_octet(c"+")
        self._put_number(record.total_ms, c" ")
        if early:
            self._put_octet(c"+")
        self._put_number(record.octets_out, c" ")
        self._put_bytes(record.termination[:2])
        self._put_octet(c" ")
        self._put_loads(record)
        return self._written()


def http_line(site):
    return HttpLine(site)


def tcp_line(site):
    return TcpLine(site)
