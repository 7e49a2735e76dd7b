"""The line to systemd."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from proxy.base.systemd import Notifier


@pytest.mark.parametrize("abstract", [False, True])
def test_it_is_told_where_it_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    name = f"@pyproxy-test-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if abstract else name)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        notifier = Notifier()
        assert notifier.tell("READY=1")
        assert systemd.recv(100) == b"READY=1"
        # One that takes nothing more is not waited for.
        told = 0
        while notifier.tell("STATUS=" + "x" * 1000):
            told += 1
            assert told < 100_000
        notifier.close()
        assert not notifier.tell("STOPPING=1")


@pytest.mark.parametrize("name", ["", "relative", "/nowhere/notify", "@nobody-listens-here"])
def test_without_systemd_nothing_is_said(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    notifier = Notifier()
    assert not notifier.tell("READY=1")
    notifier.close()
