"""Leaving an address to a successor that listens on it too (SO_REUSEPORT), so that no client is reset.

The kernel spreads new connections over all sockets of an address and resets those that wait in the backlog of one that is
closed. Before it leaves, a socket therefore has the kernel give new connections to the one that came last, by a filter of a
single instruction; then it takes whoever still came its way, and only then closes.

Source: socket(7), SO_ATTACH_REUSEPORT_CBPF: the filter's result is an index into the sockets of the group, in order of listen();
one that is out of range means the usual choice.
"""

from __future__ import annotations

import socket
import struct
from array import array

SO_ATTACH_REUSEPORT_CBPF = 51       # asm-generic/socket.h; Python does not name it
RETURN_CONSTANT = 0x06
LISTEN = "0A"


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
    """How many sockets listen on the address of this one; 0 when it cannot be seen (no /proc, not an IP address)."""
    if listening.family == socket.AF_INET:
        table, address = "/proc/net/tcp", listening.getsockname()
        packed = socket.inet_pton(socket.AF_INET, address[0])[::-1]
    elif listening.family == socket.AF_INET6:
        table, address = "/proc/net/tcp6", listening.getsockname()
        octets = socket.inet_pton(socket.AF_INET6, address[0].partition("%")[0])
        packed = b"".join(octets[place : place + 4][::-1] for place in range(0, 16, 4))
    else:
        return 0
    wanted = f"{packed.hex().upper()}:{address[1]:04X}"
    try:
        with open(table, encoding="ascii") as lines:
            return sum(1 for line in lines if (fields := line.split())[1] == wanted and fields[3] == LISTEN)
    except OSError:
        return 0
