"""A configuration of 10,000 lines and 2,000 backends is read in bounded memory. (How long it takes is in `make bench`.)"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MOST_KIB = 300 * 1024
ROOT = Path(__file__).parents[2]
HEAD = """\
global
    maxconn 1000
defaults
    mode http
    timeout client 1s
    timeout connect 1s
    timeout server 1s
frontend front
    bind 127.0.0.1:8080
    default_backend b0
"""
BACKEND = """\
backend b{n}
    balance "roundrobin"
    option httpchk GET /health            # a comment
    server one 10.0.{high}.{low}:80 check inter 2s weight 10 cookie "one${{NOTHING-1}}"
    server two 10.1.{high}.{low}:80 check backup
"""


def test_memory(tmp_path: Path) -> None:
    text = HEAD + "".join(BACKEND.format(n=n, high=n // 250, low=n % 250) for n in range(2000))
    assert text.count("\n") == 10_010
    (tmp_path / "large.cfg").write_text(text)
    command = [sys.executable, "-m", "proxy", "-c", "-f", str(tmp_path / "large.cfg")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert used.ru_maxrss < MOST_KIB
