"""What a running process will need from the file system, loaded while there still is one: after chroot there is none."""

from __future__ import annotations

import contextlib
import importlib
import socket
import time

MODULES = (
    "encodings.idna", "encodings.latin_1", "encodings.ascii", "encodings.utf_8",     # host names, header values
    "stringprep", "unicodedata",                                                      # used by encodings.idna
    "traceback", "linecache", "tracemalloc",                                          # to tell of a broken invariant
    "json", "base64", "hashlib", "hmac", "html", "zlib",
    "concurrent.futures.thread", "asyncio.base_events", "asyncio.staggered", "asyncio.trsock", "asyncio.selector_events",
    "h11", "proxy.core.http1.h11_reader", "proxy.master.state_dump", "proxy.master.memory_dump",
)
FOR_COMMANDS = ("proxy.master.commands",)


def preload(loop_kind: str = "", takes_commands: bool = False) -> None:
    """Import what is imported late, read the time zone, wake the resolver; workers will need their event loop's module too.

    Services are not among it: whoever makes one (`Control.open`) has loaded it.
    """
    for name in (*MODULES, *(FOR_COMMANDS if takes_commands else ())):
        importlib.import_module(name)
    if loop_kind == "uvloop":
        with contextlib.suppress(ImportError):
            importlib.import_module("uvloop")
    "localhost".encode("idna")
    time.tzset()
    time.localtime()
    try:
        socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
    except OSError:                 # no hosts file: then there is nothing that could be loaded
        pass
