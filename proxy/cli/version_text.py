"""`-v` and `-vv`: which HAProxy this behaves like, which program it is, and what it runs on."""

from __future__ import annotations

import importlib.util
import platform

from proxy import __version__
from proxy.base.machine_code import is_machine_code
from proxy.base.version import FEATURES, HAPROXY_VERSION

LIBRARIES = ("uvloop", "h11", "lark", "prometheus-client")


def version_text() -> str:
    """What `-v` prints; the first line is HAProxy's, for the scripts that read it."""
    system = platform.uname()
    return (
        f"HAProxy version {HAPROXY_VERSION} - behaviour of; this is pyproxy {__version__}\n"
        f"Running on: {system.system} {system.release} {system.machine}, Python {platform.python_version()}\n"
    )


def build_text() -> str:
    """What `-vv` adds."""
    libraries = "".join(f"  {name} {_library_version(name)}\n" for name in LIBRARIES)
    return (
        "Build options :\n"
        "  TARGET  = linux-glibc\n"
        f"  CPU     = {platform.machine()}\n"
        f"  CC      = {platform.python_implementation()} {platform.python_version()}\n"
        "  OPTIONS = USE_EPOLL=1 USE_PROMEX=1\n\n"
        f"Feature list : {' '.join('+' + name for name in sorted(FEATURES))}\n\n"
        f"Compiled modules : {_compiled()}\n\n"
        f"Libraries :\n{libraries}\n"
        "Default settings :\n"
        "  bufsize = 16384, maxrewrite = 1024\n\n"
        "Available services : prometheus-exporter\n"
    )


def start_text(loop_kind: str) -> str:
    """What `-V` and `-d` say of the program that starts."""
    loop = f"uvloop {_library_version('uvloop')}" if loop_kind == "uvloop" and _is_there("uvloop") else "asyncio"
    return f"Using epoll() as the polling mechanism.\nEvent loop : {loop}\nCompiled modules : {_compiled()}\n"


def libraries_text() -> str:
    """What `-dL` prints: the program and the machine code that it has loaded by now."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        fields = [line.split(maxsplit=5) for line in maps]
    code = (field[5].strip() for field in fields if len(field) == 6 and "x" in field[1])
    files = dict.fromkeys(file for file in code if file.startswith("/"))
    return "List of loaded object files:\n" + "".join(f"{file}\n" for file in files)


def _compiled() -> str:
    return "the data plane" if is_machine_code() else "none (pure Python)"


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _library_version(name: str) -> str:
    import importlib.metadata  # loads e-mail's parser: only for those who ask

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"
