"""The programs under test and beside them: found, started on their cores, ended by their process id."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import procfs
from bench.rows import TUNED_BUFSIZE

ROOT = Path(__file__).parents[1]
SYSTEM_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
PACKAGES = {"haproxy": "haproxy", "nginx": "nginx-light", "wrk": "wrk", "strace": "strace"}
START_S = 20.0
STOP_S = 5.0


class BenchError(Exception):
    """A measurement that could not be made; the message is what the table's reader is told."""


@dataclass(frozen=True, slots=True)
class Program:
    """A proxy by name. `command` takes `-f FILE -db`, or is nginx; `bufsize` writes tune.bufsize into its configuration."""

    name: str
    command: tuple[str, ...]
    flavour: str = "haproxy"
    bufsize: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where: one core for the proxy, the others for load and servers."""

    proxy: frozenset[int]
    rest: frozenset[int]


def share_out(cores: set[int]) -> Cores:
    """The last core for the proxy (the first takes most interrupts), all others for the rest; one core is shared."""
    ordered = sorted(cores)
    return Cores(frozenset(ordered[-1:]), frozenset(ordered[:-1] or ordered))


def find(name: str) -> str:
    """The path of an installed program.

    Raises: BenchError, with the Debian package to install.
    """
    path = shutil.which(name, path=SYSTEM_PATH)
    if path is None:
        raise BenchError(f"{name} is not installed: apt-get install {PACKAGES.get(name, name)}")
    return path


def standard_programs() -> dict[str, Program]:
    """HAProxy, the pyproxy of this tree, nginx where it is installed, and HAProxy with large buffers for the bulk rows."""
    haproxy = (find("haproxy"),)
    ours = {"PYTHONPATH": str(ROOT)}
    programs = [
        Program("haproxy", haproxy),
        Program("pyproxy", (sys.executable, "-m", "proxy"), environment=ours),
        Program("nginx", (find("nginx"),), flavour="nginx"),
        Program("haproxy-256k", haproxy, bufsize=TUNED_BUFSIZE),
    ]
    return {program.name: program for program in programs}


def named_program(text: str) -> Program:
    """The program a NAME=COMMAND option describes.

    Raises: ValueError.
    """
    name, sign, command = text.partition("=")
    words = tuple(shlex.split(command))
    if not (name and sign and words):
        raise ValueError(f"--program takes NAME=COMMAND, not {text!r}")
    return Program(name, words)


def free_port() -> int:
    """A port nobody listens on, from below those that the kernel gives to outgoing connections."""
    for _ in range(200):
        port = random.randrange(20000, 32000)
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BenchError("no free port between 20000 and 32000")


def allow_many_files() -> int:
    """Let this process and its children have as many descriptors as the system permits, and say how many."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@contextlib.contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """Run on these cores meanwhile; children started inside stay there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Running:
    """A started process: its output in a file, itself out of reach of the terminal's Ctrl-C, ended with `stop`."""

    def __init__(self, name: str, command: Sequence[str], cores: frozenset[int], folder: Path,
                 environment: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.output = Path(tempfile.mkstemp(prefix=f"{name}-", suffix=".out", dir=folder)[1])
        with self.output.open("wb") as output, pinned(cores):
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder,
                                            env=environment, start_new_session=True)

    @property
    def pid(self) -> int:
        return self.process.pid

    def messages(self) -> str:
        """The last of what it printed."""
        return self.output.read_text(errors="replace")[-600:].strip()

    def wait_for(self, port: int) -> None:
        """Until it accepts connections.

        Raises: BenchError when it ends or says nothing for START_S.
        """
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise BenchError(f"{self.name} ended with status {self.process.returncode}: {self.messages()}")
            try:
                socket.create_connection(("127.0.0.1", port), 1.0).close()
                return
            except OSError:
                time.sleep(0.02)
        raise BenchError(f"{self.name} does not listen after {START_S:g} s: {self.messages()}")

    def stop(self) -> None:
        """End it and what it started: asked first, killed when it does not."""
        if self.process.poll() is not None:
            return
        pids = procfs.tree(self.pid)
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in pids[1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def proxy_environment(program: Program, folder: Path) -> dict[str, str]:
    """What a proxy is started with: Python keeps its bytecode, as an installed program does, but not in anyone's tree."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYPROXY_"))}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "pycache")
    environment.update(program.environment)
    return environment
