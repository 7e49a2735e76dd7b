"""`pyproxy demo`: what it prints is what can be opened, and Ctrl-C ends all of it."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CONFIGURATION = """\
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
listen site
    bind 127.0.0.1:SITE
    cookie SERVERID rewrite
    server web1 127.0.0.1:ONE cookie one
    server web2 127.0.0.1:TWO cookie two
listen other
    mode tcp
    bind 127.0.0.1:TCP
    server web1 127.0.0.1:ONE
frontend numbers
    bind 127.0.0.1:STATS
    http-request use-service prometheus-exporter if { path /metrics }
    stats uri /admin
    stats auth jo:secret
"""


@pytest.fixture
def ports(tmp_path: Path, free_port: Callable[[], int]) -> dict[str, int]:
    chosen = {name: free_port() for name in ("SITE", "ONE", "TWO", "TCP", "STATS")}
    text = CONFIGURATION
    for name, port in chosen.items():
        text = text.replace(name, str(port))
    (tmp_path / "cfg").write_text(text)
    return chosen


def shown(running: Any) -> str:
    """What the demo prints until it is ready."""
    lines = []
    for line in running.process.stdout:
        lines.append(line)
        if line.startswith("Ctrl-C"):
            break
    return "".join(lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo(ports: dict[str, int], command: Any, ask: Any, number: int) -> None:
    running = command("demo", "-f", "cfg", ready=False)
    text = shown(running)
    assert f"the site     http://127.0.0.1:{ports['SITE']}/" in text
    assert text.index("the site") < text.index("statistics")
    assert f"http://127.0.0.1:{ports['STATS']}/admin    user jo, password secret" in text
    assert f"http://127.0.0.1:{ports['STATS']}/metrics" in text
    assert f"127.0.0.1:{ports['TCP']}    TCP" in text
    assert "2 small web servers: web1, web2" in text
    site = ("127.0.0.1", ports["SITE"])
    assert [re.findall(r"This is (\w+)", ask(site).text) for _ in range(4)] == [["web1"], ["web2"]] * 2
    signed_in = ask(site, "/sign-in")
    assert signed_in.field("set-cookie") == "SERVERID=one; Path=/"
    assert "x-a" not in ask(site, "/", "X-A: <script>").text.lower().replace("<td>x-a</td><td>&lt;script&gt;</td>", "")
    assert "This is web1" in ask(("127.0.0.1", ports["TCP"])).text
    assert ask(site, method="HEAD").body == b""
    running.signal(number)
    assert running.wait() == 0
    assert running.errors == ""


def test_an_address_that_is_taken(ports: dict[str, int], run_once: Any) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", ports["TWO"]))
        holder.listen()
        failed = run_once("demo", "-f", "cfg")
    assert failed.returncode == 1
    assert f"web2 cannot use 127.0.0.1:{ports['TWO']}: Address already in use" in failed.stderr
    assert "it is held by" in failed.stderr
    assert "Traceback" not in failed.stderr
