cimport cython

from proxy.core.http1.head cimport RequestHead
from proxy.core.stream.http_session cimport HttpSession
from proxy.core.stream.session cimport Session
from proxy.core.stream.stream cimport Stream
from proxy.runtime.backend cimport Backend
from proxy.runtime.frontend cimport Frontend
from proxy.runtime.log cimport LogRecord
from proxy.runtime.process cimport Process
from proxy.runtime.server cimport Server

@cython.locals(record=LogRecord, frontend=Frontend, process=Process)
cpdef LogRecord session_facts(Session session)
cpdef bytes identify(Session session)
@cython.locals(backend=Backend, server=Server)
cpdef stream_facts(LogRecord record, Stream stream)
cpdef bytes termination(why, int flag_request, int flag_response)
@cython.locals(head=RequestHead, frontend=Frontend)
cpdef request_facts(LogRecord record, HttpSession session)
