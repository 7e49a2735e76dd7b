"""Questions to a running pyproxy-ha."""

from __future__ import annotations

import json
from typing import Any

from tests.ha.lab import PYPROXY_HA, Daemon


def status(daemon: Daemon) -> dict[str, Any]:
    """What it answers to `status --json`."""
    assert daemon.folder is not None
    found: dict[str, Any] = json.loads(daemon.host.run(*PYPROXY_HA, "status", "--json", "-r", str(daemon.folder / "r.pid")))
    return found


def instance(daemon: Daemon, name: str = "web") -> dict[str, Any]:
    """One instance of it."""
    return next(each for each in status(daemon)["instances"] if each["name"] == name)
