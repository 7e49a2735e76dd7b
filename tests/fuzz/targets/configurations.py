"""Texts of configurations: objects that could run, or a typed error that can be shown, in bounded time.

What -dC shows of a text is read as the same again. No name is looked up.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest import mock

from proxy.base.addresses import Address
from proxy.base.clock import SystemClock
from proxy.base.errors import ConfigError, Severity, StartError
from proxy.build.process import build
from proxy.cli.configuration_dump import dump_configuration
from proxy.config.diagnostics import Diagnostics
from proxy.config.environment import startup_environment
from proxy.config.keywords import GLOBAL_KEYWORDS, PROXY_KEYWORDS
from proxy.config.keywords.bind import WORDS as BIND_WORDS
from proxy.config.keywords.server import WORDS as SERVER_WORDS
from proxy.config.load import load
from proxy.config.load_options import LoadOptions
from proxy.config.model import Configuration
from proxy.config.reader import read_sections
from proxy.config.rendering import render
from proxy.config.source import Source
from proxy.engine.logsink import LogSink, compile_unique_ids
from tests.unit.core.logformat.sample_records import record

LONGEST = 4096
MOST_CPU_S = 5.0
REAL = sorted((Path(__file__).parents[2] / "config" / "real").glob("*.cfg"))
OPTIONS = LoadOptions(read_file=lambda path: b"HTTP/1.0 503 Sorry\r\n\r\n")
ENVIRONMENT = {"X": "x y"}
WORDS = tuple(sorted({
    *(row.words.encode() for row in (*GLOBAL_KEYWORDS, *PROXY_KEYWORDS)),
    *(word.name.encode() for word in (*BIND_WORDS, *SERVER_WORDS)),
    b"global\n", b"defaults\n", b"frontend f\n", b"backend b\n", b"listen l\n", b"userlist u\n", b".if ", b".endif\n",
    b"127.0.0.1:80", b"${X}", b"10s", b"if ", b"unless ", b"{ path / }", b"no ", b"default ",
}))
MADE_BELOW = 3000        # octets: beyond, that it was read is enough


def seeds() -> Iterable[bytes]:
    for path in REAL:
        text = path.read_bytes()
        if len(text) <= LONGEST:
            yield text
        yield from (part for part in re.split(rb"\n(?=\S)", text) if len(part) <= LONGEST)
    for row in (*GLOBAL_KEYWORDS, *PROXY_KEYWORDS):
        yield from (f"{row.words} {example}".encode() for example in ("", "a", "on 5s"))


def load_or_refuse(text: str) -> Configuration | None:
    """The model, None where there is none; whatever there is to say of it can be shown."""
    start_s = time.process_time()
    try:
        configuration = load(text=text, environment=ENVIRONMENT, options=OPTIONS)
        diagnostics = configuration.diagnostics
    except ConfigError as error:
        configuration, diagnostics = None, error.diagnostics
    used_s = time.process_time() - start_s
    assert used_s < MOST_CPU_S, f"{used_s:.1f} s"
    assert all(item.message for item in diagnostics)
    assert (configuration is None) == any(item.severity is Severity.ALERT for item in diagnostics)
    assert render(diagnostics, [Source("<text>", text)], 1, show_diag=True).strip() or not diagnostics
    return configuration


def shown(text: str) -> str:
    """The text as -dC shows it."""
    sections = read_sections([Source("<text>", text)], startup_environment(ENVIRONMENT, ["<text>"], ""), Diagnostics())
    return "".join(dump_configuration(sections))


def localhost(host: str, port: int | None, family: int = 0, *_: int, **__: int) -> list[tuple[Any, ...]]:
    """The only host there is."""
    if family == socket.AF_INET6:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port or 0))]
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port or 0))]


class NoOutlet:
    """Where lines end."""

    def send(self, message: bytes, second: int) -> None:
        assert message.endswith(b"\n")

    def get(self, address: Address) -> NoOutlet:
        return self


def make_objects(configuration: Configuration) -> None:
    """What runs is made of it, and logs a line."""
    try:
        with mock.patch.object(socket, "getaddrinfo", localhost):
            process = build(configuration, SystemClock())
    except StartError:
        return
    outlets: Any = NoOutlet()
    compile_unique_ids(process.frontends, 1)
    plans = [proxy.log for proxy in (*process.frontends, *process.backends) if proxy.log is not None]
    for plan in dict.fromkeys([*plans, *([process.log] if process.log is not None else [])]):
        sink = LogSink(plan, SystemClock(), 1, outlets)
        sink.event("notice", configuration.global_.description)
        for frontend in process.frontends[:1]:
            sink.record(record(frontend=frontend))


def check(octets: bytes) -> None:
    text = octets.decode("utf-8", "surrogateescape")
    configuration = load_or_refuse(text)
    if configuration is not None and len(octets) <= MADE_BELOW:
        make_objects(configuration)
        once = shown(text)
        assert load_or_refuse(once) is not None, f"what -dC shows is refused: {once!r}"
        assert shown(once) == once
