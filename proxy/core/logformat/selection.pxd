from proxy.runtime.frontend cimport Frontend
from proxy.runtime.log cimport LogRecord

cpdef bint is_anomalous(LogRecord record) except -1
cpdef wanted(LogRecord record, Frontend frontend)
