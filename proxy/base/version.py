"""Which HAProxy this one behaves like."""

from __future__ import annotations

HAPROXY_VERSION = "2.6.12"
