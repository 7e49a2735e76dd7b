"""Proxy.reload and AsyncProxy.reload: another configuration on the same sockets, and nothing changed by one that cannot run."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy import AsyncProxy, ConfigError, Proxy, StartError
from proxy.testing.embedded import NotStartedError
from tests.e2e.test_reload import Load

DEFAULTS = """\
defaults
    mode http
    timeout connect 1s
    timeout client 300s
    timeout server 300s
"""
SITE = """\
listen site
    bind 127.0.0.1:0
    bind 127.0.0.1:0
    cookie SRV insert indirect
    server one 127.0.0.1:ONE cookie c1
    server two 127.0.0.1:TWO cookie c2
"""


@pytest.fixture
def text(origin: Callable[..., Any]) -> str:
    return DEFAULTS + SITE.replace("ONE", str(origin("one").port)).replace("TWO", str(origin("two").port))


def test_listeners_keep_their_ports_and_new_ones_come(text: str, start: Callable[..., Proxy], ask: Any) -> None:
    running = start(text)
    ports = running.port("site"), running.port("site", 1)
    first = "listen first\n    bind 127.0.0.1:0\n" + text[text.index("    server one"):]
    for _ in range(2):
        running.reload(text.replace("listen site", first + "listen site"))
        assert (running.port("site"), running.port("site", 1)) == ports
        assert running.port("first") not in ports
        assert {ask(running.address(name)).status for name in ("first", "site")} == {200}
    gone = running.address("first")
    running.reload(text)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(gone)
    assert ask(running.address("site", 1)).status == 200


def test_nothing_is_lost_under_load(text: str, start: Callable[..., Proxy], ask: Any, eventually: Any) -> None:
    running = start(text)
    load = Load(running.address("site"), ask)
    try:
        for _ in range(10):
            before = sum(load.seen.values())
            running.reload(text)
            eventually(lambda before=before: sum(load.seen.values()) > before + 10, "some requests after the reload")
    finally:
        seen = load.stop()
    assert set(seen) == {"200"}
    total = sum(seen.values())
    eventually(lambda: running.counters("site")["stot"] == total, "every session to be counted once")


class Held:
    """A proxy with a stream whose server does not answer until it is released."""

    def __init__(self, start: Callable[..., Proxy], origin: Any, ask: Any) -> None:
        self._web = origin("one")
        self._web.holding = threading.Event()
        self.text = DEFAULTS + f"listen site\n    bind 127.0.0.1:0\n    server one 127.0.0.1:{self._web.port}\n"
        self.running = start(self.text)
        self._answers: list[Any] = []
        address = self.running.address("site")
        self._thread = threading.Thread(target=lambda: self._answers.append(ask(address, "/hold", patience_s=300)))
        self._thread.start()
        self._web.arrived.acquire()

    def release(self) -> Any:
        """Its answer."""
        self._web.holding.set()
        self._thread.join()
        return self._answers[0]


def test_streams_end_under_the_old_configuration_and_count(
    start: Callable[..., Proxy], origin: Any, ask: Any, eventually: Any
) -> None:
    held = Held(start, origin, ask)
    running = held.running
    running.reload(held.text + "    http-response set-header x-new 1\n")
    assert ask(running.address("site")).field("x-new") == "1"
    answer = held.release()
    assert (answer.status, answer.field("x-new")) == (200, None)
    eventually(lambda: running.counters("site")["hrsp_2xx"] == 2, "the old stream's answer to be counted")


def test_what_a_stream_counts_survives_several_reloads(
    start: Callable[..., Proxy], origin: Any, ask: Any, eventually: Any
) -> None:
    """The configurations between have no streams, and have gone when the first one's stream ends."""
    held = Held(start, origin, ask)
    for _ in range(3):
        held.running.reload(held.text)
    held.release()
    eventually(lambda: held.running.counters("site")["hrsp_2xx"] == 1, "the old stream's answer to be counted")


def test_states_weights_and_cookies_go_on(text: str, start: Callable[..., Proxy], ask: Any) -> None:
    running = start(text)
    running.set_state("site/one", "drain")
    running.set_weight("site/two", 7)
    running.reload(text.replace("    server two", "    server three 127.0.0.1:1 disabled\n    server two"))
    assert (running.state("site/one"), running.server("site/two").weight, running.state("site/three")) == ("DRAIN", 7, "MAINT")
    assert ask(running.address("site"), "/", "Cookie: SRV=c1").text == "one"
    assert ask(running.address("site")).text == "two"


def test_what_cannot_run_changes_nothing(text: str, start: Callable[..., Proxy], ask: Any) -> None:
    running = start(text)
    port = running.port("site")
    with pytest.raises(ConfigError):
        running.reload(text + "    nonsense\n")
    with socket.create_server(("127.0.0.1", 0)) as holder, pytest.raises(StartError):
        running.reload(text + f"    bind 127.0.0.1:{holder.getsockname()[1]}\n")
    with pytest.raises(StartError):
        running.reload(DEFAULTS)
    with pytest.raises(ValueError, match="give the configuration"):
        running.reload()
    assert (running.port("site"), ask(running.address("site")).status) == (port, 200)
    assert running.configuration.proxies[0].name == "site"


def test_a_path_is_read_again_and_unix_sockets_stay(text: str, tmp_path: Path, ask: Any, loop_kind: str) -> None:
    stays, goes = tmp_path / "stays", tmp_path / "goes"
    (tmp_path / "cfg").write_text(text.replace("    bind 127.0.0.1:0\n", f"    bind {stays}\n    bind {goes}\n", 1))
    with Proxy(path=tmp_path / "cfg", loop=loop_kind) as running:
        inode = stays.stat().st_ino
        (tmp_path / "cfg").write_text((tmp_path / "cfg").read_text().replace(f"    bind {goes}\n", ""))
        running.reload()
        assert stays.stat().st_ino == inode
        assert not goes.exists()
        assert ask(str(stays)).status == 200
    assert not stays.exists()


def test_stopping_ends_old_streams_too(start: Callable[..., Proxy], origin: Any) -> None:
    web = origin("one")
    web.holding = threading.Event()
    text = DEFAULTS + f"listen site\n    bind 127.0.0.1:0\n    server one 127.0.0.1:{web.port}\n"
    running = start(text)
    with socket.create_connection(running.address("site")) as sock:
        sock.sendall(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        web.arrived.acquire()
        running.reload(text)
        running.soft_stop()
        assert running.is_running           # the old stream is at work
        running.stop()
    assert not running.is_running
    with pytest.raises(NotStartedError):
        running.reload(text)


def test_on_the_callers_loop(text: str, ask: Any) -> None:
    async def use() -> None:
        async with AsyncProxy(text) as running:
            address = running.address("site")
            assert (await asyncio.to_thread(ask, address)).status == 200
            await running.reload(text)
            assert running.address("site") == address
            assert (await asyncio.to_thread(ask, address)).status == 200
            assert running.counters("site")["stot"] == 2
            with pytest.raises(ConfigError):
                await running.reload(text + "nonsense\n")
            running.soft_stop()
            await running.wait_stopped()

    asyncio.run(use())
