from proxy.core.http1 cimport head as head_lines
from proxy.core.http1.head cimport RequestHead, ResponseHead

cdef dict LINES_KEPT
cdef long LINES_KEPT_MAX, REASON_KEPT_MAX

cpdef bytes request_bytes(RequestHead head, bytes connection, bytes extra)
cpdef bytes response_bytes(ResponseHead head, bytes connection, bytes extra)
cpdef bytes status_line(int minor, int status, bytes reason)
cpdef bytes request_connection(int minor, bint keep)
cpdef bytes response_connection(int minor, int request_minor, bint keep)
