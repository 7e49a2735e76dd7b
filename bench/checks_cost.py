"""What health checks cost: CPU of the whole program while it checks many servers and does nothing else, beside HAProxy's.

    python -m bench.checks_cost [--servers 2000] [--inter-ms 2000] [--seconds 10] [--rounds 2] [--only haproxy,pyproxy]

All servers are played by one nginx on another core. On loopback the kernel's work for that nginx's connections is done in the
checking program's name too, for both programs alike. Source of the target: 2,000 servers at inter 2s under 10 % of a core.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from bench import procfs
from bench.programs import (
    Cores,
    Program,
    Running,
    allow_many_files,
    find,
    free_port,
    proxy_environment,
    share_out,
    standard_programs,
)

NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log /dev/null;
events {{ worker_connections 8192; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "ok"; }} }} }}
"""
CONFIGURATION = """
global
    nbthread 1
    maxconn 4000
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen statistics
    bind 127.0.0.1:{port}
    stats enable
    stats uri /
backend app
{option}
"""
KINDS = {"tcp": "", "http": "    option httpchk"}


def write_configuration(path: Path, kind: str, servers: int, inter_ms: int, port: int, target: int) -> None:
    lines = [f"    server s{number} 127.0.0.1:{target} check inter {inter_ms}" for number in range(servers)]
    path.write_text(CONFIGURATION.format(port=port, option=KINDS[kind]) + "\n".join(lines) + "\n")


def measure(program: Program, kind: str, chosen: argparse.Namespace, cores: Cores, folder: Path, target: int) -> str:
    """One program, one kind of check: a line of what it cost."""
    port, path = free_port(), folder / f"{kind}.cfg"
    write_configuration(path, kind, chosen.servers, chosen.inter_ms, port, target)
    command = [*program.command, "-db", "-f", str(path)]
    running = Running(program.name, command, cores.proxy, folder, proxy_environment(program, folder))
    try:
        running.wait_for(port)
        time.sleep(chosen.inter_ms / 1000 + 1)
        before, began = procfs.cpu(procfs.tree(running.pid)), time.monotonic()
        time.sleep(chosen.seconds)
        lasted = time.monotonic() - began
        spent = (procfs.cpu(procfs.tree(running.pid)) - before).total_s
    finally:
        running.stop()
    each_us = spent / (chosen.servers * lasted * 1000 / chosen.inter_ms) * 1e6
    return f"{kind:5} {program.name:10} {spent / lasted:6.1%} of a core, {each_us:6.1f} us per check"


def main(chosen: argparse.Namespace) -> None:
    allow_many_files()
    cores = share_out(os.sched_getaffinity(0))
    programs = [program for name, program in standard_programs().items() if name in chosen.only.split(",")]
    with tempfile.TemporaryDirectory() as name:
        folder, target = Path(name), free_port()
        config = folder / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, port=target))
        servers = Running("nginx", [find("nginx"), "-c", str(config), "-p", name], cores.rest, folder)
        try:
            servers.wait_for(target)
            for _ in range(chosen.rounds):
                for kind in KINDS:
                    for program in programs:
                        print(measure(program, kind, chosen, cores, folder, target), flush=True)
        finally:
            servers.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", type=int, default=2000)
    parser.add_argument("--inter-ms", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="haproxy,pyproxy", help="names of programs, with commas")
    main(parser.parse_args())
