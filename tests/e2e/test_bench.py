"""One tiny row of the benchmark, end to end: real programs, a table, nothing left behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.results import FOLDER

ROOT = Path(__file__).parents[2]


@pytest.mark.peer("haproxy", "nginx", "wrk")
def test_a_row_is_measured_and_nothing_is_left(tmp_path: Path) -> None:
    name = f"test-{tmp_path.name}"
    command = [sys.executable, "-m", "bench", "--rows", "http-minimal", "--quick", "--only", "haproxy,pyproxy", "--save", name]
    try:
        done = subprocess.run(command, cwd=ROOT, env={"PATH": "/usr/sbin:/usr/bin:/bin", "TMPDIR": str(tmp_path)},
                              capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "| http-minimal | µs CPU/request |" in done.stdout
        stored = json.loads((FOLDER / f"{name}.json").read_text())
        for program in ("haproxy", "pyproxy"):
            (turn,) = stored["rows"]["http-minimal"]["programs"][program]["turns"]
            assert turn["value"] > 0
            assert turn["rate"] > 0
            assert turn["rss_bytes"] > 2**20
        assert (FOLDER / f"{name}.svg").read_text().startswith("<svg")
    finally:
        for suffix in ("json", "svg"):
            (FOLDER / f"{name}.{suffix}").unlink(missing_ok=True)
    assert list(tmp_path.iterdir()) == []
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in left
