"""What the words of commands name: servers, backends, frontends. What is not there is refused in HAProxy's words."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.admin.messages import Refused
from proxy.runtime.backend import Backend
from proxy.runtime.frontend import Frontend
from proxy.runtime.process import Process
from proxy.runtime.server import Server


def word(words: Sequence[str], index: int) -> str:
    """The word at this place, "" where there is none."""
    return words[index] if index < len(words) else ""


def server_named(process: Process, text: str) -> Server:
    """The server of `backend/server`.

    Raises: Refused.
    """
    backend_name, slash, name = text.partition("/")
    if not slash or not name:
        raise Refused("Require 'backend/server'.\n")
    backend = process.backend(backend_name)
    if backend is None:
        raise Refused("No such backend.\n")
    server = backend.server(name)
    if server is None:
        raise Refused("No such server.\n")
    return server


def frontend_named(process: Process, name: str) -> Frontend:
    """The frontend of that name.

    Raises: Refused.
    """
    if not name:
        raise Refused("A frontend name is expected.\n")
    frontend = process.frontend(name)
    if frontend is None:
        raise Refused("No such frontend.\n")
    return frontend


def backends_named(process: Process, name: str) -> list[Backend]:
    """All backends, or the one of that name.

    Raises: Refused.
    """
    if not name:
        return process.backends
    backend = process.backend(name)
    if backend is None:
        raise Refused("Can't find backend.\n")
    return [backend]


def number_of(text: str, none: int = 0) -> int:
    """A number as HAProxy's commands read it: a sign and digits, whatever follows; `none` where there are no digits."""
    sign, digits = (text[:1], text[1:]) if text[:1] in ("-", "+") else ("", text)
    count = len(digits) - len(digits.lstrip("0123456789"))
    value = int(digits[: min(count, 18)]) if count else none
    return -value if sign == "-" else value
