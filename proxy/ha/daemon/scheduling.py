"""How the kernel runs a child: its priority, its memory, its processors. What is not permitted is said and gone without."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from dataclasses import dataclass

from proxy.ha.log import Log

MCL_CURRENT, MCL_FUTURE = 1, 2


@dataclass(frozen=True, slots=True)
class Scheduling:
    """What the configuration wants for one child."""

    nice: int | None = None
    rt_priority: int | None = None
    no_swap: bool = False
    processors: tuple[int, ...] = ()


def apply(wanted: Scheduling, log: Log) -> None:
    """Ask the kernel for it, and leave what exists now out of garbage collection."""
    gc.collect()
    gc.freeze()
    gc.enable()
    if wanted.processors:
        _try(log, f"to run on processors {wanted.processors}", lambda: os.sched_setaffinity(0, wanted.processors))
    if wanted.nice is not None:
        nice = wanted.nice
        _try(log, f"priority {nice}", lambda: os.setpriority(os.PRIO_PROCESS, 0, nice))
    if wanted.rt_priority is not None:
        parameters = os.sched_param(wanted.rt_priority)
        # Scripts and mail must not run in real time: their children begin as ordinary processes.
        _try(log, f"real-time priority {wanted.rt_priority}",
             lambda: os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, parameters))
    if wanted.no_swap:
        _try(log, "memory that is never swapped", _lock_memory)


def _lock_memory() -> None:
    import ctypes  # only where it is asked for: it takes a megabyte

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(MCL_CURRENT | MCL_FUTURE):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _try(log: Log, what: str, act: Callable[[], object]) -> None:
    try:
        act()
    except OSError as error:
        log.say("warning", f"{what}: {error.strerror}; going on without")
