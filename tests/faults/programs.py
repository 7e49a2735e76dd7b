"""One of the programs that are compared, running a configuration in the foreground, with its statistics at hand."""

from __future__ import annotations

import contextlib
import csv
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from bench import procfs
from tests.e2e.conftest import PATIENCE_S, ROOT, ask, eventually, wait_gone

HARNESS = """
listen harness
    bind 127.0.0.1:{port}
    mode http
    no log
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    stats enable
    stats uri /
    stats admin if TRUE
"""
FORM = "Content-Type: application/x-www-form-urlencoded"


class Program:
    """`kind` is compiled, pure, haproxy, or as-built: pyproxy as this test run would import it.

    Its configuration is `cfg` in a folder. A reload is a further process beside the first, as the tests start it.
    """

    def __init__(self, kind: str, folder: Path, haproxy: str, free_port: Callable[[], int]) -> None:
        self.kind, self.folder = kind, folder
        self._haproxy = haproxy
        self._stats = ("127.0.0.1", free_port())
        self.processes: list[subprocess.Popen[bytes]] = []
        self._known: set[int] = set()
        self._outputs: list[IO[bytes]] = []
        self.errors_file = folder / "errors"

    @property
    def is_ours(self) -> bool:
        return self.kind != "haproxy"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The latest process that was started."""
        return self.processes[-1]

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def pids(self) -> list[int]:
        """It and its descendants."""
        found = procfs.tree(self.pid)
        self._known.update(found)
        return found

    def children(self, pid: int | None = None) -> list[int]:
        """Direct children of a process, oldest first."""
        pid = pid or self.pid
        found = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        self._known.update(found)
        return found

    def write(self, text: str, name: str = "cfg") -> None:
        (self.folder / name).write_text(text + HARNESS.format(port=self._stats[1]))

    def launch(self, *words: str, stdout: Any = None, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a process without waiting for it to serve."""
        variables = {**os.environ, "TZ": "UTC", **(environment or {})}
        if self.is_ours:
            command = [sys.executable, "-m", "proxy", *words]
            variables["PYTHONPATH"] = str(ROOT)
            if self.kind != "as-built":
                variables.pop("PYPROXY_PURE", None)
            if self.kind == "pure":
                variables["PYPROXY_PURE"] = "1"
        else:
            command = [self._haproxy, *words]
        errors = self.errors_file.open("ab")
        self._outputs.append(errors)
        self.processes.append(subprocess.Popen(
            command, cwd=self.folder, env=variables, stdin=subprocess.DEVNULL, stdout=errors if stdout is None else stdout,
            stderr=errors))
        return self.process

    def start(self, text: str, *words: str, **how: Any) -> Program:
        """Run this configuration; it serves when this returns."""
        self.write(text)
        process = self.launch("-db" if "-W" not in words else "-W", "-f", "cfg", *(word for word in words if word != "-W"), **how)

        def serves() -> bool:
            assert process.poll() is None, f"it did not start: {self.errors}"
            return ask(self._stats, "/;csv").status == 200

        eventually(serves, "the program to serve")
        return self

    @property
    def errors(self) -> str:
        """What it wrote to the terminal."""
        return self.errors_file.read_text(errors="replace")

    def row(self, proxy: str, service: str) -> dict[str, str]:
        """A row of the statistics."""
        text = ask(self._stats, "/;csv").text.removeprefix("# ")
        rows = csv.DictReader(text.splitlines())
        return next(row for row in rows if (row["pxname"], row["svname"]) == (proxy, service))

    def act(self, action: str, proxy: str, server: str) -> None:
        """What an administrator does on the page."""
        ask(self._stats, "/", FORM, method="POST", body=f"s={server}&action={action}&b={proxy}".encode())

    def say(self, path: Path, command: str) -> str:
        """Ask a stats socket."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(str(path))
            sock.sendall(command.encode() + b"\n")
            sock.shutdown(socket.SHUT_WR)
            answer = b""
            while octets := sock.recv(1 << 16):
                answer += octets
        return answer.decode()

    def cpu_s(self) -> float:
        return procfs.cpu(self.pids).total_s

    def rss_octets(self) -> int:
        return procfs.rss_bytes(self.pids)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def close(self) -> None:
        """End everything that was started here, and what that started."""
        for process in self.processes:
            if process.poll() is None:
                self._known.update(procfs.tree(process.pid))
                process.send_signal(signal.SIGKILL)
            process.wait()
        for pid in self._known - {process.pid for process in self.processes}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            wait_gone(pid)
        for output in self._outputs:
            output.close()
