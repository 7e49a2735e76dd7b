"""Addresses of bind, server and log lines; the verdicts were compared with HAProxy 2.6, deviations are marked."""

from __future__ import annotations

import pytest

from proxy.base.address_text import AddressError, parse_addresses, parse_log_address, parse_server_address
from proxy.base.addresses import Address, Family

V4, V6, NAME = Family.IPV4, Family.IPV6, Family.NAME
UNIX, ABSTRACT, DESCRIPTOR = Family.UNIX, Family.ABSTRACT, Family.DESCRIPTOR

BIND = [
    ("*:80", [(V4, "0.0.0.0", 80)]),
    (":80", [(V4, "0.0.0.0", 80)]),
    ("0.0.0.0:80", [(V4, "0.0.0.0", 80)]),
    (":080", [(V4, "0.0.0.0", 80)]),
    ("[::]:80", [(V6, "::", 80)]),
    (":::80", [(V6, "::", 80)]),
    ("::1:80", [(V6, "::1", 80)]),
    ("[::1]:80", [(V6, "::1", 80)]),
    ("[1.2.3.4]:80", [(V4, "1.2.3.4", 80)]),
    ("ipv4@:80", [(V4, "0.0.0.0", 80)]),
    ("ipv4@*:80", [(V4, "0.0.0.0", 80)]),
    ("ipv6@:80", [(V6, "::", 80)]),
    ("ipv6@*:80", [(V6, "::", 80)]),
    ("ipv6@::1:80", [(V6, "::1", 80)]),
    ("ip@:80", [(V4, "0.0.0.0", 80)]),
    ("tcp@[::1]:80", [(V6, "::1", 80)]),
    ("tcp4@:80", [(V4, "0.0.0.0", 80)]),
    ("tcp6@:::80", [(V6, "::", 80)]),
    ("stream+ipv4@:80", [(V4, "0.0.0.0", 80)]),
    ("localhost:80", [(NAME, "localhost", 80)]),
    ("web_1.example.com.:80", [(NAME, "web_1.example.com.", 80)]),
    ("unix@/run/x.sock", [(UNIX, "/run/x.sock", 0)]),
    ("unix@x", [(UNIX, "x", 0)]),
    ("uxst@/run/x.sock", [(UNIX, "/run/x.sock", 0)]),
    ("/run/x.sock:80", [(UNIX, "/run/x.sock:80", 0)]),
    ("abns@x", [(ABSTRACT, "x", 0)]),
    ("fd@3", [(DESCRIPTOR, "3", 0)]),
    (":8000-8002", [(V4, "0.0.0.0", 8000), (V4, "0.0.0.0", 8001), (V4, "0.0.0.0", 8002)]),
    ("[::1]:80-80", [(V6, "::1", 80)]),
    ("1.2.3.4:80,:81-82,/x", [(V4, "1.2.3.4", 80), (V4, "0.0.0.0", 81), (V4, "0.0.0.0", 82), (UNIX, "/x", 0)]),
    (":80,", [(V4, "0.0.0.0", 80)]),
    ("1.2.3.4:65535", [(V4, "1.2.3.4", 65535)]),
]

BAD_BIND = [
    ("", "'' resolves to an empty address (environment variable missing?)", "default"),
    (",:80", "'' resolves to an empty address (environment variable missing?)", "default"),
    (":80,,:81", "'' resolves to an empty address (environment variable missing?)", "default"),
    ("1.2.3.4", "missing port specification in '1.2.3.4'", "write 1.2.3.4:80,"),
    ("1.2.3.4:", "missing port specification in '1.2.3.4:'", "write 1.2.3.4:80,"),
    ("80", "missing port specification in '80'", "write :80,"),
    ("*", "missing port specification in '*'", "write *:80,"),
    ("[::1]", "missing port specification in '[::1]'", "write [::1]:80,"),
    ("[::1]80", "missing port specification in '[::1]80'", "write [::1]:80,"),
    ("::1", "invalid address: ':' in '::1'", "write [::1]:PORT"),
    ("ipv4@::1:80", "invalid address: '::1' in 'ipv4@::1:80'", ""),
    ("ipv6@1.2.3.4:80", "invalid address: '1.2.3.4' in 'ipv6@1.2.3.4:80'", ""),
    ("256.1.1.1:80", "invalid address: '256.1.1.1' in '256.1.1.1:80'", "four numbers"),
    ("a:b:80", "invalid address: 'a:b' in 'a:b:80'", ""),
    ("-:80", "invalid address: '-' in '-:80'", ""),
    ("@:80", "invalid address: '@' in '@:80'", ""),
    ("x..y:80", "invalid address: 'x..y' in 'x..y:80'", ""),
    ("[localhost]:80", "invalid address: '[localhost]' in '[localhost]:80'", ""),
    ("b\u00fccher.example:80", "invalid address: 'b\u00fccher.example' in 'b\u00fccher.example:80'", ""),
    (f"{'a' * 64}.x:80", f"invalid address: '{'a' * 64}.x' in '{'a' * 64}.x:80'", ""),
    ("[fe80::1%lo]:80", "invalid address: '[fe80::1%lo]' in '[fe80::1%lo]:80'", "zone"),
    ("1.2.3.4:0", "invalid port '0'", "from 1 to 65535"),
    ("1.2.3.4:65536", "invalid port '65536'", "from 1 to 65535"),
    (":8000-70000", "invalid port '70000'", "from 1 to 65535"),
    (":8010-8000", "invalid port range '8010-8000'", "write 8000-8010"),
    ("1.2.3.4:abc", "invalid character 'a' in port number 'abc' in '1.2.3.4:abc'", "from 1 to 65535"),
    ("*:*", "invalid character '*' in port number '*' in '*:*'", "from 1 to 65535"),
    (":\u0661", "invalid character '\u0661' in port number '\u0661' in ':\u0661'", "from 1 to 65535"),
    (":" + "9" * 10, f"invalid character '9' in port number '{'9' * 10}' in ':{'9' * 10}'", "from 1 to 65535"),
    ("1.2.3.4:+1", "port offset not permitted here in '1.2.3.4:+1'", "the port itself"),
    (":-8000", "port offset not permitted here in ':-8000'", "the port itself"),
    ("udp@:80", "dgram-type address not acceptable in 'udp@:80'", "remove the prefix 'udp@'"),
    ("dgram+ipv4@:80", "dgram-type address not acceptable in 'dgram+ipv4@:80'", "remove the prefix 'dgram+ipv4@'"),
    ("uxdg@/x", "dgram-type address not acceptable in 'uxdg@/x'", "remove the prefix 'uxdg@'"),
    ("fd@", "file descriptor '' is not a valid integer in 'fd@'", "variable"),
    ("fd@x", "file descriptor 'x' is not a valid integer in 'fd@x'", ""),
    ("fd@-1", "file descriptor '-1' is not a valid integer in 'fd@-1'", ""),
    ("/" + "x" * 97, f"socket path '/{'x' * 97}' too long (max 97)", "shorter"),
    ("abns@" + "x" * 108, f"socket path 'abns@{'x' * 108}' too long (max 107)", "shorter"),
    ("/" + "\u00e9" * 49, f"socket path '/{chr(0xE9) * 49}' too long (max 97)", "shorter"),
    ("foo@x", "invalid address: 'foo@x'", "known prefixes"),
    # HAProxy takes these: a short or zero-led IPv4 number, rubbish behind a port, a nameless socket.
    ("1.2.3:80", "invalid address: '1.2.3' in '1.2.3:80'", "four numbers"),
    ("01.2.3.4:80", "invalid address: '01.2.3.4' in '01.2.3.4:80'", "leading zeros"),
    ("1.2.3.4:80x", "invalid character 'x' in port number '80x' in '1.2.3.4:80x'", "from 1 to 65535"),
    (":80-90-100", "invalid character '-' in port number '80-90-100' in ':80-90-100'", "from 1 to 65535"),
    ("unix@", "missing socket path in 'unix@'", "path"),
    ("abns@", "missing socket path in 'abns@'", "path"),
]

SERVER = [
    ("1.2.3.4:80", Address(V4, "1.2.3.4", 80)),
    ("1.2.3.4", Address(V4, "1.2.3.4", 0, port_offset=True)),
    ("1.2.3.4:", Address(V4, "1.2.3.4", 0, port_offset=True)),
    ("1.2.3.4:0", Address(V4, "1.2.3.4", 0, port_offset=True)),
    ("1.2.3.4:+1", Address(V4, "1.2.3.4", 1, port_offset=True)),
    ("1.2.3.4:-100", Address(V4, "1.2.3.4", -100, port_offset=True)),
    ("*:80", Address(V4, "0.0.0.0", 80)),
    ("[::1]", Address(V6, "::1", 0, port_offset=True)),
    ("localhost", Address(NAME, "localhost", 0, port_offset=True)),
    ("ipv4@localhost:80", Address(NAME, "localhost", 80, only=V4)),
    ("ipv6@web:80", Address(NAME, "web", 80, only=V6)),
    ("unix@/x", Address(UNIX, "/x")),
    ("abns@x", Address(ABSTRACT, "x")),
]

BAD_SERVER = [
    ("fd@3", "a file descriptor is not acceptable here in 'fd@3'", ""),
    ("1.2.3.4:80-90", "port range not permitted here in '1.2.3.4:80-90'", "write one port"),
    ("1.2.3.4:65536", "invalid port '65536'", "from 1 to 65535"),
    ("1.2.3.4:80,1.2.3.5:80", "invalid address: '1.2.3.4:80,1.2.3.5' in '1.2.3.4:80,1.2.3.5:80'", "write one address"),
    ("::1", "invalid address: ':' in '::1'", "write [::1]:PORT"),
    ("1.2.3.4:+70000", "invalid port offset '+70000' in '1.2.3.4:+70000'", "between"),
    ("1.2.3.4:+", "invalid port offset '+' in '1.2.3.4:+'", "between"),
    ("udp@1.2.3.4:80", "dgram-type address not acceptable in 'udp@1.2.3.4:80'", "remove"),
]

LOG = [
    ("127.0.0.1", Address(V4, "127.0.0.1", 514, datagram=True)),
    ("127.0.0.1:", Address(V4, "127.0.0.1", 514, datagram=True)),
    ("127.0.0.1:0", Address(V4, "127.0.0.1", 514, datagram=True)),
    ("127.0.0.1:1514", Address(V4, "127.0.0.1", 1514, datagram=True)),
    ("[::1]", Address(V6, "::1", 514, datagram=True)),
    ("loghost", Address(NAME, "loghost", 514, datagram=True)),
    ("/dev/log", Address(UNIX, "/dev/log", datagram=True)),
    ("uxdg@/dev/log", Address(UNIX, "/dev/log", datagram=True)),
    ("udp@loghost", Address(NAME, "loghost", 514, datagram=True)),
    ("tcp@loghost:601", Address(NAME, "loghost", 601)),
    ("stdout", Address(DESCRIPTOR, "1")),
    ("stderr", Address(DESCRIPTOR, "2")),
    ("fd@5", Address(DESCRIPTOR, "5")),
]


@pytest.mark.parametrize(("text", "expected"), BIND)
def test_bind_addresses(text: str, expected: list[tuple[Family, str, int]]) -> None:
    assert parse_addresses(text) == [Address(family, host, port) for family, host, port in expected]


@pytest.mark.parametrize(("text", "message", "hint"), BAD_BIND)
def test_bad_bind_addresses_say_what_is_wrong(text: str, message: str, hint: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_addresses(text)
    assert str(caught.value) == message
    assert hint in caught.value.hint
    assert bool(hint) == bool(caught.value.hint)


@pytest.mark.parametrize(("text", "expected"), SERVER)
def test_server_addresses(text: str, expected: Address) -> None:
    assert parse_server_address(text) == expected


@pytest.mark.parametrize(("text", "message", "hint"), BAD_SERVER)
def test_bad_server_addresses(text: str, message: str, hint: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_server_address(text)
    assert str(caught.value) == message
    assert hint in caught.value.hint


@pytest.mark.parametrize(("text", "expected"), LOG)
def test_log_addresses(text: str, expected: Address) -> None:
    assert parse_log_address(text) == expected


@pytest.mark.parametrize("text", ["127.0.0.1:+1", "127.0.0.1:514-515", "fd@x", "127.0.0.1,127.0.0.2"])
def test_bad_log_addresses(text: str) -> None:
    with pytest.raises(AddressError):
        parse_log_address(text)


@pytest.mark.parametrize("text", ["quic4@:443", "sockpair@3", "ring@x", "rhttp@x", "mptcp@:80"])
def test_what_only_haproxy_can_do_is_named(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_addresses(text)
    assert caught.value.feature
    assert caught.value.feature in str(caught.value)


def test_quic_is_refused_in_haproxys_words() -> None:
    with pytest.raises(AddressError, match=r"^unsupported stream protocol for datagram family 10 address 'quic6@:443'; QUIC"):
        parse_addresses("quic6@:443")


def test_port_zero_is_for_those_who_ask() -> None:
    assert parse_addresses("127.0.0.1:0", port_zero=True) == [Address(V4, "127.0.0.1", 0)]
    with pytest.raises(AddressError):
        parse_addresses("127.0.0.1", port_zero=True)


def test_the_name_of_an_abstract_socket_fills_its_address() -> None:
    assert Address(ABSTRACT, "x").socket_name == "\0x" + "\0" * 106
    assert len(Address(ABSTRACT, "\u00e9" * 50).socket_name.encode()) == 108
    assert Address(UNIX, "/run/x").socket_name == "/run/x"
