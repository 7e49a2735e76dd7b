"""The variables HAProxy adds before it reads."""

from __future__ import annotations

from proxy.base.version import HAPROXY_VERSION
from proxy.config.environment import startup_environment


def test_startup_variables() -> None:
    base = {"HOME": "/root", "HAPROXY_LOCALPEER": "other"}
    environment = startup_environment(base, ["a.cfg", "d/b.cfg"], "peer1")
    assert environment == {
        "HOME": "/root", "HAPROXY_LOCALPEER": "peer1", "HAPROXY_CFGFILES": "a.cfg;d/b.cfg",
        "HAPROXY_STARTUP_VERSION": HAPROXY_VERSION,
    }
    assert base["HAPROXY_LOCALPEER"] == "other"
