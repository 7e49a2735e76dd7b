"""The README's two machines: pyproxy and pyproxy-ha on both, as it is written there; only addresses are changed."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

from tests.ha.lab import ROOT, Daemon, Lab, start_ha

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = sys.argv[1].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
print("ready", flush=True)
http.server.HTTPServer(("", 80), Handler).serve_forever()
"""


def block(language: str) -> str:
    """A block of the README's walk-through, for the lab's network."""
    text = (ROOT / "README.md").read_text()
    section = text[text.index("## Two machines, one address") : text.index("## Inside your program")]
    found = re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found is not None
    text = found[1].replace("192.168.4.252", "10.77.0.252")
    return text.replace("192.168.4.52", "10.77.0.4").replace("192.168.4.53", "10.77.0.5")


def get(lab: Lab) -> str:
    """What the client gets from the address."""
    with lab["client"].socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(10)
        client.connect(("10.77.0.252", 80))
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert b" 200 OK" in answer, answer
    return answer.rsplit(b"\r\n\r\n", 1)[1].decode()


def test_two_machines_one_address(lab: Lab, tmp_path: Path) -> None:
    for name in ("r1", "r2"):
        lab[name].start("web", [sys.executable, "-u", "-c", SERVER, name]).wait_line("ready")
    (tmp_path / "haproxy.cfg").write_text(block("haproxy"))
    machines: dict[str, Daemon] = {}
    for name, priority in (("a", "150"), ("b", "100")):
        lab[name].start("pyproxy", [sys.executable, "-m", "proxy", "-db", "-f", str(tmp_path / "haproxy.cfg")])
        text = block("keepalived").replace("priority 150", f"priority {priority}")
        machines[name] = start_ha(lab[name], "pyproxy-ha", text, tmp_path)
    lab["a"].wait_address("10.77.0.252")
    while not all(listens(lab, name) for name in machines):
        machines["a"].read(0.05)
    assert {get(lab), get(lab)} == {"r1", "r2"}
    lab.block("a")                              # the plug
    machines["a"].kill()
    lab["b"].wait_address("10.77.0.252")
    assert {get(lab), get(lab)} == {"r1", "r2"}


def listens(lab: Lab, name: str) -> bool:
    """Whether something serves port 80 on a machine."""
    with lab[name].socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(("127.0.0.1", 80)) == 0
