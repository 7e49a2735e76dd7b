"""Privileges given up, as the kernel tells of it: each time in a child, because there is no way back."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable

import pytest

from proxy.base.privileges import CAP_DAC_OVERRIDE, Kernel

NONE = "0" * 16


def status_after(act: Callable[[Kernel], object]) -> dict[str, str]:
    """/proc/self/status of a child that has done it."""
    kernel = Kernel()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            act(kernel)
            with open("/proc/self/status", "rb") as status:
                os.write(writing, status.read() + b"Nofile:\t%d\n" % resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        lines = told.read().splitlines()
    os.waitpid(pid, 0)
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_nothing_is_left() -> None:
    status = status_after(lambda kernel: kernel.drop(frozenset()))
    assert [status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [NONE] * 4
    assert status["NoNewPrivs"] == "1"


@pytest.mark.root
def test_what_is_kept_is_all_there_is() -> None:
    def act(kernel: Kernel) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
        kernel.bound(frozenset((CAP_DAC_OVERRIDE,)))
        kernel.drop(frozenset((CAP_DAC_OVERRIDE,)))

    status = status_after(act)
    kept = f"{1 << CAP_DAC_OVERRIDE:016x}"
    assert [status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")] == [NONE, kept, kept, kept, NONE]
    assert status["Nofile"] == "100"


@pytest.mark.root
def test_capabilities_of_an_ordinary_user_go_too() -> None:
    """As of a service with AmbientCapabilities=CAP_NET_BIND_SERVICE."""
    def act(kernel: Kernel) -> None:
        kernel._prctl(8, 1, 0, 0, 0)                # PR_SET_KEEPCAPS: they stay with another user
        os.setuid(65534)
        assert kernel.has_privileges()
        kernel.drop(frozenset())
        assert not kernel.has_privileges()

    status = status_after(act)
    assert [status[name] for name in ("CapPrm", "CapEff", "CapAmb")] == [NONE] * 3


@pytest.mark.root
def test_nobody_looks_into_the_memory() -> None:
    def act(kernel: Kernel) -> None:
        kernel.drop(frozenset())
        assert kernel._prctl(3, 0, 0, 0, 0) == 0    # PR_GET_DUMPABLE

    assert status_after(act)["NoNewPrivs"] == "1"
