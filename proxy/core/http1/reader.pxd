cimport cython

from proxy.core.http1 cimport fast
from proxy.core.http1.head cimport RequestHead, ResponseHead
from proxy.core.http1.limits cimport Limits

cdef long CR

@cython.locals(at=Py_ssize_t, end=Py_ssize_t, head=RequestHead)
cpdef RequestHead read_request(bytes octets, Py_ssize_t start, Limits limits)
@cython.locals(end=Py_ssize_t, head=ResponseHead)
cpdef ResponseHead read_response(bytes octets, Py_ssize_t start, Limits limits, bytes request_method)
