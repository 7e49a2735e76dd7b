"""Direct routing: who gets which connection, seen from the client and on the wire; dead servers out, living ones in."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from proxy.ha.virtual.probes.datagram import checksum
from tests.ha.lab import Lab
from tests.ha.virtual import (
    HTTP_CHECK,
    QUICK,
    TCP_CHECK,
    VIP,
    ask,
    behind,
    connect,
    counts,
    direct,
    eventually,
    real,
    real_servers,
    serve,
    virtual,
    who,
)


@pytest.fixture
def pair(lab: Lab) -> Iterator[Lab]:
    """Two real servers that serve."""
    with real_servers(lab):
        yield lab


def test_connections_alternate_and_the_real_server_answers_itself(pair: Lab, tmp_path: Path) -> None:
    a, client = pair["a"], pair["client"]
    direct(a, virtual(real(pair["r1"]), real(pair["r2"])), tmp_path)
    with client.sniffer(0x0800) as wire:
        answers = [who(client) for _ in range(8)]
        frames = wire.read()
    assert answers in (["r1", "r2"] * 4, ["r2", "r1"] * 4)
    # Source MAC of what came from the address: the real servers', never the director's.
    sources = {frame[6:12] for frame in [*frames, *(each for _, each in wire.frames)]
               if frame[26:30] == bytes((10, 77, 0, 100)) and frame[:6] == client.mac}
    assert sources == {pair["r1"].mac, pair["r2"].mac}


@pytest.mark.parametrize("check", [TCP_CHECK, HTTP_CHECK], ids=["TCP_CHECK", "HTTP_GET"])
def test_a_dead_server_goes_and_comes_back_and_others_connections_stay(pair: Lab, tmp_path: Path, check: str) -> None:
    a, client, r1 = pair["a"], pair["client"], pair["r1"]
    daemon = direct(a, virtual(real(r1, check=check), real(pair["r2"], check=check)), tmp_path)
    held = [connect(client) for _ in range(4)]
    try:
        names = [ask(each) for each in held]
        assert sorted(names) == ["r1", "r1", "r2", "r2"]
        place = len(daemon.text)
        r1.daemons[0].kill()
        place = daemon.wait_line(f"Removing service [{r1.address}]:tcp:80 from VS [{VIP}]:tcp:80", place)
        assert {who(client) for _ in range(6)} == {"r2"}
        assert [ask(sock) for sock, name in zip(held, names, strict=True) if name == "r2"] == ["r2", "r2"]
        serve(r1)
        daemon.wait_line(f"Adding service [{r1.address}]:tcp:80 to VS [{VIP}]:tcp:80", place)
        assert counts([who(client) for _ in range(6)]) == {"r1": 3, "r2": 3}
        assert [ask(sock) for sock, name in zip(held, names, strict=True) if name == "r2"] == ["r2", "r2"]
    finally:
        for sock in held:
            sock.close()
    assert daemon.stop() == 0
    assert a.run("/usr/sbin/nft", "list", "tables") == ""


def test_a_server_without_power_has_its_connections_reset(pair: Lab, tmp_path: Path) -> None:
    a, client, r1 = pair["a"], pair["client"], pair["r1"]
    daemon = direct(a, virtual(real(r1, check=TCP_CHECK), real(pair["r2"], check=TCP_CHECK)), tmp_path)
    with connect(client) as first, connect(client) as second:
        assert {ask(first), ask(second)} == {"r1", "r2"}
        on_r1, on_r2 = (first, second) if ask(first) == "r1" else (second, first)
        pair.block("r1")
        daemon.wait_line("Removing service")
        with pytest.raises(ConnectionResetError):
            ask(on_r1)
        assert ask(on_r2) == "r2"
        # The same client port again: the dead server is not remembered for it.
        assert {who(client) for _ in range(4)} == {"r2"}


def test_shares_follow_the_weights(pair: Lab, tmp_path: Path) -> None:
    direct(pair["a"], virtual(real(pair["r1"], weight=3), real(pair["r2"], weight=1), algo="wrr"), tmp_path)
    assert counts([who(pair["client"]) for _ in range(40)]) == {"r1": 30, "r2": 10}


def test_a_client_stays_where_it_is_while_the_server_lives(pair: Lab, tmp_path: Path) -> None:
    a, client, b = pair["a"], pair["client"], pair["b"]
    text = virtual(real(pair["r1"], check=TCP_CHECK), real(pair["r2"], check=TCP_CHECK), more="persistence_timeout 50")
    daemon = direct(a, text, tmp_path)
    first = who(client)
    assert {who(client) for _ in range(5)} == {first}
    second = who(b)
    assert second != first
    assert {who(b) for _ in range(5)} == {second}
    pair[first].daemons[0].kill()
    daemon.wait_line("Removing service")
    assert {who(client) for _ in range(5)} == {second}


def test_the_sorry_server_answers_when_the_quorum_is_lost(pair: Lab, tmp_path: Path) -> None:
    a, client, r1, b = pair["a"], pair["client"], pair["r1"], pair["b"]
    behind(b)
    serve(b)
    up, down = tmp_path / "up", tmp_path / "down"
    more = (f"sorry_server {b.address} 80\n quorum 2\n quorum_up \"/usr/bin/touch {up}\"\n "
            f"quorum_down \"/usr/bin/touch {down}\"")
    daemon = direct(a, virtual(real(r1, check=TCP_CHECK), real(pair["r2"], check=TCP_CHECK), more=more), tmp_path)
    assert {who(client) for _ in range(4)} == {"r1", "r2"}
    r1.daemons[0].kill()
    daemon.wait_line(f"Adding sorry server [{b.address}]:tcp:80 to VS [{VIP}]:tcp:80")
    assert {who(client) for _ in range(4)} == {"b"}
    serve(r1)
    daemon.wait_line("Removing sorry server")
    assert {who(client) for _ in range(4)} == {"r1", "r2"}
    eventually(daemon, lambda: up.exists() and down.exists(), "ran quorum_up and quorum_down")


def test_nobody_alive_is_refused_at_once(pair: Lab, tmp_path: Path) -> None:
    r1 = pair["r1"]
    daemon = direct(pair["a"], virtual(real(r1, check=TCP_CHECK)), tmp_path)
    assert who(pair["client"]) == "r1"
    r1.daemons[0].kill()
    daemon.wait_line("Lost quorum 1-0=1 > 0")
    assert who(pair["client"]) == "refused"


def test_an_inhibited_server_keeps_its_connections(pair: Lab, tmp_path: Path) -> None:
    script, client = tmp_path / "state", pair["client"]
    script.write_text("")
    check = f'MISC_CHECK {{\n misc_path "/usr/bin/test -e {script}"\n {QUICK} }}'
    text = virtual(real(pair["r1"], check=check, more="inhibit_on_failure"), real(pair["r2"]))
    daemon = direct(pair["a"], text, tmp_path)
    with connect(client) as first, connect(client) as second:
        on_r1 = first if ask(first) == "r1" else second
        assert ask(on_r1) == "r1"
        script.unlink()
        daemon.wait_line("Disabling service")
        assert ask(on_r1) == "r1"
        assert {who(client) for _ in range(4)} == {"r2"}
        script.write_text("")
        daemon.wait_line("Enabling service")
        assert {who(client) for _ in range(4)} == {"r1", "r2"}
        assert ask(on_r1) == "r1"


def test_a_hash_of_the_client_decides(pair: Lab, tmp_path: Path) -> None:
    client = pair["client"]
    daemon = direct(pair["a"], virtual(real(pair["r1"]), real(pair["r2"]), algo="sh"), tmp_path)
    sources = [f"10.77.0.{number}" for number in range(110, 126)]
    for each in sources:
        client.ip(f"addr replace {each}/24 dev eth0")
    first = {each: who(client, source=each) for each in sources}
    assert set(first.values()) == {"r1", "r2"}
    assert {each: who(client, source=each) for each in sources} == first
    assert daemon.stop() == 0


def test_a_client_whose_server_died_stays_with_the_next(pair: Lab, tmp_path: Path) -> None:
    a, client, b = pair["a"], pair["client"], pair["b"]
    behind(b)
    serve(b)
    servers = [real(pair[name], check=TCP_CHECK) for name in ("r1", "r2", "b")]
    daemon = direct(a, virtual(*servers, more="persistence_timeout 50"), tmp_path)
    first = who(client)
    pair[first].daemons[0].kill()
    daemon.wait_line("Removing service")
    second = who(client)
    assert second != first
    assert {who(client) for _ in range(5)} == {second}


def test_a_client_port_used_again_ends_where_it_was(pair: Lab, tmp_path: Path) -> None:
    """Two connections from one port, to two servers: the last packets of the second are the second server's."""
    client = pair["client"]
    daemon = direct(pair["a"], virtual(real(pair["r1"]), real(pair["r2"])), tmp_path)
    names = []
    for _ in range(2):
        with connect(client, source_port=40000) as sock:
            # A reset leaves no TIME-WAIT here: the port is free at once.
            names.append(ask(sock))
            if len(names) == 1:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert set(names) == {"r1", "r2"}

    def all_ended() -> bool:
        return not any(pair[name].run("ss", "-Htan", "dport = :40000") for name in ("r1", "r2"))

    eventually(daemon, all_ended, "ended both connections")


def frag_needed(vip: str, client: str, client_port: int, mtu: int) -> bytes:
    """What a router says of an answer that is too long: ICMP with the answer's first octets. Source: RFC 1191 §4."""
    answer = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 1500, 1, 0x4000, 64, 6, 0, socket.inet_aton(vip), socket.inet_aton(client))
    body = struct.pack("!HH", 0, mtu) + answer + struct.pack("!HHI", 80, client_port, 1)
    return b"\x03\x04" + checksum(b"\x03\x04\0\0" + body) + body


def test_an_icmp_error_about_an_answer_reaches_the_server_that_gave_it(pair: Lab, tmp_path: Path) -> None:
    client, b = pair["client"], pair["b"]
    direct(pair["a"], virtual(real(pair["r1"]), real(pair["r2"])), tmp_path)
    with connect(client) as first, connect(client) as second:
        for sock in (first, second):
            name, port = ask(sock), sock.getsockname()[1]
            with pair[name].sniffer(0x0800) as wire, b.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as router:
                router.sendto(frag_needed(VIP, client.address, port, 1300), (VIP, 0))
                wire.wait(lambda frame, port=port: frame[23] == 1 and frame[34:36] == b"\x03\x04"
                          and struct.unpack_from("!H", frame, 64)[0] == port, "the error")
