"""pyproxy: HAProxy's configuration and behaviour, in Python.

`proxy.Proxy` and `proxy.AsyncProxy` run a configuration inside your program; `proxy.ConfigError` and `proxy.StartError` are what
they raise. They are loaded when first asked for: `import proxy` alone costs next to nothing.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proxy.base.errors import ConfigError, PyproxyError, StartError
    from proxy.testing import AsyncProxy, Proxy

__version__ = "0.1.0"

__all__ = ["AsyncProxy", "ConfigError", "Proxy", "PyproxyError", "StartError", "__version__"]

_HOMES = {
    "AsyncProxy": "proxy.testing.async_proxy",
    "ConfigError": "proxy.base.errors",
    "Proxy": "proxy.testing.proxy",
    "PyproxyError": "proxy.base.errors",
    "StartError": "proxy.base.errors",
}


if os.environ.get("PYPROXY_PURE", "0") not in ("", "0"):
    from proxy.base.machine_code import prefer_sources

    prefer_sources(os.path.dirname(os.path.abspath(__file__)))


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'proxy' has no attribute '{name}'")
    value = globals()[name] = getattr(importlib.import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
