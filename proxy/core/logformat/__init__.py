"""Log lines: a format compiled once into one template and the getters that fill it, and the rules of what is logged at all.

    text --base.log_format_text--> items --compiler--> LogFormat(template, getters) --line(record)--> octets
                                             ^
                                             fields: one row per variable (HAProxy configuration manual, section 8.2.6)

Invariants: a line holds no octet outside 32..126 that a client sent; captured headers that are not there take the
space after them along; nothing here reads a clock (`Site.dates` is told how far local time is from UTC) or knows where lines go
(`engine.logsink` does).
"""

from proxy.base.log_format_text import CLF, HTTPLOG, HTTPSLOG, TCPLOG
from proxy.core.logformat.compiler import DEFAULT_HTTP, DEFAULT_TCP, LogFormat, compile_format, compile_items, template_line
from proxy.core.logformat.selection import wanted
from proxy.core.logformat.site import Site

__all__ = [
    "CLF", "DEFAULT_HTTP", "DEFAULT_TCP", "HTTPLOG", "HTTPSLOG", "TCPLOG",
    "LogFormat", "Site", "compile_format", "compile_items", "template_line", "wanted",
]
