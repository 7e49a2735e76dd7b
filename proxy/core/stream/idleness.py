"""Who has been silent for too long where octets flow both ways: TCP sessions, and HTTP connections that became tunnels.

A side is active when it sends and when it takes what it is sent. `timeout tunnel` replaces the timeouts of both sides; once a
side has ended, the other one's `client-fin` or `server-fin` takes the place of whatever held for it.
Where both sides are late at once, as in a tunnel, it is put down to the client.

Source: HAProxy configuration manual, "timeout client", "timeout server", "timeout tunnel", "timeout client-fin".
"""

from __future__ import annotations

from proxy.core.stream import failure
from proxy.core.stream.failure import Failure
from proxy.core.stream.server_connection import ServerConnection
from proxy.core.stream.session import Session
from proxy.runtime.backend import Backend


def silence_ends(
    session: Session, backend: Backend | None, connection: ServerConnection | None, client_ended: bool, server_ended: bool
) -> tuple[int, Failure]:
    """When patience with the first of both sides ends, and what it means then; 0 = never."""
    frontend = session.frontend
    client_active_ms, server_active_ms = max(session.client_active_ms, session.link.taken_ms), session.server_active_ms
    if connection is not None and connection.link is not None:
        server_active_ms = max(server_active_ms, connection.link.taken_ms)
    client_limit_ms = frontend.timeout_client_ms
    server_limit_ms = backend.timeout_server_ms if backend is not None else 0
    tunnel_ms = (backend.timeout_tunnel_ms if backend is not None else 0) or frontend.timeout_tunnel_ms
    if tunnel_ms:
        if not client_ended and not server_ended:
            return max(client_active_ms, server_active_ms) + tunnel_ms, failure.DATA_CLIENT_TIMEOUT
        client_limit_ms = server_limit_ms = tunnel_ms
    if server_ended and frontend.timeout_client_fin_ms:
        client_limit_ms = frontend.timeout_client_fin_ms
    if client_ended and backend is not None and backend.timeout_server_fin_ms:
        server_limit_ms = backend.timeout_server_fin_ms
    client_ms = client_active_ms + client_limit_ms if client_limit_ms and not client_ended else 0
    server_ms = server_active_ms + server_limit_ms if server_limit_ms and not server_ended else 0
    if client_ms and (not server_ms or client_ms <= server_ms):
        return client_ms, failure.DATA_CLIENT_TIMEOUT
    return server_ms, failure.DATA_SERVER_TIMEOUT
