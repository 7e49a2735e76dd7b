"""How HAProxy words what the system refuses to a check.

Source: HAProxy configuration manual, "fc_err_str"; recorded from HAProxy 2.6.
"""

from __future__ import annotations

import errno
import os

from proxy.health.result import Verdict

CONNECT_TIMEOUT = Verdict("L4TOUT")

_LOCAL_WORDS = {
    errno.EMFILE: "Too many sockets on the process",
    errno.ENFILE: "Too many sockets on the system",
    errno.ENOBUFS: "Out of system buffers",
    errno.ENOMEM: "Out of system buffers",
    errno.EAFNOSUPPORT: "Protocol or address family not supported",
    errno.EPROTONOSUPPORT: "Protocol or address family not supported",
    errno.EAGAIN: "Out of local source ports on the system",
    errno.EADDRNOTAVAIL: "Out of local source ports on the system",
    errno.EADDRINUSE: "Local source address already in use",
}
_ON_THE_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.ETIMEDOUT})


def socket_refused(code: int) -> Verdict:
    """No socket could be made, or none of its addresses used."""
    return Verdict("SOCKERR", 0, _local(code))


def bind_refused(code: int) -> Verdict:
    return Verdict("SOCKERR", 0, f"Can't bind to source address ({os.strerror(code)})")


def connect_refused(code: int) -> Verdict:
    """connect() itself failed: the system knows at once."""
    if code == errno.ECONNREFUSED:
        return connection_failed(code)
    return Verdict("L4CON" if code in _ON_THE_WAY else "SOCKERR", 0, _local(code))


def connection_failed(code: int) -> Verdict:
    """The connection did not come about."""
    return Verdict("L4CON", 0, os.strerror(code))


def connection_lost(code: int) -> Verdict:
    """An error on a connection that had been open."""
    return Verdict("SOCKERR", 0, os.strerror(code))


def _local(code: int) -> str:
    return f"{_LOCAL_WORDS.get(code, 'General socket error')} ({os.strerror(code)})"
