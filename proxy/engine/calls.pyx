# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The compiled twin of calls.py: see there for what is promised.

No call here waits, so none lets other threads run meanwhile.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer, Py_buffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_SetFromErrno
from libc.errno cimport EAGAIN, EINTR, errno

cdef extern from "<sys/socket.h>" nogil:
    int MSG_NOSIGNAL, MSG_DONTWAIT
    ssize_t recv(int fd, void* buffer, size_t length, int flags)
    ssize_t c_send "send"(int fd, const void* buffer, size_t length, int flags)

cdef extern from "<unistd.h>" nogil:
    int c_close "close"(int fd)

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        int fd
    cdef struct epoll_event:
        unsigned int events
        epoll_data_t data
    int EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int fd, epoll_event* event)
    int epoll_wait(int epoll, epoll_event* events, int most, int timeout_ms)

SMALL_OCTETS = 16384
cdef Py_ssize_t small_octets = SMALL_OCTETS


cdef class Scratch:
    __slots__ = ("buffer", "view")

    def __init__(self, octets):
        cdef Py_buffer buffer
        self.buffer = bytearray(octets)
        self.view = memoryview(self.buffer)         # holds the bytearray at its size, and so its octets at their place
        PyObject_GetBuffer(self.buffer, &buffer, PyBUF_WRITABLE)
        self.octets = <char*>buffer.buf
        self.size = buffer.len
        PyBuffer_Release(&buffer)


cpdef receive(sock, int fd, Scratch scratch, Py_ssize_t most):
    cdef ssize_t count
    if most > scratch.size:
        most = scratch.size
    count = recv(fd, scratch.octets, most, MSG_DONTWAIT)
    if count < 0:
        if errno == EAGAIN or errno == EINTR:
            return None
        PyErr_SetFromErrno(OSError)
    if count <= small_octets:
        return PyBytes_FromStringAndSize(scratch.octets, count)
    return scratch.view[:count]


cdef ssize_t send_some(int fd, const void* octets, Py_ssize_t length) except -1:
    cdef ssize_t count = c_send(fd, octets, length, MSG_NOSIGNAL | MSG_DONTWAIT)
    if count < 0:
        if errno == EAGAIN or errno == EINTR:
            return 0
        PyErr_SetFromErrno(OSError)
    return count


cpdef Py_ssize_t send(sock, int fd, octets) except -1:
    cdef Py_buffer buffer
    if PyBytes_CheckExact(octets):
        return send_some(fd, PyBytes_AS_STRING(octets), PyBytes_GET_SIZE(octets))
    PyObject_GetBuffer(octets, &buffer, PyBUF_SIMPLE)
    try:
        return send_some(fd, buffer.buf, buffer.len)
    finally:
        PyBuffer_Release(&buffer)


cdef class Poll:
    __slots__ = ("fd",)

    def __cinit__(self):
        self.fd = -1

    def __init__(self):
        self.fd = epoll_create1(EPOLL_CLOEXEC)
        if self.fd < 0:
            PyErr_SetFromErrno(OSError)

    cdef _control(self, int operation, int fd, unsigned int events):
        cdef epoll_event event
        event.events = events
        event.data.fd = fd
        if epoll_ctl(self.fd, operation, fd, &event) < 0:
            PyErr_SetFromErrno(OSError)

    cpdef add(self, int fd, unsigned int events):
        self._control(EPOLL_CTL_ADD, fd, events)

    cpdef change(self, int fd, unsigned int events):
        self._control(EPOLL_CTL_MOD, fd, events)

    cpdef remove(self, int fd):
        self._control(EPOLL_CTL_DEL, fd, 0)

    cpdef int wait(self, int most) except -1:
        cdef epoll_event events[READY_MAX]
        cdef int index
        cdef int count = epoll_wait(self.fd, events, READY_MAX if most > READY_MAX else most, 0)
        if count < 0:
            if errno != EINTR:
                PyErr_SetFromErrno(OSError)
            count = 0
        for index in range(count):                  # count <= READY_MAX
            self._fds[index] = events[index].data.fd
            self._events[index] = events[index].events
        self._count = count
        return count

    cpdef int ready_fd(self, int index) except -1:
        if not 0 <= index < self._count:
            raise IndexError("not that many are ready")
        return self._fds[index]

    cpdef unsigned int ready_events(self, int index) except? 0:
        if not 0 <= index < self._count:
            raise IndexError("not that many are ready")
        return self._events[index]

    cpdef close(self):
        if self.fd >= 0:
            c_close(self.fd)
            self.fd = -1

    def __dealloc__(self):
        if self.fd >= 0:
            c_close(self.fd)
