"""How a server is seen, told to it with each check.

Source: HAProxy configuration manual, "http-check send-state"; lines as recorded from HAProxy 2.6.
"""

from __future__ import annotations

from proxy.runtime.cells import QCUR, SCUR
from proxy.runtime.server import WEIGHT_SCALE, Server
from proxy.runtime.states import Operational


def state_field(server: Server, node: str, now_ms: int) -> bytes:
    """The line of the request that tells it. What the administrator wants of the server is not part of it."""
    backend, sockaddr = server.backend, server.sockaddr
    host, port = (sockaddr[0], sockaddr[1]) if isinstance(sockaddr, tuple) else ("unix", "")
    weight, total = (-(-weight // WEIGHT_SCALE) for weight in (server.effective_weight, backend.weight_in_use))
    sessions, all_sessions, queued = server.by_all(SCUR), backend.by_all(SCUR), server.by_all(QCUR)
    text = (
        f"x-haproxy-server-state: {_word(server)}; address={host}; port={port}; name={backend.name}/{server.name}; node={node}; "
        f"weight={weight}/{total}; scur={sessions}/{all_sessions}; qcur={queued}"
    )
    if server.operational is Operational.STARTING:
        elapsed_ms = now_ms - server.last_change_ms
        text += f"; throttle={max(1, min(100, elapsed_ms * 100 // server.slowstart_ms))}%"
    return text.encode("utf-8", "surrogateescape") + b"\r\n"


def _word(server: Server) -> str:
    if server.health < server.rise:
        return f"DOWN {server.health}/{server.rise}" if server.health else "DOWN"
    word = "NOLB" if server.operational is Operational.STOPPING else "UP"
    left = server.health - server.rise + 1
    return word if left >= server.fall else f"{word} {left}/{server.fall}"
