cimport cython

from proxy.core.stream.server_connection cimport ServerConnection
from proxy.core.stream.session cimport Session
from proxy.runtime.backend cimport Backend
from proxy.runtime.frontend cimport Frontend

@cython.locals(
    frontend=Frontend, client_active_ms=cython.longlong, server_active_ms=cython.longlong, client_limit_ms=cython.longlong,
    server_limit_ms=cython.longlong, tunnel_ms=cython.longlong, client_ms=cython.longlong, server_ms=cython.longlong,
)
cpdef tuple silence_ends(
    Session session, Backend backend, ServerConnection connection, bint client_ended, bint server_ended)
