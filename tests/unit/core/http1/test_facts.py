"""What field lines say: framing, persistence, hop-by-hop fields, upgrade, expectations."""

from __future__ import annotations

import pytest

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.facts import request_head, response_head
from proxy.core.http1.head import Fields, RequestHead, ResponseHead
from proxy.core.http1.limits import DEFAULT_LIMITS, Limits

HOST = (b"Host", b"a")


def request(*pairs: tuple[bytes, bytes], method: bytes = b"POST", target: bytes = b"/", minor: int = 1) -> RequestHead:
    return request_head(method, target, minor, [HOST, *pairs], DEFAULT_LIMITS)


def request_refused(*pairs: tuple[bytes, bytes], method: bytes = b"POST", target: bytes = b"/", minor: int = 1) -> int:
    with pytest.raises(RemoteProtocolError) as caught:
        request(*pairs, method=method, target=target, minor=minor)
    return caught.value.status


def response(*pairs: tuple[bytes, bytes], status: int = 200, method: bytes = b"GET", minor: int = 1) -> ResponseHead:
    return response_head(minor, status, b"", list(pairs), method)


def response_refused(*pairs: tuple[bytes, bytes], status: int = 200) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        response(*pairs, status=status)
    assert caught.value.status == 502


def names(fields: Fields) -> list[bytes]:
    return [name for name, _ in fields]


def test_names_are_lowered_by_table_not_by_unicode() -> None:
    assert request((b"X-A", b"B")).fields == [(b"host", b"a"), (b"x-a", b"B")]


def test_host_is_needed_once_in_1_1() -> None:
    for pairs in ([], [HOST, HOST], [HOST, (b"host", b"b")]):
        with pytest.raises(RemoteProtocolError) as caught:
            request_head(b"GET", b"/", 1, pairs, DEFAULT_LIMITS)
        assert caught.value.status == 400
    with pytest.raises(RemoteProtocolError):
        request_head(b"GET", b"/", 0, [HOST, HOST], DEFAULT_LIMITS)
    assert request_head(b"GET", b"/", 0, [], DEFAULT_LIMITS).host == b""
    assert request().host == b"a"


def test_an_absolute_target_names_the_host_in_force() -> None:
    head = request(target=b"http://b.example:8080/x", method=b"GET")
    assert (head.host, head.target) == (b"b.example:8080", b"http://b.example:8080/x")
    assert head.fields == [(b"host", b"b.example:8080")]


def test_connect_names_host_and_port() -> None:
    head = request(target=b"b:443", method=b"CONNECT")
    assert (head.host, head.fields) == (b"b:443", [(b"host", b"b:443")])
    for target in (b"/x", b"b", b"b:", b":443", b"u@b:443", b"http://b:443/", b"*", b"[::1]"):
        assert request_refused(target=target, method=b"CONNECT") == 400


@pytest.mark.parametrize(("target", "sent", "host"), [
    (b"http://b", b"*", b"b"), (b"http://b:8001", b"*", b"b:8001"), (b"http://[::1]", b"*", b"[::1]"),
    (b"http://b/", b"http://b/", b"b"), (b"http://b?x", b"http://b?x", b"b"), (b"http://b//b", b"http://b//b", b"b"),
])
def test_options_of_an_authority_alone_are_those_of_the_server(target: bytes, sent: bytes, host: bytes) -> None:
    head = request(target=target, method=b"OPTIONS")
    assert (head.target, head.host) == (sent, host)
    assert request(target=target).target == target, "other methods mean the root"


def test_asterisk_is_for_options() -> None:
    assert request(target=b"*", method=b"OPTIONS").host == b"a"
    assert request_refused(target=b"*", method=b"GET") == 400
    assert request_refused(target=b"*/x", method=b"OPTIONS") == 400
    assert request_refused(target=b"a:443", method=b"GET") == 400


@pytest.mark.parametrize(("value", "length"), [
    (b"0", 0), (b"5", 5), (b"0005", 5), (b"010", 10), (b"9223372036854775807", (1 << 63) - 1), (b"5, 5", 5), (b"5 ,\t5", 5),
])
def test_lengths(value: bytes, length: int) -> None:
    assert request((b"Content-Length", value)).content_length == length
    assert response((b"Content-Length", value)).content_length == length
    assert b"content-length" not in names(request((b"Content-Length", value)).fields)


@pytest.mark.parametrize("value", [
    b"", b"-0", b"+5", b"5_0", b"0x5", b"5.0", b"4 4", b"5,", b",5", b",", b"5, 6", b"5, 05", b"abc", b"9223372036854775808",
    b"1" * 20, b"\xb2", b"\xd9\xa4", b"5\x0c",
])
def test_bad_lengths(value: bytes) -> None:
    assert request_refused((b"Content-Length", value)) == 400
    response_refused((b"Content-Length", value))


def test_repeated_lengths_must_agree() -> None:
    assert request((b"content-length", b"5"), (b"content-length", b"5")).content_length == 5
    assert request_refused((b"content-length", b"5"), (b"content-length", b"6")) == 400
    assert request_refused((b"content-length", b"5"), (b"content-length", b"")) == 400
    response_refused((b"content-length", b"0"), (b"content-length", b"6"))


def test_chunked_beats_a_length_and_the_connection_closes() -> None:
    for pairs in ([(b"content-length", b"5"), (b"transfer-encoding", b"chunked")],
                  [(b"transfer-encoding", b"Chunked"), (b"content-length", b"5")]):
        head = request(*pairs)
        assert (head.chunked, head.content_length, head.keep_alive) == (True, -1, False)
        answer = response(*pairs)
        assert (answer.chunked, answer.content_length, answer.keep_alive) == (True, -1, False)
    assert request_refused((b"transfer-encoding", b"chunked"), (b"content-length", b"x")) == 400


@pytest.mark.parametrize("values", [
    [b"gzip"], [b"gzip, chunked"], [b"chunked, gzip"], [b"chunked, chunked"], [b"chunked", b"chunked"], [b"chunked", b"x"], [b""],
    [b"chunked,"], [b"chunked;a=b"], [b"\xa0chunked"], [b"chun\xe2\x84\xaaed"], [b"identity"], [b"x"],
])
def test_other_codings(values: list[bytes]) -> None:
    pairs = [(b"Transfer-Encoding", value) for value in values]
    assert request_refused((b"content-length", b"43"), *pairs) == 501
    response_refused(*pairs)


def test_http_1_0_knows_no_transfer_coding() -> None:
    assert request_refused((b"transfer-encoding", b"chunked"), minor=0) == 400
    answer = response((b"transfer-encoding", b"chunked"), (b"connection", b"keep-alive"), minor=0)
    assert (answer.chunked, answer.keep_alive) == (True, False)


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"DELETE"])
def test_http_1_0_payload_where_old_servers_expect_none(method: bytes) -> None:
    assert request_refused((b"content-length", b"2"), method=method, minor=0) == 413
    assert request((b"content-length", b"0"), method=method, minor=0).content_length == 0
    assert request((b"content-length", b"2"), method=method).content_length == 2
    lenient = Limits(payload_with_any_method=True)
    assert request_head(method, b"/", 0, [(b"content-length", b"2")], lenient).content_length == 2


@pytest.mark.parametrize(("values", "minor", "keeps"), [
    ([], 1, True), ([], 0, False), ([b"close"], 1, False), ([b"CLOSE"], 1, False), ([b"keep-alive"], 0, True),
    ([b"Keep-ALIVE"], 0, True), ([b"keep-alive, close"], 0, False), ([b"keep-alive", b"close"], 1, False),
    ([b"x, close\t"], 1, False), ([b"closer"], 1, True),
    ([b",,;="], 1, True), ([b"\xa0close"], 1, True), ([b"te, Keep-Alive"], 0, True),
])
def test_persistence(values: list[bytes], minor: int, keeps: bool) -> None:
    pairs = [(b"Connection", value) for value in values]
    assert request(*pairs, minor=minor).keep_alive is keeps
    assert response(*pairs, (b"content-length", b"0"), minor=minor).keep_alive is keeps


def test_hop_by_hop_fields_stay_here() -> None:
    hop = [(b"Connection", b"close, X-Hop,Cookie"), (b"X-Hop", b"1"), (b"cookie", b"a"), (b"Keep-Alive", b"5"),
           (b"Proxy-Connection", b"x"), (b"TE", b"gzip"), (b"Trailer", b"x"), (b"Upgrade", b"x"), (b"HTTP2-Settings", b"A"),
           (b"X-Kept", b"1")]
    assert names(request(*hop).fields) == [b"host", b"x-kept"]
    assert names(response(*hop).fields) == [b"x-kept"]


def test_connection_cannot_name_host_away() -> None:
    head = request((b"connection", b"host, content-length"), (b"content-length", b"5"))
    assert head.fields == [(b"host", b"a")]
    assert head.content_length == 5


def test_connection_cannot_name_away_where_a_request_comes_from() -> None:
    """The statistics page goes by these (`stats admin`)."""
    told = [(b"origin", b"http://evil"), (b"sec-fetch-site", b"cross-site")]
    head = request((b"connection", b"Origin, Sec-Fetch-Site, x-hop"), *told, (b"x-hop", b"1"))
    assert [pair for pair in head.fields if pair[0] != b"host"] == told


def test_trailer_announcements_go_with_chunks() -> None:
    assert names(request((b"trailer", b"x"), (b"transfer-encoding", b"chunked")).fields) == [b"host", b"trailer"]
    assert names(response((b"trailer", b"x"), (b"transfer-encoding", b"chunked")).fields) == [b"trailer"]


@pytest.mark.parametrize(("pairs", "upgrade"), [
    ([(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")], b"websocket"),
    ([(b"Upgrade", b"websocket"), (b"Connection", b"keep-alive, UPGRADE")], b"websocket"),
    ([(b"Connection", b"upgrade"), (b"Upgrade", b"a/1"), (b"Upgrade", b"b")], b"a/1, b"),
    ([(b"Upgrade", b"websocket")], b""),
    ([(b"Connection", b"Upgrade")], b""),
    ([(b"Connection", b"upgrade, http2-settings"), (b"Upgrade", b"h2c"), (b"http2-settings", b"A")], b""),
    ([(b"Connection", b"upgrade"), (b"Upgrade", b"H2C, websocket,")], b"websocket"),
    ([(b"Connection", b"upgrade"), (b"Upgrade", b"H2c/1.0, websocket/13, h2/x")], b"websocket/13"),
    ([(b"Connection", b"upgrade"), (b"Upgrade", b"websocket"), (b"content-length", b"1")], b""),
    ([(b"Connection", b"upgrade"), (b"Upgrade", b"websocket"), (b"content-length", b"0")], b"websocket"),
    ([(b"Connection", b"upgrade"), (b"Upgrade", b"websocket"), (b"transfer-encoding", b"chunked")], b""),
])
def test_upgrade(pairs: Fields, upgrade: bytes) -> None:
    assert request(*pairs).upgrade == upgrade


def test_http_1_0_cannot_upgrade() -> None:
    assert request((b"connection", b"upgrade"), (b"upgrade", b"websocket"), minor=0).upgrade == b""


def test_a_101_names_its_protocol() -> None:
    switch = ((b"Connection", b"upgrade"), (b"Upgrade", b"websocket"))
    assert response(*switch, status=101).upgrade == b"websocket"
    assert response(*switch, status=426).upgrade == b"websocket"
    assert response((b"connection", b"upgrade"), (b"upgrade", b"h2"), (b"upgrade", b"x"), status=426).upgrade == b"h2, x"
    assert response(*switch, status=200).upgrade == b""
    response_refused(status=101)
    response_refused((b"upgrade", b"websocket"), status=101)


def test_expectations() -> None:
    head = request((b"Expect", b"100-Continue"), (b"content-length", b"5"))
    assert head.expect_continue
    assert b"expect" not in names(head.fields)
    assert not request((b"expect", b"100-continue"), minor=0).expect_continue
    for value in (b"x 100-continue", b"", b"100-continue, x", b"foo"):
        assert request_refused((b"expect", value)) == 417


@pytest.mark.parametrize(
    ("value", "accepts"), [(b"trailers", True), (b"gzip, Trailers", True), (b"gzip", False), (b"trailersx", False)],
)
def test_te(value: bytes, accepts: bool) -> None:
    assert request((b"TE", value)).te_trailers is accepts
    assert request((b"TE", value), (b"TE", b"deflate")).te_trailers is accepts


def test_max_forwards_is_counted_down() -> None:
    for method in (b"OPTIONS", b"TRACE"):
        head = request((b"Max-Forwards", b"0"), method=method)
        assert head.max_forwards == 0
        head = request((b"Max-Forwards", b"10"), method=method)
        assert (head.max_forwards, head.get(b"max-forwards")) == (10, b"9")
        assert request((b"max-forwards", b"5"), (b"max-forwards", b"0"), method=method).max_forwards == 0
        head = request((b"max-forwards", b"+1"), method=method)
        assert (head.max_forwards, head.get(b"max-forwards")) == (-1, b"+1")
    head = request((b"Max-Forwards", b"0"), method=b"GET")
    assert (head.max_forwards, head.get(b"max-forwards")) == (-1, b"0")
    assert request().max_forwards == -1


@pytest.mark.parametrize(("status", "method", "length"), [
    (100, b"GET", -1), (103, b"GET", -1), (204, b"GET", -1), (204, b"HEAD", -1), (200, b"CONNECT", -1),
    (304, b"GET", 5), (200, b"HEAD", 5),
])
def test_responses_without_a_body(status: int, method: bytes, length: int) -> None:
    head = response((b"content-length", b"5"), status=status, method=method)
    assert head.no_body
    assert head.content_length == length
    assert head.keep_alive is (length == 5)
    chunked = response((b"transfer-encoding", b"chunked"), status=status, method=method)
    assert chunked.no_body
    assert chunked.chunked is (length == 5)
    assert chunked.keep_alive is (length == 5)
    bare = response(status=status, method=method)
    assert bare.no_body
    assert bare.keep_alive


def test_responses_with_a_body() -> None:
    until_close = response()
    assert (until_close.no_body, until_close.chunked, until_close.content_length) == (False, False, -1)
    assert not until_close.keep_alive
    assert not response((b"connection", b"keep-alive")).keep_alive
    assert response((b"content-length", b"0")).keep_alive
    assert response((b"transfer-encoding", b"chunked")).keep_alive
    refused_connect = response((b"content-length", b"5"), status=403, method=b"CONNECT")
    assert (refused_connect.no_body, refused_connect.content_length) == (False, 5)


def test_has_body() -> None:
    assert not request().has_body
    assert not request((b"content-length", b"0")).has_body
    assert request((b"content-length", b"1")).has_body
    assert request((b"transfer-encoding", b"chunked")).has_body
