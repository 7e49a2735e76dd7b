cimport cython

from proxy.core.logformat cimport selection
from proxy.engine.syslog cimport Envelope
from proxy.runtime.frontend cimport Frontend
from proxy.runtime.log cimport LogRecord

cdef class Target:
    cdef public Envelope envelope
    cdef public object outlet
    cdef public long level, minlevel
    cdef public Py_ssize_t limit
    cdef object _send
    cpdef send(self, long level, bytes text, double wall_s)

cdef class LogSink:
    cdef object _clock, _line, _error_line
    cdef public bint early
    cdef public object plan, site
    cdef tuple _targets
    cpdef record(self, LogRecord record)
    cpdef refusal(self, LogRecord record, str cause)
    @cython.locals(target=Target)
    cpdef event(self, str level, str text)
    @cython.locals(target=Target)
    cdef _send(self, long level, LogRecord record, bytes text)
