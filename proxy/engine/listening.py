"""Listening sockets: made, bound, listened on, as a `bind` line says. Every failure names what to do about it."""

from __future__ import annotations

import errno
import os
import socket
import stat
from typing import Any

from proxy.base.addresses import Address, Family
from proxy.base.errors import StartError
from proxy.engine.port_holder import who_holds
from proxy.runtime.frontend import Listener

BACKLOG = 1024
BACKLOG_MAX = 2**31 - 1         # what listen() takes; the system cuts it to net.core.somaxconn
TCP_DEFER_ACCEPT_S = 1
FASTOPEN_QUEUE = 64


def open_listener(listener: Listener) -> socket.socket:
    """The socket of a listener, bound and listening; `listener.bound` is its real address.

    Raises: StartError.
    """
    address, bind = listener.address, listener.bind
    name = listener.frontend.name
    try:
        if address.family is Family.DESCRIPTOR:
            sock = _inherited(address)
        elif address.family in (Family.UNIX, Family.ABSTRACT):
            sock = _open_unix(address, bind)
        else:
            sock = _open_ip(address, bind, name)
        sock.setblocking(False)
        if address.family is not Family.DESCRIPTOR:
            sock.listen(min(listener.backlog or listener.frontend.backlog or BACKLOG, BACKLOG_MAX))
    except OSError as error:
        raise StartError("bind", _problem(name, address, error), _advice(address, error)) from None
    listener.bound = address.host if address.family is Family.UNIX else sock.getsockname()     # it was bound under another name
    return sock


def _inherited(address: Address) -> socket.socket:
    return socket.socket(fileno=os.dup(int(address.host)))


def _open_ip(address: Address, bind: Any, name: str) -> socket.socket:
    if address.family is Family.NAME:
        family, sockaddr = resolved(address, name)
    else:
        family = socket.AF_INET6 if address.family is Family.IPV6 else socket.AF_INET
        sockaddr = (address.host, address.port)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)      # a successor binds the same address while we drain
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)      # inherited by what is accepted
        if family == socket.AF_INET6:
            _choose_families(sock, bind)
        if bind is not None:
            _apply_options(sock, bind)
        sock.bind(sockaddr)
    except OSError:
        sock.close()
        raise
    return sock


def _choose_families(sock: socket.socket, bind: Any) -> None:
    """`v6only` and `v4v6`; without either the system decides whether `::` takes IPv4 clients too."""
    if bind is not None and (bind.v6only or bind.v4v6):
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(bind.v6only))


def resolved(address: Address, name: str) -> tuple[int, Any]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise StartError(
            "bind", f"proxy {name}: cannot resolve '{address.host}' ({error.strerror})", "write an IP address, or fix the name"
        ) from None
    return found[0][0], found[0][4]


def _apply_options(sock: socket.socket, bind: Any) -> None:
    if bind.interface:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, bind.interface.encode() + b"\0")
    if bind.transparent:
        sock.setsockopt(socket.SOL_IP, 19, 1)                           # IP_TRANSPARENT
    if bind.mss:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, bind.mss)
    if bind.defer_accept:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, TCP_DEFER_ACCEPT_S)
    if bind.tfo:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, FASTOPEN_QUEUE)


def _open_unix(address: Address, bind: Any) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if address.family is Family.ABSTRACT:
            sock.bind("\0" + address.host)
            return sock
        # bound under another name and moved into place: there is no moment without a socket at the path
        temporary = f"{address.host}.{os.getpid()}.tmp"
        _remove_stale(temporary)
        sock.bind(temporary)
        if bind is not None and bind.mode is not None:
            os.chmod(temporary, bind.mode)
        _set_owner(temporary, bind)
        os.rename(temporary, address.host)
    except OSError:
        sock.close()
        raise
    return sock


def _set_owner(path: str, bind: Any) -> None:
    if bind is None or not (bind.user or bind.group):
        return
    import grp
    import pwd

    try:
        uid = pwd.getpwnam(bind.user).pw_uid if bind.user else -1
        gid = grp.getgrnam(bind.group).gr_gid if bind.group else -1
    except KeyError as error:
        raise StartError("bind", f"{error.args[0]} for unix socket {path}", "create the user or group, or correct it") from None
    os.chown(path, uid, gid)


def _remove_stale(path: str) -> None:
    try:
        if stat.S_ISSOCK(os.stat(path).st_mode):
            os.unlink(path)
    except FileNotFoundError:
        return


def _problem(name: str, address: Address, error: OSError) -> str:
    """HAProxy's words, then the system's."""
    if error.errno == errno.EADDRINUSE:
        what = "cannot bind socket (Address already in use)"
    elif error.errno in (errno.EACCES, errno.EPERM):
        what = "cannot bind socket (Permission denied)"
    else:
        what = f"cannot bind socket ({error.strerror or error})"
    return f"Starting proxy {name}: {what} [{address}]"


def _advice(address: Address, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        holder = who_holds(address.port) if address.port else ""
        return f"the address is held by {holder}" if holder else "another process listens there: stop it, or choose another port"
    if error.errno in (errno.EACCES, errno.EPERM):
        if 0 < address.port < 1024:
            return "ports below 1024 need root (or the capability cap_net_bind_service): start as root, or use a port above 1023"
        return "the user that starts the proxy may not create this socket"
    if error.errno == errno.EADDRNOTAVAIL:
        return "no interface of this machine has that address: write '*' for all, or one that `ip addr` shows"
    return ""
