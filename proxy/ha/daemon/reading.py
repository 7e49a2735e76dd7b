"""The configuration, read in a child of its own: what reading needs never stays, and a reload holds no timer up.

    parent ──fork──> child: load, render ──one pickle over a pipe──> parent: Reading
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

from proxy.ha.conf.model import Configuration
from proxy.ha.log import our_fault
from proxy.ha.loop import Loop


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading a file. `configuration` is None when the file could not be read, and `messages` says why.

    `errors` counts what keepalived would have complained about too.
    """

    configuration: Configuration | None
    messages: str
    errors: int = 0


def read(path: str, config_id: str | None) -> Reading:
    """Read in this process; everything heavy is imported here."""
    from proxy.ha.conf.lines import FileMissing
    from proxy.ha.conf.load import load

    try:
        configuration, sources = load(path, config_id=config_id)
    except FileMissing as error:
        return Reading(None, f"Config files missing '{path}': {error.reason}.\n  check the name after -f\n")
    if not configuration.diagnostics:
        return Reading(configuration, "")
    from proxy.config.rendering import render

    shown = render(configuration.diagnostics, sources, os.getpid())
    errors = sum(not item.feature for item in configuration.diagnostics)
    return Reading(configuration, shown, errors)


def read_in_child(path: str, config_id: str | None, meanwhile: Callable[[], object] | None = None) -> Reading:
    """Read and wait for it, before there is a loop; `meanwhile` is called while the child reads."""
    pid, pipe = _fork(path, config_id)
    if meanwhile is not None:
        meanwhile()
    chunks: list[bytes] = []
    while chunk := os.read(pipe, 1 << 16):
        chunks.append(chunk)
    os.close(pipe)
    os.waitpid(pid, 0)
    return _result(b"".join(chunks))


def read_meanwhile(loop: Loop, path: str, config_id: str | None, done: Callable[[Reading], None]) -> None:
    """Read while the loop goes on; `done` is told what came of it."""
    pid, pipe = _fork(path, config_id)
    os.set_blocking(pipe, False)
    chunks: list[bytes] = []

    def more() -> None:
        while True:
            try:
                chunk = os.read(pipe, 1 << 16)
            except BlockingIOError:
                return
            if chunk:
                chunks.append(chunk)
                continue
            loop.remove(pipe)
            os.close(pipe)
            os.waitpid(pid, 0)
            done(_result(b"".join(chunks)))
            return

    loop.add_reader(pipe, more)


def _result(octets: bytes) -> Reading:
    """What the child has written; it is our own code at both ends."""
    if not octets:
        return Reading(None, "the process that reads the configuration has died\n")
    reading: Reading = pickle.loads(octets)
    return reading


def _fork(path: str, config_id: str | None) -> tuple[int, int]:
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    if pid:
        os.close(writing)
        return pid, reading
    status = 1
    try:
        os.close(reading)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        try:
            result = read(path, config_id)
        except Exception as error:          # ours; the user sees what and where, the daemon goes on with what it has
            result = Reading(None, f"internal error while reading {path}: {our_fault(error)} with the file\n")
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(result, pipe, protocol=5)
        status = 0
    finally:
        os._exit(status)
