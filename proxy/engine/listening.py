"""Listening sockets: made, bound, listened on, as a `bind` line says. Every failure names the line and what to do about it."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterable
from typing import Any

from proxy.base.addresses import Address, Family
from proxy.base.descriptors import DESCRIPTORS_GONE, out_of_descriptors
from proxy.base.errors import NOWHERE, Diagnostic, Severity, StartError
from proxy.base.octets import octets_of
from proxy.engine.handover import Inherited
from proxy.engine.port_holder import who_holds
from proxy.runtime.frontend import Listener

BACKLOG = 1024
BACKLOG_MAX = 2**31 - 1         # what listen() takes; the system cuts it to net.core.somaxconn
TCP_DEFER_ACCEPT_S = 1
FASTOPEN_QUEUE = 64
IP_TRANSPARENT = 19
FAILED = "Some protocols failed to start their listeners! Exiting."


class BindError(Exception):
    """A listener that cannot be opened: what failed, in HAProxy's words, and what to do about it."""

    def __init__(self, what: str, hint: str = "", *, code: int | None = None) -> None:
        super().__init__(what)
        self.what, self.hint = what, hint
        self.address_in_use = code == errno.EADDRINUSE
        self.is_starved = code in DESCRIPTORS_GONE


def open_listeners(
    listeners: Iterable[Listener], workers: int, inherited: Inherited
) -> list[tuple[Listener, list[socket.socket]]]:
    """The sockets of every listener (see `open_sockets`).

    Raises: StartError with everything that failed, and none of them left open.
    """
    opened: list[tuple[Listener, list[socket.socket]]] = []
    failed: list[tuple[Listener, BindError]] = []
    for listener in listeners:
        try:
            opened.append((listener, open_sockets(listener, workers, inherited)))
        except BindError as error:
            failed.append((listener, error))
            if error.is_starved:
                break
    if any(error.is_starved for _, error in failed):
        for _, sockets in opened:
            _close(sockets)
        raise out_of_descriptors()
    if failed:
        for _, sockets in opened:
            _close(sockets)
        raise StartError(
            "bind", FAILED, faults=[_fault(listener, error) for listener, error in failed],
            address_in_use=any(error.address_in_use for _, error in failed),
        )
    return opened


def open_listener(listener: Listener) -> socket.socket:
    """The socket of one listener, for one process.

    Raises: BindError.
    """
    return open_sockets(listener, 1, Inherited())[0]


def open_sockets(listener: Listener, workers: int, inherited: Inherited) -> list[socket.socket]:
    """The sockets of a listener, listening: what a predecessor has there, and as many more as the workers need.

    At an IP address each worker has a socket of its own, over which the kernel spreads the clients; elsewhere they share one.
    There may be more when the predecessor had more workers. `listener.bound` is the real address.

    Raises: BindError, with none left open.
    """
    address = listener.address
    sockets: list[socket.socket] = []
    try:
        family, sockaddr = _where(address)
        if address.family is not Family.DESCRIPTOR:
            sockets += _taken_over(listener, inherited.take(family, sockaddr, listener.bind))
        wanted = workers if family in (socket.AF_INET, socket.AF_INET6) else 1
        while len(sockets) < wanted:
            sockets.append(_open(address, listener.bind, family, sockaddr if not sockets else sockets[0].getsockname()))
        for sock in sockets:
            sock.setblocking(False)
            if address.family is not Family.DESCRIPTOR:
                sock.listen(min(listener.backlog or listener.frontend.backlog or BACKLOG, BACKLOG_MAX))
    except OSError as error:
        _close(sockets)
        raise BindError(_problem(address, error), _advice(address, error), code=error.errno) from None
    except BaseException:
        _close(sockets)
        raise
    # a unix socket was bound under another name
    listener.bound = address.host if address.family is Family.UNIX else sockets[0].getsockname()
    return sockets


def _close(sockets: list[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def _where(address: Address) -> tuple[int, Any]:
    """Socket family and what bind() takes; nothing of that for a descriptor.

    Raises: BindError for a name that does not resolve.
    """
    match address.family:
        case Family.DESCRIPTOR:
            return socket.AF_UNSPEC, None
        case Family.UNIX:
            return socket.AF_UNIX, address.host
        case Family.ABSTRACT:
            return socket.AF_UNIX, os.fsencode(address.socket_name)
        case Family.NAME:
            return resolved(address)
        case Family.IPV6:
            return socket.AF_INET6, (address.host, address.port)
        case _:
            return socket.AF_INET, (address.host, address.port)


def _taken_over(listener: Listener, sockets: list[socket.socket]) -> list[socket.socket]:
    """What a predecessor's sockets still lack of this `bind` line; those that nobody can reach any more are given up."""
    address, bind = listener.address, listener.bind
    if address.family is Family.UNIX and sockets:
        if not _is_socket(address.host):
            _close(sockets)
            return []
        _set_access(address.host, bind)
    elif address.family is not Family.ABSTRACT and bind is not None:
        for sock in sockets:
            _apply_options(sock, bind)
    return sockets


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def rehearse_listeners(listeners: Iterable[Listener]) -> None:
    """Look at what can be looked at without opening anything: host names and inherited descriptors.

    Raises: StartError with everything that would fail.
    """
    faults = []
    for listener in listeners:
        try:
            if listener.address.family is Family.NAME:
                resolved(listener.address)
            elif listener.address.family is Family.DESCRIPTOR:
                check_inherited(listener.address)
        except BindError as error:
            faults.append(_fault(listener, error))
    if faults:
        raise StartError("bind", FAILED, faults=faults)


def check_inherited(address: Address) -> None:
    """Raises: BindError, where the descriptor of an `fd@` address is no open socket."""
    try:
        if stat.S_ISSOCK(os.fstat(int(address.host)).st_mode):
            return
        reason = os.strerror(errno.ENOTSOCK)
    except OSError as error:
        reason = error.strerror or str(error)
    raise BindError(
        f"cannot use file descriptor '{address.host}' ({reason})",
        "whoever starts this process must leave a listening socket open under that number",
    )


def resolved(address: Address) -> tuple[int, Any]:
    """(socket family, address for bind) of a host name.

    Raises: BindError.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise BindError(f"cannot resolve '{address.host}' ({error.strerror})", "write an IP address, or fix the name") from None
    return found[0][0], found[0][4]


def _inherited(address: Address) -> socket.socket:
    check_inherited(address)
    return socket.socket(fileno=os.dup(int(address.host)))


def _open(address: Address, bind: Any, family: int, sockaddr: Any) -> socket.socket:
    if address.family is Family.DESCRIPTOR:
        return _inherited(address)
    if family == socket.AF_UNIX:
        return _open_unix(address, bind, sockaddr)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)      # other workers bind the same address
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)      # inherited by what is accepted
        if family == socket.AF_INET6:
            _choose_families(sock, bind)
        if bind is not None:
            _apply_options(sock, bind)
        sock.bind(sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock


def _choose_families(sock: socket.socket, bind: Any) -> None:
    """`v6only` and `v4v6`; without either the system decides whether `::` takes IPv4 clients too."""
    if bind is not None and (bind.v6only or bind.v4v6):
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(bind.v6only))


def _apply_options(sock: socket.socket, bind: Any) -> None:
    wanted: tuple[tuple[object, int, int, int | bytes, str], ...] = (
        (bind.interface, socket.SOL_SOCKET, socket.SO_BINDTODEVICE, octets_of(bind.interface) + b"\0",
         f"cannot bind receiver to device '{bind.interface}'"),
        (bind.transparent, socket.SOL_IP, IP_TRANSPARENT, 1, "cannot make listening socket transparent"),
        (bind.mss, socket.IPPROTO_TCP, socket.TCP_MAXSEG, bind.mss or 0, f"cannot set MSS to {bind.mss}"),
        (bind.defer_accept, socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, TCP_DEFER_ACCEPT_S, "cannot enable DEFER_ACCEPT"),
        (bind.tfo, socket.IPPROTO_TCP, socket.TCP_FASTOPEN, FASTOPEN_QUEUE, "cannot enable TCP_FASTOPEN"),
    )
    for asked, level, option, value, failure in wanted:
        if not asked:
            continue
        try:
            sock.setsockopt(level, option, value)
        except OSError as error:
            raise BindError(f"{failure} ({error.strerror})", "correct that word of the 'bind' line, or remove it") from None


def _open_unix(address: Address, bind: Any, sockaddr: Any) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if address.family is Family.ABSTRACT:
            sock.bind(sockaddr)
            return sock
        # bound under another name and moved into place: there is no moment without a socket at the path
        temporary = f"{address.host}.{os.getpid()}.tmp"
        _remove_stale(temporary)
        sock.bind(temporary)
        try:
            _set_access(temporary, bind)
            os.rename(temporary, address.host)
        except BaseException:
            os.unlink(temporary)
            raise
    except BaseException:
        sock.close()
        raise
    return sock


def _set_access(path: str, bind: Any) -> None:
    if bind is not None and bind.mode is not None:
        os.chmod(path, bind.mode)
    _set_owner(path, bind)


def _set_owner(path: str, bind: Any) -> None:
    if bind is None:
        return
    import grp
    import pwd

    try:
        uid = pwd.getpwnam(bind.user).pw_uid if bind.user else bind.uid
        gid = grp.getgrnam(bind.group).gr_gid if bind.group else bind.gid
    except KeyError as error:
        raise BindError(f"{error.args[0]} for the UNIX socket", "create the user or group, or correct it") from None
    if uid is not None or gid is not None:
        os.chown(path, -1 if uid is None else uid, -1 if gid is None else gid)


def _remove_stale(path: str) -> None:
    try:
        if stat.S_ISSOCK(os.stat(path).st_mode):
            os.unlink(path)
    except FileNotFoundError:
        return


def _fault(listener: Listener, error: BindError) -> Diagnostic:
    """HAProxy's words."""
    where = listener.bind.where if listener.bind is not None else NOWHERE
    place = f"[{where}] " if where.line else ""
    target = f"[{listener.address.host}]" if listener.address.family is Family.UNIX else f"for [{listener.address}]"
    text = f"Binding {place}for proxy {listener.frontend.name}: {error.what} {target}"
    return Diagnostic(Severity.ALERT, where, text, error.hint, "bind", parsing=False)


def _problem(address: Address, error: OSError) -> str:
    socket_kind = "UNIX socket" if address.family in (Family.UNIX, Family.ABSTRACT) else "socket"
    return f"cannot bind {socket_kind} ({error.strerror or error})"


def _advice(address: Address, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        holder = who_holds(address.port) if address.port else ""
        return f"the address is held by {holder}" if holder else "another process listens there: stop it, or choose another port"
    if address.family is Family.UNIX:
        return _advice_on_path(address.host, error)
    if error.errno in (errno.EACCES, errno.EPERM):
        if 0 < address.port < 1024:
            return "ports below 1024 need root (or the capability cap_net_bind_service): start as root, or use a port above 1023"
        return "the user that starts the proxy may not create this socket"
    if error.errno == errno.EADDRNOTAVAIL:
        return "no interface of this machine has that address: write '*' for all, or one that `ip addr` shows"
    if error.errno == errno.EAFNOSUPPORT:
        return "this machine has no IPv6: write an IPv4 address"
    if error.errno == errno.EINVAL and address.host.lower().startswith("fe80:"):
        return "a link-local address needs its interface, which has no place in a 'bind' line: write another address"
    return ""


def _advice_on_path(path: str, error: OSError) -> str:
    folder = os.path.dirname(path) or "."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"the user that starts the proxy may not write in {folder}, or not give the socket away"
    if error.errno == errno.ENOENT:
        return f"mkdir -p {folder}, or correct the path"
    if error.errno in (errno.EISDIR, errno.ENOTDIR):
        return "the path of a socket is a name in a directory that exists, and no directory itself"
    return ""
