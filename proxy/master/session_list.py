"""Client sessions as commands show and name them.

A name is of the session's worker and of its place in memory, veiled by a number that each process has of its own: it names one
session while there is one, and tells nothing of the memory.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import Any

from proxy.core.stream.failure import KILLED
from proxy.core.stream.session import Session
from proxy.engine.worker import Worker

ALL = "all"
SHOWN_MAX = 20_000              # of each worker, the oldest: an answer is one text
PLACE_BITS = 48
_VEIL = int.from_bytes(os.urandom(PLACE_BITS // 8), "big")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def name_of(session: Session, number: int) -> str:
    """What the session is called; `number` is its worker's, 0 where there is but one process."""
    return f"0x{number << PLACE_BITS | (id(session) ^ _VEIL) & (1 << PLACE_BITS) - 1:x}"


def tell(worker: Worker, number: int, which: str) -> str:
    """`show sess`: a line for each session, or all that is known of one, or of "all"; "" where there is none of that name."""
    sessions = sorted(worker.sessions, key=lambda session: session.accept_ms)[:SHOWN_MAX]
    if which == ALL:
        return "".join(_details(session, number, worker.now_ms) for session in sessions)
    if which.startswith("0x"):
        return "".join(_details(session, number, worker.now_ms) for session in _named(worker.sessions, number, which))
    return "".join(_line(session, number, worker.now_ms) for session in sessions)


def shut(worker: Worker, number: int, which: str) -> bool:
    """`shutdown session`; False where there is none of that name."""
    found = list(_named(worker.sessions, number, which))
    for session in found:
        session.shut(KILLED)
    return bool(found)


def _named(sessions: Iterable[Session], number: int, which: str) -> Iterator[Session]:
    wanted = which.lower()
    return (session for session in list(sessions) if name_of(session, number) == wanted and not session.closed)


def _line(session: Session, number: int, now_ms: int) -> str:
    backend, server = _at(session)
    fields = {
        "proto": _protocol(session), "src": _source(session), "fe": session.frontend.name, "be": backend, "srv": server,
        "age": _span((now_ms - session.accept_ms) // 1000), "exp": _left(session, now_ms),
    }
    return f"{name_of(session, number)}: " + " ".join(f"{name}={value}" for name, value in fields.items()) + "\n"


def _details(session: Session, number: int, now_ms: int) -> str:
    backend, server = _at(session)
    stream: Any = getattr(session, "stream", None)
    frontend, listener = session.frontend, session.listener
    mode = "http" if frontend.is_http else "tcp"
    when = time.localtime(session.accept_wall_s)
    micros = int(session.accept_wall_s % 1 * 1_000_000)
    accepted = f"{when.tm_mday:02}/{_MONTHS[when.tm_mon - 1]}/{when.tm_year}:{time.strftime('%H:%M:%S', when)}.{micros:06}"
    lines = [
        f"{name_of(session, number)}: [{accepted}] id={session.request_number} proto={_protocol(session)} "
        f"source={_source(session)}",
        f"  frontend={frontend.name} (id={frontend.iid} mode={mode}), listener={listener.label} (id={listener.lid}) "
        f"addr={_place(session.local_address, session.local_port)}",
        f"  backend={backend}", f"  server={server}",
        f"  age={_span((now_ms - session.accept_ms) // 1000)} exp={_left(session, now_ms)}",
    ]
    if stream is not None and hasattr(stream, "octets_in"):
        lines.append(f"  req={stream.octets_in} octets, res={stream.octets_out} octets, conn_retries={stream.retries}")
    return "".join(f"{line}\n" for line in lines)


def _at(session: Session) -> tuple[str, str]:
    stream: Any = getattr(session, "stream", None)
    backend, server = getattr(stream, "backend", None), getattr(stream, "server", None)
    return (backend.name if backend is not None else "<NONE>"), (server.name if server is not None else "<none>")


def _protocol(session: Session) -> str:
    if not session.peer_port:
        return "unix_stream"
    return "tcpv6" if ":" in session.peer_address else "tcpv4"


def _source(session: Session) -> str:
    return _place(session.peer_address, session.peer_port)


def _place(address: str, port: int) -> str:
    return f"{address}:{port}" if port else address


def _left(session: Session, now_ms: int) -> str:
    """How long until its deadline; nothing where it has none."""
    return _span(max(0, session.deadline_ms - now_ms) // 1000) if session.deadline_ms else ""


def _span(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d{hour}h"
    if hours:
        return f"{hours}h{minute}m"
    return f"{minutes}m{second}s" if minutes else f"{second}s"
