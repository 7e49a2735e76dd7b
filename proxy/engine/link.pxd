cimport cython

from proxy.core.stream.ports cimport Link, LinkOwner, Unseen
from proxy.engine cimport calls
from proxy.engine.piping cimport Pipe
from proxy.engine.worker cimport Worker
from proxy.runtime.process cimport Process

cdef long MAY_READ, MAY_WRITE, READ, WRITE, PEEK, CLOSE_PATIENCE_MS, CLOSE_AT_LAST_MS, BODY_READ_OCTETS, HEAD_READ_OCTETS, LARGEST_READ_OCTETS, LEAST_READ_OCTETS, NOT_KNOWN, LARGE_OCTETS_A_TURN
cdef long LARGE_READS, PIPED_OCTETS, SPLICED_OUT

cdef class SocketLink(Link):
    cdef Worker _worker
    cdef object _socket, _out
    cdef int _fd, _large_reads, _paused, _watched
    cdef Py_ssize_t _read_max, _read_now
    cdef bint _ended, _broken, _ending, _shut, _unsettled, _closing, _closed, _reading, _has_changed, _flows, _same_reads
    cdef long long _close_by_ms, _unseen
    cdef prepare_socket(self, Worker worker, connected)
    cdef _watch(self)
    @cython.locals(owner=LinkOwner, count=cython.Py_ssize_t, asked=cython.Py_ssize_t, most=cython.Py_ssize_t, piped=cython.Py_ssize_t, read_max=cython.Py_ssize_t, room=cython.Py_ssize_t)
    cdef _readable(self)
    cpdef Py_ssize_t reads_at_once(self) except -1
    cdef _peer_lost(self)
    @cython.locals(process=Process)
    cdef bint _send_piped(self, Pipe pipe) except -1
    cdef _keep(self, octets)
    cdef _writable(self)
    cdef _write_failed(self)
    cdef _drop_output(self)
    cdef _settle_soon(self)
    cdef _shutdown(self)
    cdef _be_patient(self)
    cdef _close_now(self)

@cython.locals(link=SocketLink)
cpdef SocketLink new_link(Worker worker, connected)
