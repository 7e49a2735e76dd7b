"""The texts the programs are started on: one haproxy.cfg a row for all that read it, and what says the same to nginx."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.rows import Row

STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
CONFIG_LINES = 10_000


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the parts of one run listen, all on 127.0.0.1."""

    proxy: int
    origin: int
    syslog: int


def haproxy_cfg(row: Row, ports: Ports, maxconn: int, bufsize: int | None = None) -> str:
    """The row's haproxy.cfg.

    HAProxy stops keeping idle server connections when a fifth of the descriptors that maxconn calls for are in use: maxconn is
    as large as the system permits, and for thousands of connections the fifth is raised.
    """
    lines = ["global", "    nbthread 1", f"    maxconn {maxconn}"]
    if row.connections > maxconn // 10:
        lines += ["    tune.pool-low-fd-ratio 95", "    tune.pool-high-fd-ratio 99"]
    if row.syslog:
        lines.append(f"    log 127.0.0.1:{ports.syslog} local0")
    if bufsize is not None:
        lines.append(f"    tune.bufsize {bufsize}")
    lines += ["defaults", f"    mode {row.mode}", "    timeout connect 10s", "    timeout client 300s", "    timeout server 300s"]
    lines += [f"    {line}" for line in row.defaults]
    lines += ["frontend www", f"    bind 127.0.0.1:{ports.proxy}", "    default_backend app"]
    lines += ["backend app", "    balance roundrobin", *(f"    {line}" for line in row.backend)]
    for number in range(1, row.servers + 1):
        name = f"s{number}"
        lines.append(f"    server {name} 127.0.0.1:{ports.origin} {row.server.format(name=name)}".rstrip())
    return "\n".join(lines) + "\n"


def long_cfg(port: int) -> str:
    """A haproxy.cfg of CONFIG_LINES lines: backends of two servers with cookies and checks, one rule each."""
    head = ["global", "    maxconn 4000", "defaults", "    mode http", "    timeout connect 5s", "    timeout client 30s",
            "    timeout server 30s", "frontend www", f"    bind 127.0.0.1:{port}", "    default_backend b0"]
    lines: list[str] = []
    number = 0
    while len(head) + len(lines) < CONFIG_LINES:
        lines += [f"backend b{number}", "    balance roundrobin", "    cookie SRV insert indirect nocache",
                  f"    server s1 192.0.2.1:{8000 + number % 1000} cookie c1 check inter 2000 rise 2 fall 5 weight 10",
                  f"    server s2 192.0.2.2:{8000 + number % 1000} cookie c2 check inter 2000 rise 2 fall 5 backup"]
        number += 1
    return "\n".join(head + lines) + "\n"


NGINX_HEAD = """\
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log error; worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
"""
TEMPORARY = "".join(f"    {kind}_temp_path {{folder}}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))


def _head(folder: Path, connections: int) -> str:
    return NGINX_HEAD.format(folder=folder, files=2 * connections, connections=connections)


def origin_conf(ports: Ports, folder: Path, site: Path, connections: int) -> str:
    """nginx as the servers: all of a row's servers are one port of one process, which keeps connections for ever.

    An upload is read whole before it is answered (nginx asks itself, without the body): a response that overtakes its request
    is another test's subject.
    """
    return _head(folder, connections) + "http {\n" + TEMPORARY.format(folder=folder) + f"""\
    access_log off; keepalive_timeout 3600s; keepalive_requests 1000000000; reset_timedout_connection on;
    sendfile on; tcp_nopush on; tcp_nodelay on; open_file_cache max=100; default_type text/html;
    client_max_body_size 8m; client_body_buffer_size 2m; lingering_close off;
    upstream itself {{ server 127.0.0.1:{ports.origin}; keepalive 64; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{ports.origin} backlog=4096; root {site};
        location / {{ }}
        location = /status {{ stub_status; }}
        location = /chunked {{ ssi on; ssi_types *; proxy_pass http://itself/16k; {WITHOUT_BODY} }}
        location = /upload {{ proxy_pass http://itself/small; {WITHOUT_BODY} }}
    }}
}}
"""


WITHOUT_BODY = (
    'proxy_method GET; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_set_header Connection ""; '
    "proxy_http_version 1.1; proxy_buffers 8 32k;"
)


def nginx_conf(row: Row, ports: Ports, folder: Path, connections: int) -> str:
    """nginx as the proxy of a row: its nearest words for what the haproxy.cfg says."""
    if row.mode == "tcp":
        load = f"load_module {STREAM_MODULE};\n"
        return load + _head(folder, connections) + f"""\
stream {{
    upstream app {{ {_upstream(row, ports)} }}
    server {{ listen 127.0.0.1:{ports.proxy} backlog=4096; proxy_pass app; proxy_timeout 300s; }}
}}
"""
    closes = "option httpclose" in row.defaults
    log = f"access_log syslog:server=127.0.0.1:{ports.syslog},facility=local0 combined;" if row.syslog else "access_log off;"
    forward = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; " if "option forwardfor" in row.defaults else ""
    return _head(folder, connections) + "http {\n" + TEMPORARY.format(folder=folder) + f"""\
    {log} keepalive_timeout {0 if closes else 3600}s; keepalive_requests 1000000000; lingering_close off;
    client_max_body_size 8m; proxy_request_buffering off; proxy_max_temp_file_size 0;
    upstream app {{ {"hash $cookie_SERVERID consistent; " if row.backend else ""}{_upstream(row, ports)}
        {"" if closes else "keepalive 512; keepalive_requests 1000000000;"} }}
    server {{
        listen 127.0.0.1:{ports.proxy} backlog=4096;
        location / {{
            proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "{"close" if closes else ""}";
            proxy_set_header Host $http_host; {forward}
        }}
    }}
}}
"""


def _upstream(row: Row, ports: Ports) -> str:
    # A name a server: nginx, too, is to choose among as many servers as the row has.
    return " ".join(f"server 127.0.0.1:{ports.origin};" for _ in range(row.servers))
