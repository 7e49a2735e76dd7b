"""Which authorities are valid, and where one stands in a target."""

from __future__ import annotations

import pytest

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.authority import absolute_authority, check_host


@pytest.mark.parametrize("host", [
    b"", b"a", b"a.example", b"A.Example:80", b"127.0.0.1:8080", b"a:", b"a:65535", b"a_b", b"xn--a-ecp.ru", b"a%20b", b"(a)",
    b"[::1]", b"[::1]:80", b"[2001:DB8::1]:65535", b"[::ffff:1.2.3.4]", b"[v1.fe:d]", b"a:00080", b"a.example.",
])
def test_valid_hosts(host: bytes) -> None:
    check_host(host)


@pytest.mark.parametrize("host", [
    b"a b", b"a, b", b"a,b", b"u@a", b"u:p@a", b"a/b", b"a?b", b"a#b", b"a\\b", b"<a>", b'"a"', b"a:b", b"a:-1", b"a:+1",
    b"a:1:2", b"a:65536", b"a:123456", b"a:8_0", b"a:\xb2", b"\xe9", b"a\x00", b"a\x7f", b"a%2", b"a%zz", b"%", b"[::1", b"::1",
    b"[]", b"[:::1]", b"[1.2.3.4]",
    b"[::1]a", b"[::1%25eth0]", b"[::1%eth0]", b"[::g]", b"[v.a]", b"[vz.a]", b"a[::1]", b"a\r\nb", b"a\t",
])
def test_invalid_hosts(host: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        check_host(host)
    assert caught.value.status == 400


@pytest.mark.parametrize(("target", "authority"), [
    (b"http://a.example/x", b"a.example"), (b"http://a.example", b"a.example"), (b"HTTPS://[::1]:8443?x", b"[::1]:8443"),
    (b"ws+x.y-z://a:1/", b"a:1"), (b"http://a/b@c:d", b"a"),
])
def test_absolute_form(target: bytes, authority: bytes) -> None:
    assert absolute_authority(target) == authority


@pytest.mark.parametrize("target", [
    b"http:///x", b"http://", b"http://:80/", b"http://u@a/", b"http://u:p@a/", b"ht!tp://a/", b"1http://a/", b"://a/", b"//a/",
    b"a/b", b"a.example:443", b"@evil/", b"*", b"*/x", b"http:/a", b"http://a\\b/", b"http://a,b/", b"http://a:99999/",
])
def test_no_absolute_form(target: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        absolute_authority(target)
    assert caught.value.status == 400
