"""The package as a whole: what importing it costs and promises."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("lark", "uvloop", "prometheus_client", "asyncio", "h11")


def test_import_proxy_loads_nothing_heavy() -> None:
    code = f"import sys, proxy; print([m for m in {HEAVY!r} if m in sys.modules], proxy.__version__)"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert out.startswith("[] "), out
