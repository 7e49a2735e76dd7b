"""Checkers against servers on the loopback interface that say the right thing, the wrong thing, or nothing."""

from __future__ import annotations

import hashlib
import os
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.ha.conf.model import Global
from proxy.ha.conf.script_command import ScriptCommand
from proxy.ha.conf.services import (
    Check,
    CheckBasics,
    CheckUrl,
    DnsCheck,
    HttpCheck,
    MiscCheck,
    PingCheck,
    RealServer,
    SmtpCheck,
    TcpCheck,
    TlsFiles,
    UdpCheck,
)
from proxy.ha.loop import Loop
from proxy.ha.speaker.spawn import Programs
from proxy.ha.virtual.probes.datagram import DnsProbe, checksum, dns_query, matches
from proxy.ha.virtual.probes.http import HttpProbe, request, trouble
from proxy.ha.virtual.probes.make import make_probe
from proxy.ha.virtual.probes.program import ProgramProbe

LOCAL = ip_address("127.0.0.1")
BASICS = CheckBasics(connect_timeout_s=5)
SHORT = CheckBasics(connect_timeout_s=0.05)


class Quiet:
    def say(self, level: str, text: str) -> None:
        """Nobody listens."""

    def detail(self, text: str) -> None:
        """Nobody listens."""


@dataclass
class Bench:
    """A loop, a server on it, and a probe of that server."""

    loop: Loop = field(default_factory=Loop)
    sockets: list[socket.socket] = field(default_factory=list)
    asked: bytearray = field(default_factory=bytearray)
    port: int = 0

    def serve(self, replies: Callable[[bytes], bytes | None], greeting: bytes = b"", closes: bool = True) -> None:
        """A TCP server: a greeting, then a reply to what has been said so far (None: wait for more)."""
        listening = socket.create_server(("127.0.0.1", 0))
        self._keep(listening)
        self.port = listening.getsockname()[1]

        def accept() -> None:
            connection, _ = listening.accept()
            self._keep(connection)
            if greeting:
                connection.sendall(greeting)
            said = bytearray()

            def read() -> None:
                octets = connection.recv(65536)
                self.asked.extend(octets)
                said.extend(octets)
                reply = replies(bytes(said)) if octets else b""
                if reply:
                    connection.sendall(reply)
                if not octets or (reply is not None and closes):
                    self.loop.remove(connection.fileno())
                    self.sockets.remove(connection)
                    connection.close()
            self.loop.add_reader(connection.fileno(), read)

        self.loop.add_reader(listening.fileno(), accept)

    def serve_datagrams(self, replies: Callable[[bytes], bytes | None]) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        self._keep(sock)
        self.port = sock.getsockname()[1]

        def read() -> None:
            octets, source = sock.recvfrom(4096)
            self.asked.extend(octets)
            reply = replies(octets)
            if reply is not None:
                sock.sendto(reply, source)

        self.loop.add_reader(sock.fileno(), read)

    def _keep(self, sock: socket.socket) -> None:
        self.sockets.append(sock)

    def probe(self, check: Check, step: int = 0) -> tuple[bool, str]:
        """What a probe says."""
        results: list[tuple[bool, str]] = []
        programs = Programs(self.loop, Quiet(), Global())
        server = RealServer(LOCAL, self.port, weight=10)
        probe = make_probe(self.loop, programs, check, step, server, self.port, TlsFiles(),
                           lambda *result: results.append(result))
        probe.start()
        while not results:
            self.loop.once(5.0)
        assert len(results) == 1
        return results[0]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    for sock in made.sockets:
        made.loop.remove(sock.fileno())
        sock.close()
    made.loop.close()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def test_tcp(bench: Bench) -> None:
    bench.serve(lambda said: None)
    assert bench.probe(TcpCheck(BASICS)) == (True, "connected")
    bench.port = closed_port()
    assert bench.probe(TcpCheck(BASICS)) == (False, "Connection refused")


def test_a_connection_that_is_never_answered_is_given_up(bench: Bench) -> None:
    # A full backlog: the kernel lets further connections wait.
    listening = socket.create_server(("127.0.0.1", 0), backlog=0)
    bench.sockets.append(listening)
    bench.port = listening.getsockname()[1]
    for _ in range(4):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", bench.port))
        bench.sockets.append(sock)
    assert bench.probe(TcpCheck(SHORT)) == (False, "no connection within 0.05 s")


def http(status: bytes = b"200 OK", body: bytes = b"all is well", head: bytes = b"") -> Callable[[bytes], bytes | None]:
    answer = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), head, body)
    return lambda said: answer if said.endswith(b"\r\n\r\n") else None


DIGEST = hashlib.md5(b"all is well").hexdigest()


@pytest.mark.parametrize(("url", "ok"), [
    (CheckUrl(), True), (CheckUrl(status_codes=(range(300, 400),)), False), (CheckUrl(digest=DIGEST), True),
    (CheckUrl(digest="0" * 32), False), (CheckUrl(regex="is w.ll$"), True), (CheckUrl(regex="ill"), False),
    (CheckUrl(regex="ill", regex_no_match=True), True), (CheckUrl(regex="well", regex_no_match=True), False),
    (CheckUrl(regex="WELL"), False), (CheckUrl(regex="WELL", regex_options=("caseless",)), True),
    (CheckUrl(regex="all", regex_min_offset=1), False), (CheckUrl(regex="is", regex_max_offset=3), False),
    (CheckUrl(regex="is", regex_max_offset=4), True),
])
def test_http(bench: Bench, url: CheckUrl, ok: bool) -> None:
    bench.serve(http())
    assert bench.probe(HttpCheck(BASICS, urls=(url,)))[0] is ok


@pytest.mark.parametrize(("reply", "why"), [
    (http(b"503 Service Unavailable"), "status 503 for /"), (lambda said: b"", "the connection ended before the answer did"),
    (lambda said: b"SSH-2.0-x\r\n\r\n", "no HTTP answer"),
    (lambda said: b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort", "the connection ended"),
])
def test_http_failures_say_why(bench: Bench, reply: Callable[[bytes], bytes | None], why: str) -> None:
    bench.serve(reply)
    ok, said = bench.probe(HttpCheck(BASICS, urls=(CheckUrl(regex="short"),)))
    assert not ok
    assert said.startswith(why)


def test_http_without_an_answer(bench: Bench) -> None:
    bench.serve(lambda said: None)
    assert bench.probe(HttpCheck(SHORT, urls=(CheckUrl(),))) == (False, "no answer within 0.05 s")


def test_what_http_asks(bench: Bench) -> None:
    url = CheckUrl("/status?x", virtualhost="www.example.com")
    assert request(HttpCheck(), url, LOCAL, 80) == \
        b"GET /status?x HTTP/1.0\r\nUser-Agent: pyproxy-ha\r\nHost: www.example.com\r\n\r\n"
    text = request(HttpCheck(http_protocol="1.1"), CheckUrl(), ip_address("fd00::1"), 8080)
    assert b"HTTP/1.1\r\n" in text
    assert b"Host: [fd00::1]:8080\r\nConnection: close\r\n" in text
    bench.serve(http())
    bench.probe(HttpCheck(BASICS, urls=(url, CheckUrl("/second"))), step=1)
    assert bytes(bench.asked).startswith(b"GET /second HTTP/1.0\r\n")


def test_expressions_that_cannot_be_are_said() -> None:
    strange = CheckUrl(regex="(", regex_options=("ungreedy",))
    assert trouble(HttpCheck(urls=(strange,)))[0] == "regex_options ungreedy is not there"
    assert len(trouble(HttpCheck(urls=(CheckUrl(regex="("),)))) == 1
    assert trouble(HttpCheck(urls=(CheckUrl(regex="a|b", regex_options=("caseless", "utf")),))) == []


def smtp(said: bytes) -> bytes | None:
    if said.endswith(b"QUIT\r\n"):
        return b""
    return b"250-mail greets you\r\n250 OK\r\n" if said.startswith(b"HELO ha1\r\n") else None


@pytest.mark.parametrize(("greeting", "ok"), [
    (b"220-mail\r\n220 ready\r\n", True), (b"554 go away\r\n", False), (b"x" * 20000, False)])
def test_smtp(bench: Bench, greeting: bytes, ok: bool) -> None:
    bench.serve(smtp, greeting, closes=False)
    found, why = bench.probe(SmtpCheck(BASICS, helo_name="ha1"))
    assert found is ok, why


@pytest.mark.parametrize(("flags", "delta", "ok"), [
    (0x8180, 0, True), (0x8182, 0, False), (0x8180, 1, False), (0x0100, 0, False)])
def test_dns(bench: Bench, flags: int, delta: int, ok: bool) -> None:
    def reply(octets: bytes) -> bytes:
        number, = struct.unpack_from("!H", octets)
        return struct.pack("!HH", (number + delta) & 0xFFFF, flags) + octets[4:]

    bench.serve_datagrams(reply)
    basics = BASICS if delta == 0 and flags & 0x8000 else SHORT
    assert bench.probe(DnsCheck(basics, type="A", name="example.com"))[0] is ok


def test_dns_queries() -> None:
    assert dns_query(1, "SOA", ".") == bytes.fromhex("0001 0100 0001 0000 0000 0000 00 0006 0001")
    assert dns_query(1, "AAAA", "a.bc.")[12:] == b"\x01a\x02bc\x00\x00\x1c\x00\x01"
    for bad in ("a..b", "x" * 64, ".".join(["x" * 60] * 5)):
        with pytest.raises(ValueError, match="no domain name"):
            dns_query(1, "A", bad)


@given(octets=st.binary(max_size=64))
def test_no_datagram_is_an_accident(octets: bytes) -> None:
    results: list[tuple[bool, str]] = []
    probe = object.__new__(DnsProbe)
    probe._number, probe._check = 7, DnsCheck()
    probe.finish = lambda ok, why: results.append((ok, why))  # type: ignore[method-assign]
    probe.answer(octets)
    assert not results or octets[:2] == b"\0\7"


@pytest.mark.parametrize(("check", "reply", "ok"), [
    (UdpCheck(SHORT), None, True), (UdpCheck(BASICS), b"x", True), (UdpCheck(SHORT, require_reply=()), None, False),
    (UdpCheck(BASICS, require_reply=()), b"anything", True),
    (UdpCheck(BASICS, require_reply=(), min_reply_length=9), b"short", False),
    (UdpCheck(BASICS, require_reply=(0xA, None, 1, 2)), b"\xa7\x12more", True),
    (UdpCheck(BASICS, require_reply=(0xA, None, 1, 3)), b"\xa7\x12more", False),
])
def test_udp(bench: Bench, check: UdpCheck, reply: bytes | None, ok: bool) -> None:
    bench.serve_datagrams(lambda octets: reply)
    assert bench.probe(check)[0] is ok


def test_udp_says_what_it_is_told_and_hears_that_nobody_is_there(bench: Bench) -> None:
    bench.serve_datagrams(lambda octets: b"x")
    bench.probe(UdpCheck(BASICS, payload=b"\x01\x02"))
    assert bytes(bench.asked) == b"\x01\x02"
    bench.port = closed_port()
    assert bench.probe(UdpCheck(BASICS)) == (False, "Connection refused")


@given(octets=st.binary(min_size=1, max_size=20))
def test_patterns(octets: bytes) -> None:
    halves = tuple(half for octet in octets for half in (octet >> 4, octet & 15))
    assert matches(octets, halves)
    assert matches(octets, (None,) * len(halves))
    assert matches(octets[:1], halves)
    assert not matches(octets, (halves[0] ^ 1, *halves[1:]))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
def test_ping(bench: Bench) -> None:
    assert bench.probe(PingCheck(BASICS)) == (True, "answered")


@given(words=st.lists(st.integers(0, 0xFFFF), max_size=30))
def test_the_checksum_sums_to_nothing(words: list[int]) -> None:
    octets = struct.pack(f"!{len(words)}H", *words)
    assert checksum(octets + checksum(octets)) in (b"\0\0", b"\xff\xff")


def script(text: str) -> ScriptCommand:
    return ScriptCommand(("/bin/sh", "-c", text))


@pytest.mark.parametrize(("check", "ok"), [
    (MiscCheck(script=script("exit 0")), True), (MiscCheck(script=script("exit 3")), False),
    (MiscCheck(script=script("exit 3"), dynamic=True), True), (MiscCheck(script=script("exit 1"), dynamic=True), False),
    (MiscCheck(script=script("exec sleep 9"), timeout_s=0.05), False), (MiscCheck(script=ScriptCommand(("/no/such",))), False),
    (MiscCheck(), False),
])
def test_programs(bench: Bench, check: MiscCheck, ok: bool) -> None:
    assert bench.probe(check)[0] is ok


@pytest.mark.parametrize(("status", "offset"), [(0, 0), (1, None), (2, -10), (12, 0), (255, 243)])
def test_a_programs_status_is_a_weight(bench: Bench, status: int, offset: int | None) -> None:
    results: list[tuple[bool, str]] = []
    programs = Programs(bench.loop, Quiet(), Global())
    check = MiscCheck(script=script(f"exit {status}"), dynamic=True)
    probe = ProgramProbe(programs, check, 10, lambda *said: results.append(said))
    probe.start()
    while not results:
        bench.loop.once(5.0)
    assert probe.offset == offset


def test_a_cancelled_probe_calls_nobody(bench: Bench) -> None:
    bench.serve(http())
    results: list[object] = []
    probe = HttpProbe(bench.loop, HttpCheck(BASICS, urls=(CheckUrl(),)), CheckUrl(), LOCAL, bench.port, TlsFiles(),
                      lambda *said: results.append(said))
    probe.start()
    probe.cancel()
    bench.loop.once(0.05)
    assert results == []
