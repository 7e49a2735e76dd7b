"""A configuration of 10,000 lines and 2,000 backends is read in bounded memory. (How long it takes is in `make bench`.)"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MOST_KIB = 100 * 1024
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


# Of the process itself: what wait4 tells includes what it had been forked from.
READ = """
import sys
from pathlib import Path
from proxy.cli.__main__ import main
status = main(sys.argv[1:])
line, = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
print(status, line.split()[1])
"""


def test_memory(tmp_path: Path) -> None:
    text = HEAD + "".join(BACKEND.format(n=n, high=n // 250, low=n % 250) for n in range(2000))
    assert text.count("\n") == 10_010
    (tmp_path / "large.cfg").write_text(text)
    command = [sys.executable, "-c", READ, "-c", "-q", "-f", str(tmp_path / "large.cfg")]
    said = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True).stdout
    status, used_kib = map(int, said.split())
    assert status == 0
    assert used_kib < MOST_KIB
