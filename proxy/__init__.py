"""pyproxy: HAProxy's configuration and behaviour, in Python."""

__version__ = "0.1.0"
