cdef class Scratch:
    cdef public object buffer, view
    cdef char* octets
    cdef Py_ssize_t size

cpdef receive(sock, int fd, Scratch scratch, Py_ssize_t most)
cpdef Py_ssize_t send(sock, int fd, octets) except -1

cpdef Py_ssize_t send_both(sock, int fd, bytes first, then) except -1
cpdef Py_ssize_t room(sock, int fd) except -2
cpdef Py_ssize_t splice(int source, int sink, Py_ssize_t most) except -1
cpdef bint ignores_sigpipe() except -1
cpdef long long coarse_ms() except -1

cdef class Receiver:
    cdef readonly object sockaddr
    cdef char address[28]
    cdef unsigned int length

cpdef send_datagram(sock, int fd, bytes octets, Receiver receiver)
cpdef int descriptor(sock) except? -1
cpdef close(sock)
cpdef accept(listening, int fd)
cpdef tuple begin_connect(int family, sockaddr, bint keepalive)

cdef class Connected:
    cdef int _fd

cdef enum:
    READY_MAX = 256

cdef class Poll:
    cdef readonly int fd
    cdef int _count
    cdef int _fds[READY_MAX]
    cdef unsigned int _events[READY_MAX]
    cdef _control(self, int operation, int fd, unsigned int events)
    cpdef add(self, int fd, unsigned int events)
    cpdef change(self, int fd, unsigned int events)
    cpdef remove(self, int fd)
    cpdef int wait(self, int most) except -1
    cpdef int ready_fd(self, int index) except -1
    cpdef unsigned int ready_events(self, int index) except? 0
    cpdef close(self)
