cimport cython

from proxy.core.http1.limits cimport Limits
from proxy.core.stream.http_session cimport HttpSession
from proxy.core.stream.ports cimport Host, Link
from proxy.core.stream.session cimport Session
from proxy.core.stream.tcp_session cimport HealthSession, TcpSession
from proxy.runtime.frontend cimport Frontend, Listener

@cython.locals(http_session=HttpSession, tcp_session=TcpSession)
cpdef Session new_session(Host host, Listener listener, Link link, tuple peer, tuple local, Limits limits)

cdef class HeaderIntake(Session):
    cdef public bytes buffer
    cdef public Limits limits
    cdef _refuse(self, cause, bint abort)
    cdef _give_up(self, cause, bint abort)
