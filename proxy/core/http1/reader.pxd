from proxy.core.http1 cimport fast
from proxy.core.http1.head cimport RequestHead, ResponseHead
from proxy.core.http1.limits cimport Limits

cdef long CR

cpdef RequestHead read_request(bytes octets, Py_ssize_t start, Limits limits)
cpdef ResponseHead read_response(bytes octets, Py_ssize_t start, Limits limits, bytes request_method)
