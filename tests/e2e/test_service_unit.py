"""examples/pyproxy.service: systemd finds nothing wrong with it, and what it allows is enough."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "examples" / "pyproxy.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("=pyproxy ", f"={program} "))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root and setpriv")
def test_its_capabilities_are_enough(
    tmp_path: Path, free_port: Callable[[], int], origin: Any, ask: Any, wait_gone: Any, eventually: Any
) -> None:
    """'user' and 'chroot' under NoNewPrivileges, and a reload of a worker that is another user's."""
    line = next(line for line in UNIT.read_text().splitlines() if line.startswith("CapabilityBoundingSet="))
    kept = ",".join("+" + name.removeprefix("CAP_").lower() for name in line.partition("=")[2].split())
    port = free_port()
    (tmp_path / "empty").mkdir()
    tmp_path.chmod(0o755)
    (tmp_path / "cfg").write_text(f"""\
global
    user nobody
    chroot {tmp_path}/empty
    nbthread 2
defaults
    mode http
    timeout connect 1s
    timeout client 20s
    timeout server 20s
listen site
    bind 127.0.0.1:{port}
    server one 127.0.0.1:{origin("one").port}
""")
    process = subprocess.Popen(
        ["setpriv", "--no-new-privs", f"--bounding-set=-all,{kept}", "--inh-caps=-all", sys.executable, "-m", "proxy", "-W",
         "-f", "cfg"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        eventually(lambda: ask(("127.0.0.1", port)).status == 200, "the first worker")
        (worker,) = map(int, children.read_text().split())
        status = dict(line.split(":", 1) for line in Path(f"/proc/{worker}/status").read_text().splitlines())
        assert (status["CapEff"].strip("\t0"), status["Uid"].split()[0] != "0") == ("", True)
        process.send_signal(signal.SIGUSR2)
        wait_gone(worker)
        assert ask(("127.0.0.1", port)).status == 200
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
