"""A small web server for the demo: it says who it is and what it was asked."""

from __future__ import annotations

import html
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COLOURS = ("#2563eb", "#16a34a", "#d97706", "#9333ea", "#dc2626", "#0891b2")
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{name}</title>
<style>body{{font:1.1rem/1.6 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}}
h1{{color:{colour}}} table{{border-collapse:collapse}} td{{padding:.1rem 1rem .1rem 0;vertical-align:top;overflow-wrap:anywhere}}
</style></head><body>
<h1>This is {name}</h1>
<p>Reload the page: the load balancer sends each request to the next server.
<a href="/sign-in">Sign in</a> and this server sets a cookie: from then on you stay on it.
<a href="/sign-out">Sign out</a> ends that.</p>
<p>What arrived here:</p>
<table>{rows}</table>
</body></html>
"""


class _Request(BaseHTTPRequestHandler):
    """Answers any request with the page."""

    protocol_version = "HTTP/1.1"
    server: DemoSite

    def do_GET(self) -> None:
        rows = [("request", self.requestline), *self.headers.items()]
        body = PAGE.format(
            name=html.escape(self.server.name), colour=COLOURS[sum(self.server.name.encode()) % len(COLOURS)],
            rows="".join(f"<tr><td>{html.escape(name)}</td><td>{html.escape(value)}</td></tr>" for name, value in rows),
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/sign-in":
            self.send_header("Set-Cookie", f"SERVERID={self.server.name}; Path=/")
        elif self.path == "/sign-out":
            self.send_header("Set-Cookie", "SERVERID=; Path=/; Max-Age=0")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_OPTIONS = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        """The load balancer logs; the servers behind it are silent."""


class DemoSite(ThreadingHTTPServer):
    """A web server on a thread of its own, from its making to `close`.

    Raises: OSError when the address cannot be used.
    """

    daemon_threads = True

    def __init__(self, name: str, host: str, port: int) -> None:
        super().__init__((host, port), _Request)
        self.name = name
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, name=f"demo-{name}", daemon=True,
        )
        self._thread.start()

    def server_bind(self) -> None:
        """As the base class, without asking the resolver for the machine's name."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news."""

    def close(self) -> None:
        """Stop and free the address."""
        self.shutdown()
        self.server_close()
        self._thread.join()
