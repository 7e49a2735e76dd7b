"""Which HAProxy this one behaves like, and what it can do."""

from __future__ import annotations

HAPROXY_VERSION = "2.6.12"

FEATURES = frozenset(("CRYPT_H", "EPOLL", "GETADDRINFO", "PROMEX", "THREAD"))
"""What `-vv` lists with a plus sign and `feature()` finds."""

ENABLED = frozenset(("EPOLL", "GETADDRINFO", "REUSEPORT"))
"""What `enabled()` finds: features in use at run time."""
