"""The kernel's news of processes: started, replaced, renamed, ended.

Source: the kernel's Documentation/driver-api/connector.rst, linux/cn_proc.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

from proxy.ha.net.netlink import Overrun, messages

NETLINK_CONNECTOR = 11
CN_IDX_PROC, CN_VAL_PROC = 1, 1
PROC_CN_MCAST_LISTEN = 1
PROC_EVENT_FORK, PROC_EVENT_EXEC, PROC_EVENT_COMM, PROC_EVENT_EXIT = 1, 2, 0x200, 0x80000000
NLMSG_DONE = 3

_HEADER = struct.Struct("=IHHII")
_CONNECTOR = struct.Struct("=IIIIHH")
_EVENT = struct.Struct("=IIQ")


class ProcessEvents:
    """A socket that tells the process ids of what started or changed, and of what ended.

    Raises: OSError where the kernel does not tell this process (no right to, or another namespace).
    """

    def __init__(self) -> None:
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_NETLINK, kind, NETLINK_CONNECTOR)
        try:
            self._socket.bind((0, CN_IDX_PROC))
            body = _CONNECTOR.pack(CN_IDX_PROC, CN_VAL_PROC, 0, 0, 4, 0) + struct.pack("=I", PROC_CN_MCAST_LISTEN)
            self._socket.send(_HEADER.pack(16 + len(body), NLMSG_DONE, 0, 0, os.getpid()) + body)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def read(self) -> tuple[set[int], set[int]]:
        """Who started or changed, and who ended, since the last time.

        Raises: Overrun.
        """
        changed: set[int] = set()
        ended: set[int] = set()
        while True:
            try:
                octets = self._socket.recv(1 << 16)
            except BlockingIOError:
                return changed, ended
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    raise Overrun from None
                raise
            for _, _, content in messages(octets):
                _take(content, changed, ended)


def _take(content: bytes, changed: set[int], ended: set[int]) -> None:
    start = _CONNECTOR.size + _EVENT.size
    if len(content) < start + 8:
        return
    what, _, _ = _EVENT.unpack_from(content, _CONNECTOR.size)
    first, second = struct.unpack_from("=ii", content, start)
    if what == PROC_EVENT_FORK and len(content) >= start + 16:
        child_pid, child_tgid = struct.unpack_from("=ii", content, start + 8)
        if child_pid == child_tgid:                         # not a thread
            changed.add(child_tgid)
            ended.discard(child_tgid)
    elif what in (PROC_EVENT_EXEC, PROC_EVENT_COMM) and first == second:
        changed.add(second)
    elif what == PROC_EVENT_EXIT and first == second:
        ended.add(second)
        changed.discard(second)
