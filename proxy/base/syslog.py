"""The names of syslog: facilities, levels and HAProxy's envelopes around a message."""

from __future__ import annotations

LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp", "audit", "alert",
    "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)
FORMATS = ("local", "rfc3164", "rfc5424", "priority", "short", "timed", "iso", "raw")

LEVEL_NUMBERS = {name: number for number, name in enumerate(LEVELS)}
FACILITY_NUMBERS = {name: number for number, name in enumerate(FACILITIES)}

ERR = LEVEL_NUMBERS["err"]
INFO = LEVEL_NUMBERS["info"]
SYSLOG_PORT = 514
LENGTH_DEFAULT = 1024
LENGTH_MIN = 80
LENGTH_MAX = 65535
