"""Wheel and sdist: what is in them, and that the wheel can be made from the sdist."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("proxy", "grammar", "examples", "tests", ".ci", "bench")
FILES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "Makefile", "ARCHITECTURE.md", "CONTRIBUTING.md",
         "CHANGELOG.md", "SECURITY.md")


def test_both_distributions_are_whole(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, source)
    for name in SOURCES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "out", "*.so"))
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(source)],
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYPROXY_PURE": "1"},            # compiling is make's business, and takes minutes
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        commands = archive.read(entry_points).decode()
        assert "pyproxy = proxy.cli.__main__:main" in commands
        assert "pyproxy-ha = " in commands
    python = {str(path.relative_to(ROOT)) for path in (ROOT / "proxy").rglob("*.py")}
    assert python <= names
    assert {"proxy/py.typed", "proxy/grammar/haproxy.lark", "proxy/examples/haproxy.cfg", "proxy/stats/page/style.css",
            "proxy/stats/page/live.js"} <= names
    assert not [name for name in names if not name.startswith(("proxy/", "pyproxy_lb-"))]
    with tarfile.open(sdist) as packed:
        inside = {name.partition("/")[2] for name in packed.getnames()}
    assert {"Makefile", ".ci/run", "tests/conftest.py", "grammar/haproxy.lark", "examples/haproxy.cfg", "LICENSE",
            ".ci/wheel_works.py"} <= inside
    assert {str(path.relative_to(ROOT)) for kind in ("*.pyx", "*.pxd") for path in (ROOT / "proxy").rglob(kind)} <= inside
