cimport cython

from proxy.core.address_fields cimport AddressFieldPolicy
from proxy.core.cookies cimport CookiePolicy
from proxy.core.http1.head cimport RequestHead, ResponseHead
from proxy.core.stream.http_end cimport HttpEnd
from proxy.core.stream.http_session cimport HttpSession
from proxy.runtime.backend cimport Backend
from proxy.runtime.frontend cimport Frontend
from proxy.runtime.server cimport Server

cdef capture_request(HttpSession session, RequestHead head)
@cython.locals(policy=AddressFieldPolicy)
cdef bytes edit_request(HttpSession session, Backend backend, RequestHead head)
@cython.locals(cookie=CookiePolicy)
cdef bytes edit_response(HttpEnd stream, HttpSession session, Backend backend, Server server, ResponseHead head)
