"""What the kernel lets this process do beyond what its user may, given up for good. Source: capabilities(7), prctl(2).

    bound       no program that is run from here on can have what is not kept (capability bounding set)
    drop        nothing but what is kept is permitted, effective, inheritable or ambient; nothing can be gained by running a
                set-uid program (no_new_privs); nobody of the same user looks into the memory, which has passwords, nor is it
                written to a core file (dumpable); no more descriptors than now (hard limit)

All of it is said of the calling thread and those that it starts: call it before there are others.
"""

from __future__ import annotations

import errno
import os
import resource
from typing import Any

CAP_DAC_OVERRIDE = 1
PR_SET_DUMPABLE, PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 4, 23, 24, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522
_WORDS = 2                          # 32 capabilities in each
_IGNORED = frozenset((errno.EINVAL,))       # a kernel that does not know of it has none of it to take away


class Kernel:
    """Asked by libc, which is loaded when this is made: after `chroot` there is none to load.

    Raises: ImportError, OSError, MemoryError where that is not possible.
    """

    def __init__(self) -> None:
        import ctypes  # only where it is asked for: it takes a megabyte

        self._ctypes = ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        self._prctl, self._capset, self._capget = libc.prctl, libc.capset, libc.capget
        self._prctl.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)

    def has_privileges(self) -> bool:
        """Whether there is anything that an ordinary user's process has not."""
        return os.geteuid() == 0 or any(self._permitted())

    def bound(self, kept: frozenset[int]) -> None:
        """Take everything else out of the bounding set; without the right to do so there is nothing to be done, nor needed.

        Raises: OSError.
        """
        number = 0
        while self._prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0:
            if number not in kept and self._prctl(PR_CAPBSET_DROP, number, 0, 0, 0):
                if self._ctypes.get_errno() == errno.EPERM:
                    return
                raise self._error()
            number += 1

    def drop(self, kept: frozenset[int]) -> None:
        """Keep these of the capabilities that there are, and give all else up.

        Raises: OSError.
        """
        hides = self.has_privileges()
        wanted = [sum(1 << number % 32 for number in kept if number // 32 == word) for word in range(_WORDS)]
        sets = self._sets()
        for word, permitted in enumerate(self._permitted()):
            sets[3 * word] = sets[3 * word + 1] = permitted & wanted[word]
        if self._capset(self._head(), sets):
            raise self._error()
        self._ask(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
        self._ask(PR_SET_NO_NEW_PRIVS, 1)
        if hides:
            self._ask(PR_SET_DUMPABLE, 0)
            soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, soft))

    def _permitted(self) -> list[int]:
        sets = self._sets()
        if self._capget(self._head(), sets):
            raise self._error()
        return [sets[3 * word + 1] for word in range(_WORDS)]

    def _ask(self, option: int, value: int) -> None:
        if self._prctl(option, value, 0, 0, 0) and self._ctypes.get_errno() not in _IGNORED:
            raise self._error()

    def _head(self) -> Any:
        return (self._ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)        # 0: this thread

    def _sets(self) -> Any:
        return (self._ctypes.c_uint32 * (3 * _WORDS))()                     # effective, permitted, inheritable; for each word

    def _error(self) -> OSError:
        number = self._ctypes.get_errno()
        return OSError(number, os.strerror(number))
