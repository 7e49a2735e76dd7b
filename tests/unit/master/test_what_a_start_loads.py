"""What a configuration does not need is not loaded for it: each of these libraries takes a tenth of a start, or more."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys
import proxy.cli.__main__, proxy.cli.loading, proxy.master.lifecycle, proxy.master.mworker.start
from proxy.config.load import load
from proxy.master.assemble import assemble
instance = assemble(load(text=sys.argv[1]))
instance.open()
instance.close()
print(*sorted({"lark", "prometheus_client", "proxy.stats.service", "proxy.master.commands"} & set(sys.modules)))
"""
PLAIN = "defaults\n mode http\n timeout client 5s\nfrontend f\n bind 127.0.0.1:1\n"


@pytest.mark.parametrize(
    ("more", "loaded"),
    [
        ("", ""),
        (" stats enable\n", "proxy.stats.service"),
        (" http-request use-service prometheus-exporter\n", "prometheus_client"),
        (" monitor-uri \"/up\"\n", "lark"),
    ],
)
def test_libraries(more: str, loaded: str) -> None:
    done = subprocess.run([sys.executable, "-c", CODE, PLAIN + more], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == loaded
