"""Every old spelling that loads shows the line to write today: that line loads without a warning, and means the same."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.base.errors import ConfigError, Severity
from proxy.config.keywords import GLOBAL_KEYWORDS, PROXY_KEYWORDS
from proxy.config.keywords.examples import wrapped
from proxy.config.keywords.row import Acts
from proxy.config.load import load
from proxy.config.model import Configuration
from tests.config.test_cases import described

ROWS: tuple[Any, ...] = (*GLOBAL_KEYWORDS, *PROXY_KEYWORDS)
OLD = [(row, line) for row in ROWS if row.acts is Acts.OLD for line in row.loads]
# The list; all of them are in the table.
NAMED = (
    "contimeout", "clitimeout", "srvtimeout", "option forceclose", "option http-use-proxy-header", "option http-tunnel", "redisp",
    "redispatch", "nbproc", "debug", "reqadd", "rspadd", "reqdel", "reqidel", "rspdel", "rspidel", "bind-process",
)
REPLACED = (
    ("appsession JSESSIONID len 52 timeout 3h", "cookie <name> prefix"), ("block if TRUE", "http-request deny"),
    ("monitor-net 192.0.2.0/24", "monitor-uri"), ("reqrep a b", "http-request replace-path"),
    ("reqirep a b", "http-request replace-header"), ("rsprep a b", "http-response replace-header"),
    ("rspirep a b", "http-response replace-header"), ("reqdeny a", "http-request deny"), ("reqideny a", "http-request deny"),
    ("reqallow a", "http-request allow"), ("reqiallow a", "http-request allow"), ("reqtarpit a", "http-request tarpit"),
    ("reqitarpit a", "http-request tarpit"), ("reqpass a", "http-request"), ("reqipass a", "http-request"),
    ("rspdeny a", "http-response deny"), ("rspideny a", "http-response deny"), ("reqsetbe a b", "use_backend"),
    ("reqisetbe a b", "use_backend"), ("grace 5s", "hard-stop-after"), ("option http_proxy", "forward proxy"),
    ("reqadd X-A:\\ b if is_tls", "http-request add-header"), ("reqdel .*cookie.*", "http-request del-header"),
    ("rspadd Connection:\\ close", "option httpclose"), ("reqadd Transfer-Encoding:\\ chunked", "remove the line"),
)


def today(configuration: Configuration, line: str) -> str:
    """What the one warning says to write instead; nothing where the line is to go."""
    (warning,) = configuration.diagnostics
    assert line.split()[-1 if line.startswith("option") else 0].split("_")[0] in warning.message
    if warning.hint.startswith("write: "):
        return warning.hint.removeprefix("write: ")
    assert warning.hint.startswith("remove the line")
    return ""


@pytest.mark.parametrize(("row", "line"), OLD, ids=[line for _, line in OLD])
def test_the_line_to_write_today_means_the_same(row: Any, line: str) -> None:
    old = load(text=wrapped(row, line))
    modern = load(text=wrapped(row, today(old, line)))
    assert described(modern) == described(old)
    assert modern.diagnostics == ()


def test_a_section_with_an_address_is_told_what_to_write() -> None:
    front = " mode http\n timeout client 1s\n"
    both = front + " timeout server 1s\n timeout connect 1s\n server s 192.0.2.1:80\n"
    for kind, body in (("listen", both), ("frontend", front)):
        old = load(text=f"{kind} web 127.0.0.1:80,:81\n{body}")
        (warning,) = old.diagnostics
        first, _, second = warning.hint.removeprefix("write: ").partition(", and below it: ")
        modern = load(text=f"{first}\n {second}\n{body}")
        assert described(modern) == described(old)
        assert modern.diagnostics == ()


def test_the_list_is_complete() -> None:
    assert set(NAMED) <= {row.words for row in ROWS if row.acts is Acts.OLD}


@pytest.mark.parametrize(("line", "by"), REPLACED, ids=[line for line, _ in REPLACED])
def test_what_cannot_be_translated_names_what_replaces_it(line: str, by: str) -> None:
    timeouts = " timeout client 1s\n timeout connect 1s\n timeout server 1s\n"
    text = f"listen l\n bind :1\n mode http\n{timeouts} server s 192.0.2.1:80\n {line}\n"
    with pytest.raises(ConfigError) as caught:
        load(text=text)
    (alert,) = [item for item in caught.value.diagnostics if item.severity is Severity.ALERT]
    assert by in f"{alert.message} {alert.hint}"
    assert alert.where.line == 8
