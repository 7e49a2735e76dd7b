# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The compiled twin of calls.py: see there for what is promised.

No call here waits, so none lets other threads run meanwhile.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer, Py_buffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_SetFromErrno
from libc.errno cimport EAGAIN, EALREADY, EINPROGRESS, EINTR, EISCONN, errno
from libc.signal cimport SIG_IGN, SIGPIPE
from libc.stdint cimport uint16_t, uint32_t
from libc.string cimport memcpy, memset
from posix.signal cimport sigaction, sigaction_t

import socket

cdef extern from "<sys/uio.h>" nogil:
    cdef struct iovec:
        void* iov_base
        size_t iov_len

cdef extern from "<sys/socket.h>" nogil:
    int MSG_NOSIGNAL, MSG_DONTWAIT
    int AF_INET, AF_INET6, AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK, SOCK_CLOEXEC, SOL_SOCKET, SO_KEEPALIVE
    ctypedef unsigned int socklen_t
    cdef struct sockaddr:
        unsigned short sa_family
    cdef struct sockaddr_storage:
        unsigned short ss_family
    int accept4(int fd, sockaddr* address, socklen_t* length, int flags)
    int c_socket "socket"(int family, int kind, int protocol)
    int c_connect "connect"(int fd, const sockaddr* address, socklen_t length)
    int c_shutdown "shutdown"(int fd, int how)
    int c_setsockopt "setsockopt"(int fd, int level, int option, const void* value, socklen_t length)
    int c_getsockopt "getsockopt"(int fd, int level, int option, void* value, socklen_t* length)
    int c_getsockname "getsockname"(int fd, sockaddr* address, socklen_t* length)
    ssize_t recv(int fd, void* buffer, size_t length, int flags)
    ssize_t c_send "send"(int fd, const void* buffer, size_t length, int flags)
    cdef struct msghdr:
        void* msg_name
        socklen_t msg_namelen
        iovec* msg_iov
        size_t msg_iovlen
        void* msg_control
        size_t msg_controllen
        int msg_flags
    ssize_t c_sendmsg "sendmsg"(int fd, const msghdr* message, int flags)
    ssize_t c_sendto "sendto"(int fd, const void* buffer, size_t length, int flags, const sockaddr* address, socklen_t size)

cdef extern from "<netinet/in.h>" nogil:
    int IPPROTO_TCP
    cdef struct in_addr:
        uint32_t s_addr
    cdef struct in6_addr:
        unsigned char s6_addr[16]
    cdef struct sockaddr_in:
        unsigned short sin_family
        uint16_t sin_port
        in_addr sin_addr
    cdef struct sockaddr_in6:
        unsigned short sin6_family
        uint16_t sin6_port
        uint32_t sin6_flowinfo
        in6_addr sin6_addr
        uint32_t sin6_scope_id

cdef extern from "<time.h>" nogil:
    int CLOCK_MONOTONIC_COARSE
    cdef struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(int clock, timespec* now)

cdef extern from "<netinet/tcp.h>" nogil:
    int TCP_NODELAY

cdef extern from "<arpa/inet.h>" nogil:
    uint16_t htons(uint16_t number)
    uint16_t ntohs(uint16_t number)
    int inet_pton(int family, const char* text, void* address)
    const char* inet_ntop(int family, const void* address, char* text, socklen_t size)

cdef extern from "<fcntl.h>" nogil:
    unsigned int SPLICE_F_MOVE, SPLICE_F_NONBLOCK
    ssize_t c_splice "splice"(int source, void* at, int sink, void* to, size_t length, unsigned int flags)

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

cdef enum:
    SO_MEMINFO = 55
    ALLOCATED = 2
    SEND_BUFFER = 3
    QUEUED = 5
    MEMORY_NUMBERS = 9

SMALL_OCTETS = 16384
cdef Py_ssize_t small_octets = SMALL_OCTETS
STREAM = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC


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
    if not 0 <= most <= scratch.size:
        raise ValueError("more than there is room for")
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


cpdef Py_ssize_t send_both(sock, int fd, bytes first, then) except -1:
    cdef Py_buffer buffer
    cdef iovec pieces[2]
    cdef msghdr message
    cdef ssize_t count
    memset(&message, 0, sizeof(message))
    PyObject_GetBuffer(then, &buffer, PyBUF_SIMPLE)
    try:
        pieces[0].iov_base, pieces[0].iov_len = PyBytes_AS_STRING(first), PyBytes_GET_SIZE(first)
        pieces[1].iov_base, pieces[1].iov_len = buffer.buf, buffer.len
        message.msg_iov, message.msg_iovlen = pieces, 2
        count = c_sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT)
        if count < 0:
            if errno == EAGAIN or errno == EINTR:
                return 0
            PyErr_SetFromErrno(OSError)
        return count
    finally:
        PyBuffer_Release(&buffer)


cpdef Py_ssize_t room(sock, int fd) except -2:
    cdef uint32_t numbers[MEMORY_NUMBERS]
    cdef socklen_t length = sizeof(numbers)
    cdef long long left
    if c_getsockopt(fd, SOL_SOCKET, SO_MEMINFO, numbers, &length) < 0 or length < sizeof(numbers):
        return -1
    left = <long long>numbers[SEND_BUFFER] - max(numbers[ALLOCATED], numbers[QUEUED])       # indices below MEMORY_NUMBERS
    return <Py_ssize_t>max(0, left - left // 8)


cpdef Py_ssize_t splice(int source, int sink, Py_ssize_t most) except -1:
    cdef ssize_t count
    if most < 0:
        raise ValueError("fewer than none")
    count = c_splice(source, NULL, sink, NULL, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK)
    if count < 0:
        if errno == EAGAIN or errno == EINTR:
            return 0
        PyErr_SetFromErrno(OSError)
    return count


cpdef bint ignores_sigpipe() except -1:
    cdef sigaction_t now
    if sigaction(SIGPIPE, NULL, &now) < 0:
        PyErr_SetFromErrno(OSError)
    return now.sa_handler == SIG_IGN


cdef class Connected:
    """The owner of a connected socket; the methods are `socket.socket`'s."""

    def __cinit__(self):
        self._fd = -1

    def fileno(self):
        return self._fd

    def close(self):
        cdef int fd = self._fd
        self._fd = -1
        if fd >= 0:
            c_close(fd)

    def shutdown(self, int how):
        if c_shutdown(self._fd, how) < 0:
            PyErr_SetFromErrno(OSError)

    def setsockopt(self, int level, int option, value):
        cdef bytes octets
        cdef int number
        if isinstance(value, bytes):
            octets = value
            if c_setsockopt(self._fd, level, option, PyBytes_AS_STRING(octets), <socklen_t>PyBytes_GET_SIZE(octets)) < 0:
                PyErr_SetFromErrno(OSError)
        else:
            number = value
            if c_setsockopt(self._fd, level, option, &number, sizeof(int)) < 0:
                PyErr_SetFromErrno(OSError)

    def getsockopt(self, int level, int option):
        cdef int number = 0
        cdef socklen_t length = sizeof(int)
        if c_getsockopt(self._fd, level, option, &number, &length) < 0:
            PyErr_SetFromErrno(OSError)
        return number

    def getsockname(self):
        cdef sockaddr_storage address
        cdef socklen_t length = sizeof(address)
        if c_getsockname(self._fd, <sockaddr*>&address, &length) < 0:
            PyErr_SetFromErrno(OSError)
        return address_told(&address)

    def recv(self, int length, int flags=0):
        cdef char octets[256]
        cdef ssize_t count = recv(self._fd, octets, max(0, min(length, 256)), flags)
        if count < 0:
            PyErr_SetFromErrno(OSError)
        return PyBytes_FromStringAndSize(octets, count)

    def __dealloc__(self):
        if self._fd >= 0:
            c_close(self._fd)


cdef Connected owner_of(int fd):
    cdef Connected owner = Connected.__new__(Connected)
    owner._fd = fd
    return owner


cdef uint16_t port_in(sockaddr_) except? 0:
    cdef long port = sockaddr_[1]
    if not 0 <= port <= 65535:
        raise OverflowError("port must be 0-65535")
    return <uint16_t>port


cdef socklen_t packed(int family, sockaddr_, char* room) except? 0:
    """Put an IP address and port where the kernel wants them, into 28 octets; gives how many they are, 0 where Python must do it."""
    cdef sockaddr_in four
    cdef sockaddr_in6 six
    cdef bytes host
    if family == AF_INET:
        host = (<str?>sockaddr_[0]).encode("ascii")
        memset(&four, 0, sizeof(four))
        four.sin_family = <unsigned short>AF_INET
        four.sin_port = htons(port_in(sockaddr_))
        if inet_pton(AF_INET, PyBytes_AS_STRING(host), &four.sin_addr) != 1:
            return 0
        memcpy(room, &four, sizeof(four))           # 16 octets
        return sizeof(four)
    if family == AF_INET6 and (len(sockaddr_) == 2 or not (sockaddr_[2] or sockaddr_[3])):
        host = (<str?>sockaddr_[0]).encode("ascii")
        memset(&six, 0, sizeof(six))
        six.sin6_family = <unsigned short>AF_INET6
        six.sin6_port = htons(port_in(sockaddr_))
        if inet_pton(AF_INET6, PyBytes_AS_STRING(host), &six.sin6_addr) != 1:
            return 0
        memcpy(room, &six, sizeof(six))             # 28 octets
        return sizeof(six)
    return 0


cpdef long long coarse_ms() except -1:
    cdef timespec now
    if clock_gettime(CLOCK_MONOTONIC_COARSE, &now) != 0:
        PyErr_SetFromErrno(OSError)
    return <long long>now.tv_sec * 1000 + now.tv_nsec // 1000000


cdef class Receiver:
    __slots__ = ("sockaddr",)

    def __init__(self, int family, sockaddr_):
        self.sockaddr = sockaddr_
        self.length = packed(family, sockaddr_, self.address)


cpdef send_datagram(sock, int fd, bytes octets, Receiver receiver):
    cdef Py_ssize_t size = len(octets)
    if not receiver.length:
        sock.sendto(octets, receiver.sockaddr)
    elif c_sendto(fd, PyBytes_AS_STRING(octets), size, MSG_DONTWAIT | MSG_NOSIGNAL,
                  <const sockaddr*>receiver.address, receiver.length) < 0:
        PyErr_SetFromErrno(OSError)


cpdef int descriptor(sock) except? -1:
    if type(sock) is Connected:
        return (<Connected>sock)._fd
    return sock.fileno()


cpdef close(sock):
    cdef Connected owner
    cdef int fd
    if type(sock) is not Connected:
        sock.close()
        return
    owner = <Connected>sock
    fd, owner._fd = owner._fd, -1
    if fd >= 0:
        c_close(fd)


cdef str dotted(const unsigned char* octets):
    """The text of an IPv4 address."""
    cdef char text[16]
    cdef int index, length = 0
    cdef unsigned char octet
    for index in range(4):                          # at most 4 times 3 digits and a dot: 16
        octet = octets[index]
        if octet >= 100:
            text[length] = c"0" + octet // 100
            length += 1
        if octet >= 10:
            text[length] = c"0" + octet // 10 % 10
            length += 1
        text[length] = c"0" + octet % 10
        text[length + 1] = c"."
        length += 2
    return text[: length - 1].decode("ascii")


cdef object address_told(sockaddr_storage* address):
    """As Python's socket module shows it."""
    cdef char text[64]
    cdef sockaddr_in* four = <sockaddr_in*>address
    cdef sockaddr_in6* six = <sockaddr_in6*>address
    if address.ss_family == AF_INET:
        return dotted(<const unsigned char*>&four.sin_addr), ntohs(four.sin_port)
    if address.ss_family == AF_INET6:
        inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof(text))
        return (<bytes>text).decode("ascii"), ntohs(six.sin6_port), six.sin6_flowinfo, six.sin6_scope_id
    return ""


cpdef accept(listening, int fd):
    cdef sockaddr_storage address
    cdef socklen_t length = sizeof(address)
    cdef int accepted
    memset(&address, 0, sizeof(address))
    accepted = accept4(fd, <sockaddr*>&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC)
    if accepted < 0:
        if errno == EAGAIN or errno == EINTR:
            return None
        PyErr_SetFromErrno(OSError)
    return owner_of(accepted), address_told(&address)


cpdef tuple begin_connect(int family, sockaddr_, bint keepalive):
    cdef char room[28]
    cdef const sockaddr* address = <const sockaddr*>room
    cdef socklen_t length = packed(family, sockaddr_, room)
    cdef int fd, error, yes = 1
    cdef Connected new
    if not length:
        return connect_in_python(family, sockaddr_, keepalive)
    fd = c_socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if fd < 0:
        PyErr_SetFromErrno(OSError)
    new = owner_of(fd)
    c_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(int))
    if keepalive:
        c_setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(int))
    error = 0 if c_connect(fd, address, length) == 0 else errno
    if error == EINPROGRESS:
        error = 0 if c_connect(fd, address, length) == 0 else errno
        if error == EISCONN:
            error = 0
        elif error == EALREADY:
            error = EINPROGRESS
    return new, error


def connect_again(sock, family, sockaddr_):
    cdef int error = sock.connect_ex(sockaddr_)
    if error == EINPROGRESS:
        error = sock.connect_ex(sockaddr_)
        if error == EISCONN:
            return 0
        if error == EALREADY:
            return EINPROGRESS
    return error


cdef tuple connect_in_python(int family, sockaddr_, bint keepalive):
    """Unix sockets and scoped addresses."""
    new = socket.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
    if family != AF_UNIX:
        new.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        if keepalive:
            new.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
    return new, connect_again(new, family, sockaddr_)


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
