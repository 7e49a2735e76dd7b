"""Envelopes, as haproxy 2.6.12 wrote them."""

from __future__ import annotations

import pytest

from proxy.core.logformat.dates import Dates
from proxy.engine.syslog import Envelope

AT_S = 1795461422.350410                # 23 November 2026, 19:17:02 UTC
LOCAL3, INFO = 19, 6


def head(name: str, *, hostname: str | None = None, tag: str = "haproxy", offset_s: int = 0, at_s: float = AT_S) -> str:
    return Envelope(name, LOCAL3, tag, hostname, 11982, Dates(lambda second: offset_s)).head(INFO, at_s).decode()


@pytest.mark.parametrize(("name", "without_host", "with_host"), [
    ("local", "<158>Nov 23 19:17:02 haproxy[11982]: ", "<158>Nov 23 19:17:02 haproxy[11982]: "),
    ("", "<158>Nov 23 19:17:02 haproxy[11982]: ", "<158>Nov 23 19:17:02 vm haproxy[11982]: "),
    ("rfc3164", "<158>Nov 23 19:17:02 localhost haproxy[11982]: ", "<158>Nov 23 19:17:02 vm haproxy[11982]: "),
    ("rfc5424", "<158>1 2026-11-23T19:17:02.350410+00:00 - haproxy 11982 - - ",
     "<158>1 2026-11-23T19:17:02.350410+00:00 vm haproxy 11982 - - "),
    ("short", "<6>", "<6>"),
    ("priority", "<158>", "<158>"),
    ("timed", "<6>2026-11-23T19:17:02.350410+00:00 ", "<6>2026-11-23T19:17:02.350410+00:00 "),
    ("iso", "2026-11-23T19:17:02.350410+00:00 ", "2026-11-23T19:17:02.350410+00:00 "),
    ("raw", "", ""),
])
def test_heads(name: str, without_host: str, with_host: str) -> None:
    assert head(name) == without_host
    assert head(name, hostname="vm") == with_host


def test_the_day_of_rfc3164_is_padded_with_a_space() -> None:
    assert head("local", at_s=1793661422) == "<158>Nov  2 23:17:02 haproxy[11982]: "


@pytest.mark.parametrize(("offset_s", "written"), [(19800, "2026-11-24T00:47:02.350410+05:30 "),
                                                   (-12600, "2026-11-23T15:47:02.350410-03:30 ")])
def test_local_time(offset_s: int, written: str) -> None:
    assert head("iso", offset_s=offset_s) == written
    assert head("local", offset_s=19800) == "<158>Nov 24 00:47:02 haproxy[11982]: "


def test_a_percent_sign_in_a_tag_is_a_percent_sign() -> None:
    assert head("local", tag="a%d") == "<158>Nov 23 19:17:02 a%d[11982]: "
    assert head("rfc5424", tag="a%d", hostname="100%") == "<158>1 2026-11-23T19:17:02.350410+00:00 100% a%d 11982 - - "


def test_a_head_is_kept_for_its_second_and_level_only() -> None:
    envelope = Envelope("rfc5424", LOCAL3, "haproxy", None, 1, Dates())
    assert envelope.head(6, AT_S).startswith(b"<158>1 2026-11-23T19:17:02.350410")
    assert envelope.head(6, AT_S + 0.1).startswith(b"<158>1 2026-11-23T19:17:02.450410")
    assert envelope.head(3, AT_S + 0.1).startswith(b"<155>1 2026-11-23T19:17:02.450410")
    assert envelope.head(6, AT_S + 1).startswith(b"<158>1 2026-11-23T19:17:03.350410")
    envelope.pid = 22
    envelope.forget()
    assert b" 22 " in envelope.head(6, AT_S + 1)
