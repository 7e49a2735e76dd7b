"""What health checks cost: CPU of one process that checks many servers, all played by one nginx in other processes.

    PYTHONPATH=. python bench/checks_cost.py [--servers 2000] [--inter-ms 2000] [--seconds 10] [--loop uvloop|asyncio]

Prints, for TCP and for HTTP checks, the share of one core and the microseconds per check. Source of the target: 2,000 servers at
inter 2s under 10 % of a core, 100 us per check.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from proxy.base.addresses import Address, Family
from proxy.base.clock import SystemClock
from proxy.health.checks import Checks
from proxy.runtime.backend import Backend
from proxy.runtime.check_plan import CheckPlan, SendStep
from proxy.runtime.process import Process
from proxy.runtime.server import Server
from proxy.runtime.transitions import start_states

NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log /dev/null;
events {{ worker_connections 8192; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "ok"; }} }} }}
"""
SEND = SendStep(b"OPTIONS / HTTP/1.0\r\n\r\n", b"OPTIONS")


class Counting:
    """Events that only count what goes wrong."""

    def __init__(self) -> None:
        self.lines = 0

    def server_event(self, server: Any, level: str, text: str) -> None:
        self.lines += 1
        if self.lines < 5:
            print("   ", level, text)

    backend_event = server_event

    def server_changed(self, server: Any, was_up: bool, now_ms: int) -> tuple[int, int]:
        return 0, 0


def many_servers(count: int, plan: CheckPlan, port: int) -> Process:
    process = Process()
    backend = Backend("app", 1)
    for number in range(count):
        server = Server(backend, f"s{number}", number + 1, Address(Family.IPV4, "127.0.0.1", port))
        server.sockaddr, server.socket_family, server.check = ("127.0.0.1", port), socket.AF_INET, plan
        backend.servers.append(server)
    process.backends.append(backend)
    start_states(process.backends, 0)
    return process


def cpu_s() -> tuple[float, float]:
    """Seconds of CPU so far: our own, the kernel's for us."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime, used.ru_stime


async def measure(name: str, plan: CheckPlan, arguments: argparse.Namespace, port: int) -> None:
    process, events = many_servers(arguments.servers, plan, port), Counting()
    checks = Checks(process, events, SystemClock(), asyncio.get_running_loop(), random.random)
    checks.start()
    await asyncio.sleep(plan.inter_ms / 1000 + 0.5)
    before, began = cpu_s(), time.monotonic()
    await asyncio.sleep(arguments.seconds)
    lasted = time.monotonic() - began
    user, kernel = (after - start for after, start in zip(cpu_s(), before, strict=True))
    spent = user + kernel
    checks.stop()
    down = sum(1 for server in process.backends[0].servers if server.check_result.status not in ("L4OK", "L7OK"))
    done = arguments.servers * lasted * 1000 / plan.inter_ms
    each_us, rate = spent / done * 1e6, done / lasted
    split = f"{user / done * 1e6:.0f} own, {kernel / done * 1e6:.0f} kernel"
    print(f"{name:5} {spent / lasted:6.1%} of a core, {each_us:5.1f} us per check ({split}), {rate:.0f}/s, {down} not passing")


async def main(arguments: argparse.Namespace, port: int) -> None:
    await measure("tcp", CheckPlan(inter_ms=arguments.inter_ms), arguments, port)
    await measure("http", CheckPlan(inter_ms=arguments.inter_ms, steps=(SEND,)), arguments, port)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, default=2000)
    parser.add_argument("--inter-ms", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    chosen = parser.parse_args()
    nginx = shutil.which("nginx")
    if nginx is None:
        raise SystemExit("this needs nginx: apt-get install nginx-light")
    with tempfile.TemporaryDirectory() as folder:
        port_used = free_port()
        config = Path(folder, "nginx.conf")
        config.write_text(NGINX.format(folder=folder, port=port_used))
        played = subprocess.Popen([nginx, "-c", str(config), "-p", folder], stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            if chosen.loop == "uvloop":
                import uvloop

                uvloop.run(main(chosen, port_used))
            else:
                asyncio.run(main(chosen, port_used))
        finally:
            played.terminate()
            played.wait()
