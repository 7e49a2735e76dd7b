"""Inputs that cost much for what they are: each is dealt with, and nobody else has to wait for it.

That no turn of the loop takes longer than 100 ms of processor time is what `nobody_waits` (conftest) watches over in every test;
here it is given something to watch. Meanwhile another client is served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.conftest import eventually
from tests.e2e.costly import Input, Neighbour, Sink, cookies, ends_with, exchange, inputs

INPUTS = inputs()
CONFIG = """
global
    {settings}
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
frontend fe
    bind 127.0.0.1:0
    monitor-uri /monitor
    capture cookie wanted len 20
    default_backend be
backend be
    cookie SRV insert indirect
    server s1 127.0.0.1:{port} cookie one
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.close()


def served_meanwhile(proxy: Any, costly: Input) -> bytes:
    """What the client of such an input gets, while another client is served."""
    neighbour = Neighbour(proxy.address("fe"))
    try:
        eventually(lambda: neighbour.served or neighbour.failure, "the neighbour's first answer")
        received = exchange(proxy.address("fe"), costly.pieces, costly.until)
        before = neighbour.served
        eventually(lambda: neighbour.served > before or neighbour.failure, "another answer for the neighbour")
    finally:
        neighbour.stop()
    assert not neighbour.failure
    return received


@pytest.mark.parametrize("name", INPUTS)
def test_nobody_waits_for(name: str, start: Callable[..., Any], sink: Sink) -> None:
    costly = INPUTS[name]
    received = served_meanwhile(start(CONFIG.format(port=sink.port, settings="")), costly)
    assert received.startswith(costly.begins)
    assert costly.until(bytearray(received)) or costly.begins in (b"HTTP/1.1 400 ", b"HTTP/1.1 431 ")


def test_nobody_waits_for_many_cookies_in_a_large_buffer(start: Callable[..., Any], sink: Sink) -> None:
    costly = Input([cookies(100_000)], ends_with(b"ok"), b"HTTP/1.1 200 ")
    received = served_meanwhile(start(CONFIG.format(port=sink.port, settings="tune.bufsize 2097152")), costly)
    assert received.startswith(costly.begins)
