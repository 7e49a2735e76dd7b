"""One client, one server: heads, bodies, keep-alive, ends."""

import pytest
from playbook import Lab, get, ok

from proxy.core.stream.reply import Page


def test_a_request_and_its_response_pass_and_the_client_may_ask_again():
    lab = Lab()
    client = lab.client()
    client.sends(get("/one"))
    server = lab.attempt().accepted()
    assert server.received() == b"GET /one HTTP/1.1\r\nhost: a\r\n\r\n"
    server.sends(ok(b"first"))
    assert client.received() == b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst"
    client.sends(get("/two"))
    assert not lab.attempts, "the second request goes over the idle connection"
    assert server.received() == b"GET /two HTTP/1.1\r\nhost: a\r\n\r\n"
    server.sends(ok(b"second"))
    assert client.received() == b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecond"
    client.ends()
    lab.assert_at_rest()


def test_a_head_octet_by_octet_is_one_request():
    lab = Lab()
    client = lab.client()
    for octet in get("/", "x-a: 1"):
        client.sends(bytes([octet]))
    assert lab.attempt().accepted().received() == b"GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\r\n\r\n"


def test_pipelined_requests_are_answered_one_after_the_other():
    lab = Lab()
    client = lab.client()
    client.sends(get("/1") + get("/2") + get("/3"))
    server = lab.attempt().accepted()
    for path in (b"/1", b"/2", b"/3"):
        assert server.received().startswith(b"GET " + path)
        server.sends(ok(path))
    assert client.received().count(b"HTTP/1.1 200 OK") == 3


def test_too_many_pipelined_octets_stop_the_reader_until_they_are_used():
    lab = Lab()
    client = lab.client()
    client.sends(get("/1") + b"".join(get(f"/{number}", "x: " + "y" * 1000) for number in range(20)))
    assert client.paused
    server = lab.attempt().accepted()
    for _ in range(10):
        server.sends(ok())
    assert not client.paused


def test_a_body_flows_to_the_server_and_stops_when_the_server_does_not_take_it():
    lab = Lab()
    client = lab.client()
    client.sends(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 300000\r\n\r\n" + b"x" * 1000)
    server = lab.attempt().accepted()
    server.room = 10_000
    client.sends(b"x" * 100_000)
    assert client.paused
    server.takes()
    assert not client.paused
    client.sends(b"x" * 199_000)
    assert server.received().endswith(b"x" * 300_000)
    server.sends(ok())
    assert client.received().startswith(b"HTTP/1.1 200")


def test_a_response_stops_the_server_when_the_client_does_not_take_it():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    client.room = 1000
    server.sends(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + b"y" * 50_000)
    assert server.paused
    client.takes()
    assert not server.paused
    server.sends(b"y" * 50_000)
    assert client.received().endswith(b"y" * 100_000)


def test_chunks_leave_as_chunks_of_our_own_and_extensions_are_dropped():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    server.sends(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nx-t: 1\r\n\r\n")
    assert client.received().endswith(b"\r\n\r\n5\r\nabcde\r\n0\r\nx-t: 1\r\n\r\n")


def test_an_http_1_0_client_gets_no_chunks_but_the_end_of_the_connection():
    lab = Lab()
    client = lab.client()
    client.sends(get("/", "connection: keep-alive", version="1.0"))
    server = lab.attempt().accepted()
    server.sends(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    assert client.received() == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc"
    assert client.closed


def test_a_body_that_ends_with_the_connection_ends_the_clients_too():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    server.sends(b"HTTP/1.1 200 OK\r\n\r\nsome")
    server.sends(b"more")
    server.ends()
    assert client.received() == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nsomemore"
    assert client.closed
    assert not client.aborted
    lab.assert_at_rest()


def test_a_body_cut_short_is_seen_by_the_client_and_logged():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    server.sends(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc")
    server.ends()
    assert client.closed
    assert lab.log.records[-1].termination == b"SD--"
    lab.assert_at_rest()


def test_an_error_page_without_a_head_is_no_answer():
    lab = Lab(servers=0)
    lab.frontend.error_pages = {status: Page(status, b"", b"") for status in (400, 503)}
    for octets in (get(), b"rubbish\r\n\r\n"):
        client = lab.client()
        client.sends(octets)
        assert client.received() == b""
        assert client.closed or client.ended
        if not client.closed:
            client.ends()
    assert [record.octets_out for record in lab.records()] == [0, 0]
    lab.assert_at_rest()


KEY = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="
SWITCHES = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"


@pytest.mark.parametrize("asked", ["websocket", "other, WebSocket"])
def test_a_websocket_without_an_answer_to_its_key_is_a_bad_response(asked):
    lab = Lab()
    client = lab.client()
    client.sends(get("/", f"upgrade: {asked}", "connection: upgrade", KEY))
    server = lab.attempt().accepted()
    server.sends(SWITCHES + b"\r\n")
    assert client.received().startswith(b"HTTP/1.1 502 ")
    assert server.closed
    assert lab.logged() == (b"PH--", 502)
    client.ends()
    lab.assert_at_rest()


@pytest.mark.parametrize(("asked", "answered", "status"), [
    ("foo", "foo", 101), ("foo, bar", "BAR", 101), ("TLS/1.2", "TLS/1.2, HTTP/1.1", 101),
    ("foo", "bar", 502), ("foo", "foo, bar", 502), ("websocket", "foo", 502), ("foo", "h2c", 502), ("foo", "HTTP/1.1, h2c", 502),
])
def test_a_server_switches_to_what_was_asked_for(asked, answered, status):
    lab = Lab()
    client = lab.client()
    client.sends(get("/", f"upgrade: {asked}", "connection: upgrade", KEY))
    server = lab.attempt().accepted()
    server.sends(f"HTTP/1.1 101 Switching Protocols\r\nupgrade: {answered}\r\nconnection: upgrade\r\n\r\n".encode())
    assert client.received().startswith(b"HTTP/1.1 %d " % status)
    client.ends()
    server.ends()
    lab.assert_at_rest()


def test_an_upgrade_becomes_a_tunnel_with_early_octets_and_half_closes():
    lab = Lab()
    client = lab.client()
    client.sends(get("/", "upgrade: websocket", "connection: upgrade", KEY) + b"early")
    server = lab.attempt().accepted()
    assert b"upgrade: websocket" in server.received()
    server.sends(SWITCHES + b"sec-websocket-accept: x\r\n\r\nhello")
    assert client.received().endswith(b"\r\n\r\nhello")
    assert server.received() == b"early"
    client.sends(b"ping")
    assert server.received() == b"ping"
    client.ends()
    assert server.ended
    server.sends(b"bye")
    assert client.received() == b"bye"
    server.ends()
    lab.assert_at_rest()


@pytest.mark.parametrize("key", [(), (KEY + "=",), (KEY[:-1],), ("sec-websocket-key:",)])
def test_a_websocket_without_a_key_is_refused(key):
    lab = Lab()
    client = lab.client()
    client.sends(get("/", "upgrade: websocket", "connection: upgrade", *key))
    assert client.received().startswith(b"HTTP/1.1 400 ")
    assert not lab.attempts


def test_garbage_from_the_client_is_400_and_logged_as_such():
    lab = Lab()
    client = lab.client()
    client.sends(b"GET / HTTP/1.1\r\nbad name: x\r\n\r\n")
    assert client.received().startswith(b"HTTP/1.1 400 Bad request\r\n")
    assert client.ended
    record = lab.log.records[0]
    assert (record.termination, record.status, record.bad_request) == (b"PR--", 400, True)
    client.ends()
    lab.assert_at_rest()


def test_garbage_from_the_server_is_502_and_logged_as_such():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    lab.attempt().accepted().sends(b"garbage\r\n\r\n")
    assert client.received().startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert lab.log.records[0].termination == b"PH--"
    client.ends()
    lab.assert_at_rest()


def test_a_request_that_does_not_come_in_time_is_408():
    lab = Lab()
    lab.frontend.timeout_http_request_ms = 2000
    client = lab.client()
    client.sends(b"GET / HTT")
    lab.advance(2100)
    assert client.received().startswith(b"HTTP/1.1 408 Request Time-out\r\n")
    assert lab.log.records[0].termination == b"cR--"
    lab.advance(2000)
    lab.assert_at_rest()


def test_an_idle_connection_is_closed_in_silence():
    lab = Lab()
    lab.frontend.timeout_http_keep_alive_ms = 1000
    client = lab.client()
    client.sends(get())
    lab.attempt().accepted().sends(ok())
    client.received()
    lab.advance(1100)
    assert client.closed
    assert client.received() == b""
    assert len(lab.log.records) == 1
    lab.assert_at_rest()


def test_a_server_that_does_not_answer_in_time_is_504():
    lab = Lab()
    lab.backend.timeout_server_ms = 300
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    lab.advance(320)
    assert client.received().startswith(b"HTTP/1.1 504 Gateway Time-out\r\n")
    assert server.closed
    assert lab.log.records[0].termination == b"sH--"
    client.ends()
    lab.assert_at_rest()
