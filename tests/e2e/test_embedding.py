"""proxy.Proxy and proxy.AsyncProxy: everything that is promised to those who embed them."""

from __future__ import annotations

import asyncio
import io
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import proxy
from proxy import AsyncProxy, ConfigError, Proxy, StartError
from proxy.testing.embedded import NotStartedError
from tests.e2e.conftest import refuses

CONFIGURATION = """\
global
    daemon
    chroot /nowhere
    user nobody-at-all
    pidfile /nowhere/pid
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
listen site
    bind 127.0.0.1:0
    bind 127.0.0.1:0
    server one 127.0.0.1:PORT
listen other
    bind :0
    server one 127.0.0.1:PORT
"""


@pytest.fixture
def text(origin: Callable[..., Any]) -> str:
    return CONFIGURATION.replace("PORT", str(origin("one").port))


def test_it_serves_when_start_returns_and_tells_its_ports(text: str, loop_kind: str, ask: Callable[..., Any]) -> None:
    with Proxy(text, loop=loop_kind) as running:
        ports = {running.port("site"), running.port("site", 1), running.port("other")}
        assert len(ports) == 3
        assert 0 not in ports
        assert running.url == running.url_of("site") == f"http://127.0.0.1:{running.port('site')}"
        assert running.address("other")[0] == "127.0.0.1"
        for address in (running.address("site"), running.address("site", 1), running.address("other")):
            assert ask(address).text == "one"
    assert not running.is_running


def test_from_a_path_and_from_a_file(text: str, tmp_path: Path, ask: Callable[..., Any]) -> None:
    path = tmp_path / "haproxy.cfg"
    path.write_text(text)
    with open(path, "rb") as binary, open(path, encoding="utf-8") as lines:
        ways: list[dict[str, Any]] = [{"path": path}, {"path": [str(path)]}, {"file": binary}, {"file": lines},
                                      {"file": io.StringIO(text)}, {"text": text.encode()}]
        for way in ways:
            with Proxy(**way) as each:
                assert ask(each.address("site")).status == 200


def test_the_environment_is_the_callers(text: str) -> None:
    given = text.replace("bind 127.0.0.1:0", 'bind "${WHERE}:0"')
    with Proxy(given, environment={"WHERE": "127.0.0.9"}) as running:
        assert running.address("site")[0] == "127.0.0.9"


@pytest.mark.parametrize("how", [{}, {"text": "a", "path": "b"}])
def test_exactly_one_configuration(how: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="give the configuration as one of"):
        Proxy(**how)  # type: ignore[arg-type]


def test_a_configuration_of_another_type() -> None:
    with pytest.raises(TypeError, match="a configuration is a text, not PosixPath; a file is given as path="):
        Proxy(Path("haproxy.cfg"))  # type: ignore[arg-type]


def test_a_unix_socket_goes_with_the_proxy_that_made_it(text: str, tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    with Proxy(f"{text} bind {mine}\n bind {other}\n") as running:
        assert mine.is_socket()
        other.unlink()
        other.write_text("somebody else's")
        assert running.is_running
    assert not mine.exists()
    assert other.read_text() == "somebody else's"


async def _on_our_loop(text: str) -> None:
    async with AsyncProxy(text):
        pass


def test_a_unix_socket_goes_with_the_asynchronous_one_too(text: str, tmp_path: Path) -> None:
    asyncio.run(_on_our_loop(f"{text} bind {tmp_path / 'mine'}\n"))
    assert not (tmp_path / "mine").exists()


def test_a_wrong_configuration_raises_with_every_fault() -> None:
    with pytest.raises(ConfigError) as caught:
        Proxy("frontend f\n bnd :80\n timeout client many\n")
    assert len([each for each in caught.value.diagnostics if each.severity.value == "ALERT"]) == 2
    assert "did you mean 'bind'" in str(caught.value) + "".join(each.hint for each in caught.value.diagnostics)


def test_a_port_that_is_taken_raises_and_leaves_nothing_open(text: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = text.replace("bind :0", f"bind 127.0.0.1:{holder.getsockname()[1]}")
        with pytest.raises(StartError, match="Address already in use") as caught:
            Proxy(taken).start()
        assert "held by" in caught.value.hint
        assert f"pid {proxy_pid()}" in caught.value.hint


def proxy_pid() -> int:
    import os

    return os.getpid()


def test_nothing_to_listen_on() -> None:
    with pytest.raises(StartError, match="nothing to listen on"):
        Proxy("backend b\n").start()


def test_the_process_is_left_as_it_was(text: str) -> None:
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    threads = threading.active_count()
    with Proxy(text):
        assert {number: signal.getsignal(number) for number in signal.valid_signals()} == before
    assert threading.active_count() == threads


def test_two_at_once_and_one_twice(text: str, ask: Callable[..., Any]) -> None:
    first, second = Proxy(text), Proxy(text)
    with first, second:
        assert first.port("site") != second.port("site")
        assert ask(first.address("site")).status == ask(second.address("site")).status == 200
    with first:
        assert ask(first.address("site")).status == 200
        assert first.counters("site")["req_tot"] == 1
        with pytest.raises(StartError, match="runs already"):
            first.start()


def test_states_and_weights(text: str, ask: Callable[..., Any]) -> None:
    with Proxy(text) as running:
        assert running.state("site/one") == "no check"
        running.set_state("site/one", "maint")
        running.wait_until("site/one", "MAINT")
        assert ask(running.address("site")).status == 503
        running.set_state("site/one", "drain")
        assert running.state("site/one") == "DRAIN"
        running.set_state("site/one", "ready")
        assert running.server("site/one").is_up
        assert ask(running.address("site")).status == 200
        running.set_weight("site/one", 7)
        assert running.servers()["site/one"].weight == 7
        with pytest.raises(ValueError, match="0 and 256"):
            running.set_weight("site/one", 257)
        with pytest.raises(ValueError, match="'ready', 'drain' and 'maint'"):
            running.set_state("site/one", "gone")
        assert any("going DOWN for maintenance" in message for _, message in running.messages)


def test_counters_by_column(text: str, ask: Callable[..., Any]) -> None:
    with Proxy(text) as running:
        ask(running.address("site"))
        running.wait_until(lambda each: each.counters("site", "one")["hrsp_2xx"] == 1)
        assert running.counters("site")["req_tot"] == 1
        assert running.counters("site", "BACKEND")["lbtot"] == 1
        assert "check_status" not in running.counters("site")


def test_names_that_do_not_exist_get_the_nearest(text: str) -> None:
    with Proxy(text) as running:
        for wrong, nearest in (
            (lambda: running.port("sit"), "site"), (lambda: running.state("site/on"), "site/one"),
            (lambda: running.counters("sitee"), "site"), (lambda: running.counters("site", "FRONTED"), "FRONTEND"),
        ):
            with pytest.raises(KeyError, match=f"did you mean '{nearest}'"):
                wrong()
        with pytest.raises(LookupError, match="listener number 5"):
            running.port("site", 5)


def test_waiting_in_vain_names_the_states(text: str) -> None:
    with Proxy(text) as running:
        with pytest.raises(TimeoutError, match="site/one to become DOWN; site/one is no check"):
            running.wait_until("site/one", "DOWN", timeout_s=0.02)
        with pytest.raises(TimeoutError, match="the condition"):
            running.wait_until(lambda each: False, timeout_s=0.02)
        with pytest.raises(TypeError):
            running.wait_until("site/one")
        with pytest.raises(TypeError):
            running.wait_until(3)  # type: ignore[arg-type]


def test_what_does_not_run_says_so(text: str) -> None:
    idle = Proxy(text)
    idle.stop()
    for question in (lambda: idle.url, lambda: idle.state("site/one"), idle.soft_stop):
        with pytest.raises(NotStartedError):
            question()


def test_a_soft_stop_lets_a_request_end(text: str, origin: Callable[..., Any], ask: Callable[..., Any]) -> None:
    slow = origin("slow")
    slow.holding = threading.Event()
    running = Proxy(CONFIGURATION.replace("PORT", str(slow.port))).start()
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(ask(running.address("site"), "/hold")))
    asking.start()
    slow.arrived.acquire()
    address = running.address("site")
    running.soft_stop()
    running.wait_until(lambda each: refuses(address))
    assert running.is_running
    slow.holding.set()
    asking.join()
    assert answers[0].status == 200
    running.wait_until(lambda each: not each.is_running)
    running.stop()


def test_stop_gives_the_grace_it_is_told(text: str, origin: Callable[..., Any], ask: Callable[..., Any]) -> None:
    slow = origin("slow")
    slow.holding = threading.Event()
    running = Proxy(CONFIGURATION.replace("PORT", str(slow.port))).start()
    ends: list[bytes] = []
    asking = threading.Thread(target=lambda: ends.append(_cut_off(running.address("site"))))
    asking.start()
    slow.arrived.acquire()
    running.stop(grace_s=0.05)
    assert not running.is_running
    slow.holding.set()
    asking.join()
    assert b" 200 " not in ends[0]


def _cut_off(address: tuple[str, int]) -> bytes:
    with socket.create_connection(address) as sock:
        sock.sendall(b"GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            return sock.recv(65536)
        except ConnectionResetError:
            return b""


def test_on_the_callers_loop(text: str, new_loop: asyncio.AbstractEventLoop) -> None:
    async def use() -> None:
        async with AsyncProxy(text) as running:
            reader, writer = await asyncio.open_connection(*running.address("site"))
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert answer.endswith(b"one")
            await running.wait_until(lambda each: each.counters("site")["hrsp_2xx"] == 1)
            running.set_state("site/one", "maint")
            await running.wait_until("site/one", "MAINT")
            with pytest.raises(TimeoutError, match="site/one is MAINT"):
                await running.wait_until("site/one", "UP", timeout_s=0.02)
        assert not running.is_running
        await running.stop()

    new_loop.run_until_complete(use())


def test_two_faces_in_one_process(text: str, new_loop: asyncio.AbstractEventLoop) -> None:
    async def use() -> None:
        async with AsyncProxy(text) as one, AsyncProxy(text) as two:
            assert one.port("site") != two.port("site")
            one.soft_stop()
            await one.wait_stopped()
            assert not one.is_running
            assert two.is_running
            await two.stop(grace_s=1)

    new_loop.run_until_complete(use())


def test_an_error_in_the_caller_of_the_asynchronous_one(new_loop: asyncio.AbstractEventLoop) -> None:
    async def use() -> None:
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            with pytest.raises(StartError, match="Address already in use"):
                await AsyncProxy(f"frontend f\n mode http\n bind 127.0.0.1:{holder.getsockname()[1]}\n").start()

    new_loop.run_until_complete(use())


def test_the_package_names_its_faces() -> None:
    assert set(dir(proxy)) >= {"AsyncProxy", "ConfigError", "Proxy", "StartError"}
    with pytest.raises(AttributeError, match="no attribute 'Prox'"):
        proxy.Prox  # noqa: B018


def test_a_backlog_larger_than_the_system_can_say() -> None:
    with Proxy("listen web\n mode tcp\n backlog 70000000000\n bind 127.0.0.1:0\n timeout client 1s\n") as running:
        socket.create_connection(running.address("web")).close()


def test_the_pytest_fixture(text: str, pyproxy: Callable[..., Proxy], ask: Callable[..., Any]) -> None:
    assert ask(pyproxy(text).address("site")).text == ask(pyproxy(text, loop="asyncio").address("other")).text == "one"
