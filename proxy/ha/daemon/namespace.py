"""Into a network namespace that has a name (`net_namespace`, -s). Source: setns(2), ip-netns(8)."""

from __future__ import annotations

import os

from proxy.base.errors import StartError

CLONE_NEWNET = 0x40000000
FOLDER = "/run/netns"


def enter_namespace(name: str) -> None:
    """Be there from now on; "" is where we are.

    Raises: StartError.
    """
    if not name:
        return
    import ctypes  # only where it is asked for: it takes a megabyte

    try:
        if "/" in name:
            raise FileNotFoundError(2, "not a name")
        descriptor = os.open(f"{FOLDER}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise StartError("namespace", f"no network namespace '{name}': {error.strerror}",
                         f"make it: ip netns add {name}") from None
    try:
        if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
            raise StartError("namespace", f"cannot enter network namespace '{name}': {os.strerror(ctypes.get_errno())}",
                             "run as root, or with CAP_SYS_ADMIN")
    finally:
        os.close(descriptor)
