"""The two lines that nearly every frontend writes, spelled out: half the time of the compiled formats they stand for.

Law, held by a property test: for every record they write what the compiled HTTPLOG and TCPLOG write. The twin in machine code is
ready_lines.pyx.
"""

from __future__ import annotations

from collections.abc import Callable

from proxy.core.logformat.escapes import header_texts, printable_text
from proxy.core.logformat.fields import NO_SERVER
from proxy.core.logformat.request_line import request_line
from proxy.core.logformat.site import Site
from proxy.runtime.log import LogRecord

Line = Callable[[LogRecord], bytes]


def http_line(site: Site) -> Line:
    """The writer of HTTPLOG."""
    local_ms, limit = site.dates.local_ms, site.logurilen

    def line(record: LogRecord) -> bytes:
        server, early = record.server, b"+" if record.logasap else b""
        request_cookie, response_cookie = record.captured_request_cookie, record.captured_response_cookie
        request_headers, response_headers = record.captured_request_headers, record.captured_response_headers
        return b'%b:%b [%b] %b%b %b/%b %d/%d/%d/%d/%b%d %d %b%d %b %b %b %d/%d/%d/%d/%b%d %d/%d %b%b"%b"' % (
            record.client_address.encode() or b"-", b"%d" % record.client_port if record.client_address else b"-",
            local_ms(record.request_wall_s), record.frontend.name.encode(), b"~" if record.is_tls else b"",
            (record.backend or record.frontend).name.encode(),
            (server.name if server is not None else record.server_name or NO_SERVER).encode(),
            record.request_ms, record.queue_ms, record.connect_ms, record.response_ms, early, record.active_ms,
            record.status, early, record.octets_out,
            printable_text(request_cookie) if request_cookie else b"-",
            printable_text(response_cookie) if response_cookie else b"-",
            record.termination, record.process_connections, record.frontend_connections, record.backend_connections,
            record.server_connections, b"+" if record.redispatched else b"", record.retries, record.server_queue,
            record.backend_queue,
            b"{%b} " % header_texts(request_headers, b"|") if request_headers else b"",
            b"{%b} " % header_texts(response_headers, b"|") if response_headers else b"",
            request_line(record, limit),
        )
    return line


def tcp_line(site: Site) -> Line:
    """The writer of TCPLOG."""
    local_ms = site.dates.local_ms

    def line(record: LogRecord) -> bytes:
        server, early = record.server, b"+" if record.logasap else b""
        return b"%b:%b [%b] %b%b %b/%b %d/%d/%b%d %b%d %b %d/%d/%d/%d/%b%d %d/%d" % (
            record.client_address.encode() or b"-", b"%d" % record.client_port if record.client_address else b"-",
            local_ms(record.accept_wall_s), record.frontend.name.encode(), b"~" if record.is_tls else b"",
            (record.backend or record.frontend).name.encode(),
            (server.name if server is not None else record.server_name or NO_SERVER).encode(),
            record.queue_ms, record.connect_ms, early, record.total_ms, early, record.octets_out, record.termination[:2],
            record.process_connections, record.frontend_connections, record.backend_connections, record.server_connections,
            b"+" if record.redispatched else b"", record.retries, record.server_queue, record.backend_queue,
        )
    return line
