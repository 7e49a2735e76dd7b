"""How long a large configuration takes to check, and in how much memory.

    PYTHONPATH=. python bench/micro/config_lines.py [backends]

Promised: 10,000 lines (2,000 backends) in under 3 s and 300 MB, reading included.
"""

from __future__ import annotations

import resource
import sys
import time

HEAD = """global
    log 127.0.0.1 local0
    maxconn 4000
defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend www
    bind 127.0.0.1:8080
    default_backend b0
"""
BACKEND = """backend b{n}
    balance roundrobin
    cookie SRV insert indirect nocache
    server s1 192.0.2.1:{port} cookie c1 check inter 2000 rise 2 fall 5 weight 10
    server s2 192.0.2.2:{port} cookie c2 check inter 2000 rise 2 fall 5 backup
"""


def configuration(backends: int) -> str:
    """A configuration of about five lines for each backend."""
    return HEAD + "".join(BACKEND.format(n=n, port=8000 + n % 1000) for n in range(backends))


def main() -> None:
    backends = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    text = configuration(backends)
    started = time.perf_counter()
    from proxy.config.load import load

    imported = time.perf_counter()
    used = time.process_time()
    model = load(text=text, environment={})
    ended, used = time.perf_counter(), time.process_time() - used
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{text.count(chr(10))} lines, {len(model.proxies)} proxies: {ended - imported:.2f} s, {used:.2f} s of CPU"
        f" (and {imported - started:.2f} s of imports), {megabytes:.0f} MB at most"
    )


if __name__ == "__main__":
    main()
