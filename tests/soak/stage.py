"""A web server and a proxy, each in processes of its own, and how much memory the proxy's take."""

from __future__ import annotations

import select
import subprocess
import sys
from pathlib import Path

from bench import procfs
from tests.e2e.conftest import ROOT, Command

CALM = 10               # readings, one each READING_S, in which a proxy used no CPU: nothing goes on any more
READING_S = 0.05
CALM_MOST = 1200


class Origin:
    """tests.soak.origin as a process."""

    def __enter__(self) -> Origin:
        self.process = subprocess.Popen([sys.executable, "-m", "tests.soak.origin"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


class Stage:
    """A proxy before the web server."""

    def __init__(self, origin: Origin, folder: Path, port: int) -> None:
        self.origin, self.folder, self.port = origin, folder, port
        self.command: Command | None = None

    def start(self, mode: str = "http", *lines: str, log: str = "", maxconn: int = 1000) -> None:
        """Run `pyproxy` in one worker; `lines` are for the defaults section, `log` is where a line for each request goes."""
        text = ["global", " nbthread 1", f" maxconn {maxconn}", *([f" log {log} local0"] if log else []),
                "defaults", f" mode {mode}",
                *([" log global", " option tcplog" if mode == "tcp" else " option httplog"] if log else []),
                " timeout connect 20s", " timeout client 600s", " timeout server 600s", *(f" {line}" for line in lines),
                "frontend www", f" bind 127.0.0.1:{self.port}", " default_backend app",
                "backend app", f" server s1 127.0.0.1:{self.origin.port}"]
        file = self.folder / "soak.cfg"
        file.write_text("\n".join(text) + "\n")
        self.command = Command(self.folder, "-f", str(file))

    @property
    def pids(self) -> list[int]:
        assert self.command is not None
        return procfs.tree(self.command.pid)

    def rss_octets(self) -> int:
        """Resident memory of all the proxy's processes, once they are calm."""
        self.calm()
        return procfs.rss_bytes(self.pids)

    def calm(self) -> None:
        """Wait until the proxy has nothing to do."""
        pids, used, readings = self.pids, -1.0, 0
        for _ in range(CALM_MOST):
            now = procfs.cpu(pids).total_s
            readings = readings + 1 if now == used else 0
            if readings == CALM:
                return
            used = now
            select.select([], [], [], READING_S)
        raise AssertionError("the proxy does not come to rest")

    def close(self) -> None:
        if self.command is not None:
            self.command.stop()
            self.command = None
