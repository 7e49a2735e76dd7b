cimport cython

from proxy.core cimport cookie_scan
from proxy.core.http1.head cimport RequestHead, ResponseHead
from proxy.runtime.backend cimport Backend
from proxy.runtime.server cimport Server

cdef class CookiePolicy:
    cdef bytes _name, _attributes
    cdef str _mode
    cdef bint _indirect, _nocache, _postonly, _preserve, _shown, _scans, _cuts
    cdef readonly bint tells_time
    cdef readonly object unanswered
    cdef long long _maxidle_s, _maxlife_s
    cdef dict _by_value
    cpdef servers_changed(self)
    cpdef tuple read(self, RequestHead head, Backend backend, long long now_s)
    @cython.locals(server=Server)
    cdef tuple _asked_for(self, bytes value, flag, Backend backend, long long now_s)
    cdef dict _servers_of(self, Backend backend)
    cpdef write(self, ResponseHead head, Server server, Server asked, flag, long long now_s, bytes method)
