"""Outlets against real sockets, pipes and files: what arrives, what is dropped, and that nothing ever waits."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.base.addresses import Address, Family
from proxy.engine import log_outlets
from proxy.engine.log_outlets import DescriptorOutlet, Outlets, UnixOutlet
from tests.conftest import descriptors


@pytest.fixture
def outlets() -> Iterator[Outlets]:
    made = Outlets()
    yield made
    made.close()


def receiver(family: int, name: str | tuple[str, int]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.bind(name)
    sock.settimeout(5)
    return sock


@pytest.mark.parametrize(("family", "number", "host"), [(Family.IPV4, socket.AF_INET, "127.0.0.1"),
                                                        (Family.IPV6, socket.AF_INET6, "::1")])
def test_udp(outlets: Outlets, family: Family, number: int, host: str) -> None:
    with receiver(number, (host, 0)) as daemon:
        outlet = outlets.get(Address(family, host, daemon.getsockname()[1]))
        outlet.send(b"one\n", 1)
        outlet.send(b"two\n", 1)
        assert [daemon.recv(100), daemon.recv(100)] == [b"one\n", b"two\n"]
    outlet.send(b"nobody there\n", 1)
    outlet.send(b"still nobody\n", 1)
    assert outlets.dropped == 0         # nothing tells: UDP


def test_a_datagram_too_long_for_udp_is_dropped(outlets: Outlets) -> None:
    outlets.get(Address(Family.IPV4, "127.0.0.1", 9)).send(b"x" * 70000, 1)
    assert outlets.dropped == 1


def test_one_outlet_per_target_and_one_udp_socket_per_family(outlets: Outlets) -> None:
    before = len(descriptors())
    one, two, again = (outlets.get(Address(Family.IPV4, "127.0.0.1", port)) for port in (10, 11, 10))
    assert one is again
    assert one is not two
    assert len(descriptors()) == before + 1


def test_a_name_that_did_not_resolve_drops_everything(outlets: Outlets) -> None:
    outlets.get(Address(Family.NAME, "nosuch.invalid", 514)).send(b"x", 1)
    assert outlets.dropped == 1


@pytest.mark.parametrize("family", [Family.UNIX, Family.ABSTRACT])
def test_unix_datagrams(outlets: Outlets, family: Family, tmp_path: Path) -> None:
    name = str(tmp_path / "log") if family is Family.UNIX else f"pyproxy-test-{os.getpid()}"
    with receiver(socket.AF_UNIX, Address(family, name).socket_name) as daemon:
        outlets.get(Address(family, name)).send(b"one\n", 1)
        assert daemon.recv(100) == b"one\n"
    assert outlets.dropped == 0


def test_a_unix_daemon_that_is_away_is_tried_once_a_second(tmp_path: Path) -> None:
    path = tmp_path / "log"
    outlet = UnixOutlet(str(path))
    outlet.send(b"nobody\n", 1)
    with receiver(socket.AF_UNIX, str(path)) as daemon:
        outlet.send(b"too early to try again\n", 1)
        assert outlet.dropped == 2
        outlet.send(b"two\n", 2)
        assert daemon.recv(100) == b"two\n"
    path.unlink()
    with receiver(socket.AF_UNIX, str(path)) as restarted:
        outlet.send(b"in the same second as the last attempt\n", 2)
        assert outlet.dropped == 3
        outlet.send(b"three\n", 3)
        outlet.send(b"four\n", 3)
        assert [restarted.recv(100), restarted.recv(100)] == [b"three\n", b"four\n"]
    outlet.close()
    outlet.send(b"closed\n", 4)
    assert outlet.dropped == 4


def test_a_message_too_long_is_dropped_also_right_after_connecting(tmp_path: Path) -> None:
    outlet = UnixOutlet(str(tmp_path / "log"))
    with receiver(socket.AF_UNIX, str(tmp_path / "log")) as daemon:
        outlet.send(b"x" * 10_000_000, 1)
        assert (outlet.dropped, outlet.connected) == (1, True)
        outlet.send(b"short\n", 1)
        assert daemon.recv(100) == b"short\n"
        outlet.close()


def test_a_unix_daemon_that_moved_to_another_directory_is_still_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As from inside a chroot: the path means nothing any more, the connection does."""
    monkeypatch.chdir(tmp_path)
    with receiver(socket.AF_UNIX, "log") as daemon:
        outlet = UnixOutlet("log")
        (tmp_path / "empty").mkdir()
        monkeypatch.chdir(tmp_path / "empty")
        outlet.send(b"one\n", 1)
        assert daemon.recv(100) == b"one\n"
        outlet.close()


def test_a_unix_daemon_that_does_not_read_costs_lines_not_time(tmp_path: Path) -> None:
    with receiver(socket.AF_UNIX, str(tmp_path / "log")) as daemon:
        outlet = UnixOutlet(str(tmp_path / "log"))
        for _ in range(5000):
            outlet.send(b"x" * 1000, 1)
        assert 0 < outlet.dropped < 5000
        assert outlet.connected
        lost = outlet.dropped
        assert daemon.recv(2000) == b"x" * 1000
        outlet.send(b"room again\n", 1)
        assert outlet.dropped == lost
        outlet.close()


@pytest.mark.parametrize("reopens", [True, False])
def test_a_pipe_that_nobody_reads_costs_lines_not_time(reopens: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not reopens:
        monkeypatch.setattr(log_outlets.os, "open", refuse_to_open)
    reading, writing = os.pipe()
    outlet = DescriptorOutlet(writing)
    for _ in range(300):
        outlet.send(b"y" * 999 + b"\n", 1)
    assert outlet.dropped > 200
    assert os.get_blocking(writing)     # others who share it are not disturbed
    whole = os.read(reading, 1 << 20)
    assert set(whole.split(b"\n")) == {b"y" * 999, b""}
    outlet.send(b"room again\n", 1)
    assert os.read(reading, 100) == b"room again\n"
    os.close(reading)
    lost = outlet.dropped
    outlet.send(b"nobody\n", 1)
    assert outlet.dropped == lost + 1
    outlet.close()
    os.close(writing)


def refuse_to_open(path: str, flags: int) -> int:
    raise PermissionError(path)


def test_a_polled_pipe_takes_no_line_that_might_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_outlets.os, "open", refuse_to_open)
    reading, writing = os.pipe()
    outlet = DescriptorOutlet(writing)
    outlet.send(b"z" * 5000, 1)
    assert outlet.dropped == 1
    outlet.close()
    os.close(reading)
    os.close(writing)


def test_a_line_that_went_out_in_part_does_not_spoil_the_next() -> None:
    reading, writing = os.pipe()
    outlet = DescriptorOutlet(writing)
    while not outlet.dropped:
        outlet.send(b"w" * 6000 + b"\n", 1)
    os.read(reading, 1 << 20)
    outlet.send(b"next\n", 1)
    assert os.read(reading, 100) == b"\nnext\n"
    outlet.send(b"last\n", 1)
    assert os.read(reading, 100) == b"last\n"
    outlet.close()
    os.close(reading)
    os.close(writing)


def test_a_stream_socket_as_stdout_is_never_waited_for() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        outlet = DescriptorOutlet(ours.fileno())
        outlet.send(b"one\n", 1)
        assert theirs.recv(100) == b"one\n"
        for _ in range(3000):
            outlet.send(b"x" * 1000, 1)
        assert outlet.dropped
        outlet.close()
        outlet.send(b"closed\n", 1)
        assert ours.fileno() >= 0       # its own copy was closed


def test_a_file_as_stdout_is_written_where_its_owner_stands(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb", buffering=0) as out:
        out.write(b"before\n")
        outlet = DescriptorOutlet(out.fileno())
        outlet.send(b"line\n", 1)
        out.write(b"after\n")
        outlet.close()
    assert (tmp_path / "out").read_bytes() == b"before\nline\nafter\n"


def test_a_descriptor_that_is_not_open_drops_everything(outlets: Outlets) -> None:
    outlets.get(Address(Family.DESCRIPTOR, "999")).send(b"x", 1)
    assert outlets.dropped == 1
