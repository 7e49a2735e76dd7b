"""What is installed is machine code, and proxies: run in the test environment of each wheel (pyproject.toml, cibuildwheel).

    python .ci/wheel_works.py [--pure]      --pure: for a package that is meant to be without machine code
"""

from __future__ import annotations

import ast
import http.client
import importlib
import importlib.machinery
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() not in (ROOT, ROOT / ".ci")]     # not the sources here


class Hello(BaseHTTPRequestHandler):
    """A server behind the proxy."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *arguments: object) -> None:
        """Silent."""


def compiled_modules() -> list[str]:
    """The list in setup.py."""
    for statement in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "COMPILED":
            return list(ast.literal_eval(statement.value))
    raise SystemExit("setup.py lists no compiled modules")


def check_modules(suffixes: list[str]) -> None:
    """Every module of the list can be imported and is of this kind."""
    for name in compiled_modules():
        file = str(importlib.import_module(name).__file__)
        if not file.endswith(tuple(suffixes)) or Path(file).is_relative_to(ROOT / "proxy"):
            raise SystemExit(f"{name} is loaded from {file}")


def check_proxy() -> None:
    """A request goes through."""
    from proxy import Proxy

    server = HTTPServer(("127.0.0.1", 0), Hello)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    text = (
        "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n"
        "frontend www\n bind 127.0.0.1:0\n default_backend app\n"
        f"backend app\n server s1 127.0.0.1:{server.server_port}\n"
    )
    with Proxy(text) as running:
        connection = http.client.HTTPConnection(*running.address("www"), timeout=10)
        connection.request("GET", "/")
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
    server.shutdown()
    server.server_close()
    if (answer.status, body) != (200, b"hello"):
        raise SystemExit(f"the proxy answered {answer.status} {body!r}")


if __name__ == "__main__":
    pure = "--pure" in sys.argv
    check_modules(importlib.machinery.SOURCE_SUFFIXES if pure else importlib.machinery.EXTENSION_SUFFIXES)
    check_proxy()
    print("sources" if pure else "machine code", "- a request went through")
