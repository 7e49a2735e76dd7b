"""Leaving an address to a successor that listens on it too (SO_REUSEPORT), so that no client is reset.

The kernel spreads new connections over all sockets of an address and resets those that wait in the backlog of one that is
closed. Before it leaves, a socket therefore has the kernel give new connections to the one that came last, by a filter of a
single instruction; then it takes whoever still came its way, and only then closes.

Source: socket(7), SO_ATTACH_REUSEPORT_CBPF: the filter's result is an index into the sockets of the group, in order of listen();
one that is out of range means the usual choice. sock_diag(7): how many there are; unlike /proc it is there in a chroot, and it
tells of listeners only, however many connections there are.
"""

from __future__ import annotations

import socket
import struct
from array import array

SO_ATTACH_REUSEPORT_CBPF = 51       # asm-generic/socket.h; Python does not name it
RETURN_CONSTANT = 0x06
NETLINK_SOCK_DIAG = 4               # linux/netlink.h
SOCK_DIAG_BY_FAMILY = 20            # linux/sock_diag.h
DUMP_REQUEST = 0x301                # NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH
NLMSG_ERROR, NLMSG_DONE = 2, 3
TCP_LISTEN = 10
ANSWER_OCTETS = 65536
PATIENCE_S = 1.0                    # the kernel answers at once or not at all
MESSAGE = struct.Struct("=IHHII")   # nlmsghdr: length, type, flags, sequence, port
REQUEST = struct.Struct("=BBBxI48x")    # inet_diag_req_v2: family, protocol, extensions, states, (identity of none)


def steer_away(listening: socket.socket) -> bool:
    """Let the newest listener of the same address have all new connections; False when there is no other one.

    Never raises: where it cannot be done the kernel goes on choosing as before.
    """
    count = _listeners_like(listening)
    if count == 1:
        return False
    filter_code = array("B", struct.pack("HBBI", RETURN_CONSTANT, 0, 0, max(1, count - 1)))
    try:
        listening.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, struct.pack("HL", 1, filter_code.buffer_info()[0])
        )
    except OSError:
        return count > 1
    return True


def _listeners_like(listening: socket.socket) -> int:
    """How many sockets listen on the address of this one; 0 when it cannot be seen (not an IP address, no sock_diag)."""
    if listening.family not in (socket.AF_INET, socket.AF_INET6):
        return 0
    address = listening.getsockname()
    host = socket.inet_pton(listening.family, address[0].partition("%")[0]).ljust(16, b"\0")
    wanted = struct.pack("!HH", address[1], 0) + host
    request = REQUEST.pack(listening.family, socket.IPPROTO_TCP, 0, 1 << TCP_LISTEN)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(PATIENCE_S)
            kernel.send(MESSAGE.pack(MESSAGE.size + REQUEST.size, SOCK_DIAG_BY_FAMILY, DUMP_REQUEST, 1, 0) + request)
            return _count_sockets(kernel, wanted)
    except OSError:
        return 0


def _count_sockets(kernel: socket.socket, wanted: bytes) -> int:
    """Read the kernel's answer; a socket's identity (its port, the peer's, its address) follows four octets of state.

    Raises: OSError where the kernel refuses to tell.
    """
    count = 0
    while True:
        answer, place = kernel.recv(ANSWER_OCTETS), 0
        if not answer:
            raise OSError("sock_diag broke off")
        while place + MESSAGE.size <= len(answer):
            length, kind, *_ = MESSAGE.unpack_from(answer, place)
            if kind == NLMSG_DONE:
                return count
            if kind == NLMSG_ERROR or length < MESSAGE.size:
                raise OSError("sock_diag is not to be had")
            count += answer.startswith(wanted, place + MESSAGE.size + 4)
            place += (length + 3) & ~3
