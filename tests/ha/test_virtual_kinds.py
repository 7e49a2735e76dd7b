"""Every other kind of virtual server: NAT, UDP, firewall marks, groups, IPv6, servers chosen by their connections."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.ha.lab import PATIENCE_S, Host, Lab, start_ha
from tests.ha.test_examples import machine
from tests.ha.virtual import (
    TCP_CHECK,
    VIP,
    ask,
    behind,
    connect,
    counts,
    direct,
    eventually,
    ipvsadm,
    kill_checkers,
    listed,
    real,
    real_servers,
    serve,
    virtual,
    wait_ready,
    who,
)

NFT = "/usr/sbin/nft"


@pytest.fixture
def pair(lab: Lab) -> Iterator[Lab]:
    """Two real servers that serve."""
    with real_servers(lab):
        yield lab


def through_a(lab: Lab) -> None:
    """The real servers answer the client through A, which forwards."""
    lab["a"].run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0",
                 "net.ipv4.conf.eth0.send_redirects=0")
    for name in ("r1", "r2"):
        lab[name].run("sysctl", "-qw", "net.ipv4.conf.all.accept_redirects=0", "net.ipv4.conf.eth0.accept_redirects=0")
        lab[name].ip(f"route replace {lab['client'].address}/32 via {lab['a'].address}")


def test_nat_changes_port_and_keeps_connections(pair: Lab, tmp_path: Path) -> None:
    a, client, r1, r2 = pair["a"], pair["client"], pair["r1"], pair["r2"]
    through_a(pair)
    for host in (r1, r2):
        serve(host, 8080)
    daemon = direct(a, virtual(real(r1, 8080, check=TCP_CHECK), real(r2, 8080, check=TCP_CHECK), kind="NAT"), tmp_path)
    assert counts([who(client) for _ in range(6)]) == {"r1": 3, "r2": 3}
    with connect(client) as first, connect(client) as second:
        names = {ask(first): first, ask(second): second}
        assert set(names) == {"r1", "r2"}
        pair.block("r1")
        daemon.wait_line("Removing service")
        assert ask(names["r2"]) == "r2"
        with pytest.raises(ConnectionResetError):
            ask(names["r1"])
        assert {who(client) for _ in range(4)} == {"r2"}
        found = listed(daemon)["services"][0]["servers"]
        assert [(each["address"], each["active"], each["forward"]) for each in found] == [(f"{r2.address}:8080", 1, "Masq")]
        assert found[0]["out_packets"] > found[0]["connections"] > 4
    assert daemon.stop() == 0
    assert a.run(NFT, "list", "tables") == ""


def test_nat_persistence_and_refusal(pair: Lab, tmp_path: Path) -> None:
    through_a(pair)
    client, r1 = pair["client"], pair["r1"]
    text = virtual(real(r1, check=TCP_CHECK), kind="NAT", more="persistence_timeout 30")
    daemon = direct(pair["a"], text, tmp_path)
    assert {who(client) for _ in range(4)} == {"r1"}
    r1.daemons[0].kill()
    daemon.wait_line("Lost quorum")
    assert who(client) == "refused"


def datagram(host: Host, sock: socket.socket) -> str:
    sock.sendto(b"who", (VIP, 80))
    return sock.recv(100).decode()


def udp(host: Host) -> socket.socket:
    sock = host.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(PATIENCE_S)
    sock.bind(("", 0))
    return sock


@pytest.mark.parametrize("kind", ["DR", "NAT"])
def test_datagrams_of_one_socket_go_one_way(pair: Lab, tmp_path: Path, kind: str) -> None:
    if kind == "NAT":
        through_a(pair)
    client = pair["client"]
    for name in ("r1", "r2"):                       # with both addresses a datagram's answer has to come from the right one
        pair[name].daemons[0].kill()
        serve(pair[name], address=VIP if kind == "DR" else pair[name].address)
    direct(pair["a"], virtual(real(pair["r1"]), real(pair["r2"]), kind=kind, protocol="UDP"), tmp_path)
    with ExitStack() as stack:
        sockets = [stack.enter_context(udp(client)) for _ in range(4)]
        first = [datagram(client, each) for each in sockets]
        assert counts(first) == {"r1": 2, "r2": 2}
        for _ in range(3):
            assert [datagram(client, each) for each in sockets] == first


@pytest.mark.parametrize("kind", ["DR", "NAT"])
def test_firewall_marks(pair: Lab, tmp_path: Path, kind: str) -> None:
    a, client = pair["a"], pair["client"]
    if kind == "NAT":
        through_a(pair)
    a.run(NFT, "add table ip marking; add chain ip marking pre { type filter hook prerouting priority -150; }; "
               f"add rule ip marking pre ip daddr {VIP} tcp dport {{ 80, 81 }} meta mark set 7")
    try:
        for name in ("r1", "r2"):
            serve(pair[name], 81)
        servers = [f"real_server {pair[name].address} 0 {{\n weight 1\n }}\n" for name in ("r1", "r2")]
        direct(a, virtual(*servers, what="fwmark 7", kind=kind), tmp_path)
        assert counts([who(client, port=port) for _ in range(4) for port in (80, 81)]) == {"r1": 4, "r2": 4}
    finally:
        a.run(NFT, "delete", "table", "ip", "marking")


def test_a_group_of_addresses_and_ports(pair: Lab, tmp_path: Path) -> None:
    a, client = pair["a"], pair["client"]
    a.ip("addr add 10.77.0.101/32 dev eth0")
    for name in ("r1", "r2"):
        behind(pair[name], "10.77.0.101")
    text = f"virtual_server_group web {{\n {VIP}-101 80\n }}\n" + virtual(real(pair["r1"]), real(pair["r2"]), what="group web")
    daemon = direct(a, text, tmp_path)
    assert counts([who(client, vip) for _ in range(4) for vip in (VIP, "10.77.0.101")]) == {"r1": 4, "r2": 4}
    assert re.search(r"TCP  10\.77\.0\.100-10\.77\.0\.101:80 rr", ipvsadm(daemon, "-Ln"))


def test_ipv6(pair: Lab, tmp_path: Path) -> None:
    vip, hosts = "fd77::100", ("client", "a", "r1", "r2")
    try:
        for name in hosts:
            pair[name].ip(f"addr add fd77::{pair[name].number}/64 dev eth0 nodad")
        for name in ("r1", "r2"):
            behind(pair[name], vip)
            serve(pair[name], 90, address="::")
        servers = [f"real_server fd77::{pair[name].number} 90 {{\n weight 1\n {TCP_CHECK} }}\n" for name in ("r1", "r2")]
        more = "persistence_timeout 20\n persistence_granularity 128"
        daemon = direct(pair["a"], virtual(*servers, what=f"{vip} 90", more=more), tmp_path, vip=vip)
        first = who(pair["client"], vip, 90)
        assert first in ("r1", "r2")
        assert {who(pair["client"], vip, 90) for _ in range(3)} == {first}
        assert daemon.stop() == 0
    finally:
        for name in hosts:
            pair[name].ip("-6 addr flush dev eth0 scope global")
            pair[name].ip(f"-6 addr del {vip}/128 dev lo", check=False)


def test_the_director_itself_may_be_a_real_server(pair: Lab, tmp_path: Path) -> None:
    a, client = pair["a"], pair["client"]
    serve(a)
    direct(a, virtual(real(a), real(pair["r1"])), tmp_path)
    assert counts([who(client) for _ in range(6)]) == {"a": 3, "r1": 3}


@pytest.mark.parametrize("algo", ["lc", "wlc", "sed", "nq"])
def test_the_least_busy_server_gets_the_next(pair: Lab, tmp_path: Path, algo: str) -> None:
    client = pair["client"]
    daemon = direct(pair["a"], virtual(real(pair["r1"]), real(pair["r2"]), algo=algo), tmp_path)
    with ExitStack() as stack:
        for _ in range(8):
            ask(stack.enter_context(connect(client)))
        eventually(daemon, lambda: sorted(each["active"] for each in listed(daemon)["services"][0]["servers"]) == [4, 4],
                   "had four connections each")
        # All of one server's connections end: the next ones are its.
    with ExitStack() as stack:
        held = [stack.enter_context(connect(client)) for _ in range(8)]
        names = [ask(each) for each in held]
        for sock, name in zip(held, names, strict=True):
            if name == "r1":
                sock.close()

        # Turns follow the connections four times a second; those of a burst in between take what was foreseen.
        def idle_gets_all() -> bool:
            with ExitStack() as burst:
                return [ask(burst.enter_context(connect(client))) for _ in range(names.count("r2"))] == ["r1"] * names.count("r2")

        eventually(daemon, idle_gets_all, "gave the idle server as many as the other has")


def test_a_full_server_gets_no_more(pair: Lab, tmp_path: Path) -> None:
    client = pair["client"]
    text = virtual(real(pair["r1"], more="uthreshold 2\n lthreshold 1"), real(pair["r2"]))
    daemon = direct(pair["a"], text, tmp_path)
    with ExitStack() as stack:
        held = [stack.enter_context(connect(client)) for _ in range(4)]
        assert counts([ask(each) for each in held]) == {"r1": 2, "r2": 2}
        eventually(daemon, lambda: {who(client) for _ in range(4)} == {"r2"}, "left the full server alone")


def test_a_crash_cuts_nothing(pair: Lab, tmp_path: Path) -> None:
    a, client = pair["a"], pair["client"]
    daemon = direct(a, virtual(real(pair["r1"]), real(pair["r2"]), more="persistence_timeout 60"), tmp_path)
    with connect(client) as sock:
        name = ask(sock)
        kill_checkers(daemon)
        daemon.wait_line("the checkers child has ended with signal 9")
        assert ask(sock) == name                    # while nobody is there
        assert who(client) == name
        daemon.wait_line("virtual servers by", daemon.text.index("signal 9"))
        wait_ready(daemon)
        assert ask(sock) == name
        assert who(client) == name                  # the client is remembered over the crash
        assert [each["active"] for each in listed(daemon)["services"][0]["servers"] if each["active"]] == [1]


def test_a_table_of_another_kind_is_replaced(pair: Lab, tmp_path: Path) -> None:
    a, table = pair["a"], "netdev pyproxy_virtual"
    a.run(NFT, f"add table {table}; add map {table} tcp_{VIP}_80.flows {{ type ether_addr : mark; flags dynamic; }}; "
               f"add chain {table} old")
    daemon = direct(a, virtual(real(pair["r1"])), tmp_path)
    assert "connections are forgotten" in daemon.text
    assert who(pair["client"]) == "r1"
    assert " old " not in a.run(NFT, "list", "ruleset")


def test_a_reload_keeps_connections_and_takes_weights(pair: Lab, tmp_path: Path) -> None:
    client = pair["client"]
    daemon = direct(pair["a"], virtual(real(pair["r1"]), real(pair["r2"])), tmp_path)
    assert daemon.folder is not None
    with connect(client) as first, connect(client) as second:
        names = [ask(first), ask(second)]
        (daemon.folder / "ha.conf").write_text(virtual(real(pair["r1"], weight=0), real(pair["r2"])))
        daemon.signal(signal.SIGHUP)
        daemon.wait_line("Reloaded: 1 virtual servers")
        assert [ask(first), ask(second)] == names
        assert {who(client) for _ in range(4)} == {"r2"}


def test_the_listing_is_ipvsadms(pair: Lab, tmp_path: Path) -> None:
    client, r1, r2 = pair["client"], pair["r1"], pair["r2"]
    daemon = direct(pair["a"], virtual(real(r1, weight=2), real(r2), algo="wrr", more="persistence_timeout 300"), tmp_path)
    with connect(client) as sock:
        name = ask(sock)
        plain = ipvsadm(daemon, "-Ln").splitlines()
        assert plain[1:4] == ["Prot LocalAddress:Port Scheduler Flags",
                              "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
                              f"TCP  {VIP}:80 wrr persistent 300"]
        number = {"r1": r1.address, "r2": r2.address}[name]
        assert re.fullmatch(rf"  -> {number}:80 +Route +[12] +1 +0", next(line for line in plain if number in line))
        stats = ipvsadm(daemon, "-Ln", "--stats").splitlines()
        assert re.fullmatch(rf"  -> {number}:80 +1 +[1-9] +0 +[0-9]+ +0", next(line for line in stats if number in line))
        assert "CPS" in ipvsadm(daemon, "-Ln", "--rate")


def test_a_hash_outlives_the_director(pair: Lab, tmp_path: Path) -> None:
    """The other machine knows nothing of the connection, but where the client's address belongs."""
    a, b, client = pair["a"], pair["b"], pair["client"]
    pair_text = ("vrrp_instance v {{\n state BACKUP\n interface eth0\n virtual_router_id 51\n priority {}\n version 3\n "
                 f"advert_int 0.05\n virtual_ipaddress {{{{ {VIP} }}}}\n}}}}\n")
    services = virtual(real(pair["r1"], check=TCP_CHECK), real(pair["r2"], check=TCP_CHECK), algo="mh")
    first = start_ha(a, "pyproxy-ha", pair_text.format(150) + services, tmp_path)
    a.wait_address(VIP)
    wait_ready(first)
    second = start_ha(b, "pyproxy-ha", pair_text.format(100) + services, tmp_path)
    wait_ready(second)
    with connect(client) as sock:
        name = ask(sock)
        first.kill()
        pair.block("a")
        b.wait_address(VIP)
        assert ask(sock) == name
        assert who(client) == name


def test_the_example_pair_of_directors(pair: Lab, tmp_path: Path) -> None:
    a, b, client, vip = pair["a"], pair["b"], pair["client"], "10.77.0.253"
    for name, number in (("r1", 52), ("r2", 53)):
        pair[name].ip(f"addr add 10.77.0.{number}/24 dev eth0")
        behind(pair[name], vip)
    try:
        first = start_ha(a, "pyproxy-ha", machine("keepalived-director-pair.conf", b=False), tmp_path)
        a.wait_address(vip)
        wait_ready(first)
        second = start_ha(b, "pyproxy-ha", machine("keepalived-director-pair.conf", b=True), tmp_path)
        wait_ready(second)
        assert counts([who(client, vip) for _ in range(4)]) == {"r1": 2, "r2": 2}
        first.kill()
        pair.block("a")
        b.wait_address(vip)
        assert counts([who(client, vip) for _ in range(4)]) == {"r1": 2, "r2": 2}
    finally:
        for name, number in (("r1", 52), ("r2", 53)):
            pair[name].ip(f"addr del 10.77.0.{number}/24 dev eth0")
