"""The tutorial's configuration without a letter changed: its addresses, its ports, its directories, its user.

They exist in a network and a file system of their own, which only this test sees; this file is also the program that runs there.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import pwd
import select
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "tests" / "config" / "cases" / "tutorial.cfg"
MACHINE = """\
set -e
ip link set lo up
for last in 55 56 57; do ip address add 192.168.4.$last/32 dev lo; done
mount --make-rprivate /
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work"
mount -t overlay -o "lowerdir=/usr/local,upperdir=$1/upper,workdir=$1/work" none /usr/local
mkdir -p /usr/local/haproxy
mount -t tmpfs none /run
shift
exec "$@"
"""
INSIDE = ["unshare", "--net", "--mount", "/bin/sh", "-c", MACHINE, "machine"]


class Web(BaseHTTPRequestHandler):
    """One of the tutorial's servers: it says who it is and whom it heard from, and sets the cookie where it is asked to."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = f"{self.server.server_address[0]} {self.headers['x-forwarded-for']}".encode()     # type: ignore[str-bytes-safe]
        self.send_response(200)
        if self.path == "/login":
            self.send_header("Set-Cookie", "SERVERID=; path=/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Silent."""


def ask(path: str, port: int = 80, **fields: str) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("192.168.4.56", port, timeout=10)
    connection.request("GET", path, headers=fields)
    response = connection.getresponse()
    with contextlib.closing(connection):
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read().decode()


def on_the_machine() -> dict[str, Any]:
    """What a user of the tutorial would do, and what he would see."""
    for address in ("192.168.4.55", "192.168.4.57"):
        threading.Thread(target=ThreadingHTTPServer((address, 80), Web).serve_forever, daemon=True).start()
    command = [sys.executable, "-m", "proxy", "-f", str(TUTORIAL)]
    started = subprocess.run(command, cwd="/", env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
                             timeout=30, check=False)
    pid = int(Path("/var/run/haproxy.pid").read_text())
    seen: dict[str, Any] = {
        "status": started.returncode,
        "told": started.stderr,
        "root": os.readlink(f"/proc/{pid}/root"),
        "user": os.stat(f"/proc/{pid}").st_uid,
        "bodies": [ask("/")[2] for _ in range(4)],
        "sticky": [ask("/", Cookie="SERVERID=app1inst2")[2] for _ in range(2)],
        "login": ask("/login"),
        "closed": ask("/")[1].get("connection"),
        "refused": ask("/admin", 1080)[:2],
        "admin": ask("/admin", 1080, Authorization="Basic " + base64.b64encode(b"admin:admin").decode())[:2],
    }
    gone = os.pidfd_open(pid)
    os.kill(pid, signal.SIGUSR1)
    seen["ended"] = bool(select.select([gone], [], [], 20)[0])
    return seen


def namespaces_may_be_made() -> bool:
    done = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.root
@pytest.mark.peer("haproxy", "ip")
def test_the_tutorial_as_it_stands(tmp_path: Path) -> None:
    if not namespaces_may_be_made():
        pytest.skip("namespaces may not be made here")
    command = [*INSIDE, str(tmp_path), sys.executable, __file__]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["status"] == 0, seen["told"]
    assert "write: listen weblb, and below it: bind 192.168.4.56:80" in seen["told"]
    assert seen["root"] == "/usr/local/haproxy"
    assert seen["user"] == pwd.getpwnam("haproxy").pw_uid
    assert seen["bodies"] == ["192.168.4.55 192.168.4.56", "192.168.4.57 192.168.4.56"] * 2
    assert seen["sticky"] == ["192.168.4.57 192.168.4.56"] * 2
    assert seen["login"][1]["set-cookie"] in ("SERVERID=app1inst1; path=/", "SERVERID=app1inst2; path=/")
    assert seen["closed"] == "close"
    assert seen["refused"][0] == 401
    assert seen["refused"][1]["www-authenticate"] == 'Basic realm="Haproxy"'
    assert (seen["admin"][0], seen["admin"][1]["refresh"]) == (200, "30")
    assert seen["ended"]


if __name__ == "__main__":
    print(json.dumps(on_the_machine()))
