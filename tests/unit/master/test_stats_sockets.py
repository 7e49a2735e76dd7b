"""The words behind -S, and sockets for commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.base.errors import StartError
from proxy.config.model import StatsSocket
from proxy.master.stats_sockets import master_socket, open_stats_sockets


def test_everything_is_allowed_unless_it_says_less() -> None:
    assert master_socket("/run/m").level == "admin"
    path = "/run/a b\"d'e\\f"
    socket = master_socket(f"{path},level,user,mode,600")
    assert (socket.address.host, socket.level, socket.mode) == (path, "user", 0o600)


@pytest.mark.parametrize("words", ["", "nowhere", "/run/m,loud", "/run/m,level,root"])
def test_what_is_wrong_is_told(words: str) -> None:
    with pytest.raises(StartError, match="-S"):
        master_socket(words)


def test_one_that_cannot_be_bound_leaves_none_open(tmp_path: Path) -> None:
    good, bad = master_socket(str(tmp_path / "good")), master_socket(str(tmp_path / "no" / "bad"))
    with pytest.raises(StartError, match="cannot bind UNIX socket"):
        open_stats_sockets([good, bad])
    opened = open_stats_sockets([good])
    line, listener, sock = opened[0]
    assert isinstance(line, StatsSocket)
    assert listener.bound == str(tmp_path / "good")
    sock.close()
