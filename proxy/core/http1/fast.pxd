from proxy.core.http1.head cimport RequestHead, ResponseHead
from proxy.core.http1.limits cimport Limits

cpdef Py_ssize_t end_of_head(bytes octets, Py_ssize_t at, Py_ssize_t bound) except -2
cpdef RequestHead read_plain_request(bytes octets, Py_ssize_t at, Py_ssize_t end, Limits limits)
cpdef ResponseHead read_plain_response(bytes octets, Py_ssize_t at, Py_ssize_t end, Limits limits, bytes request_method)
