"""What is kept for the log and changed in heads: numbers, captures, unique ids, fields, times."""

import pytest
from playbook import Lab, get, ok

from proxy.base.proxy_parts import UNIQUE_ID, V2
from proxy.core.address_fields import AddressFieldPolicy
from proxy.core.logformat import compile_format
from proxy.core.stream.failure import KILLED
from proxy.runtime.cells import BIN, BOUT
from proxy.runtime.frontend import UniqueId


def test_each_request_has_one_number_from_0_on_whoever_asks_for_it():
    lab = Lab()
    lab.frontend.unique_id = UniqueId((), b"x-id")
    lab.frontend.unique_id.format = compile_format("%ci-%rt", http=True)
    lab.frontend.monitor_uri = b"/alive"
    client = lab.client()
    client.sends(get("/0"))
    server = lab.attempt().accepted()
    assert b"x-id: 10.1.1.1-0\r\n" in server.received()
    server.sends(ok())
    client.sends(get("/alive"))
    client.sends(get("/2"))
    assert b"x-id: 10.1.1.1-2\r\n" in server.received()
    server.sends(ok())
    client.sends(b"rubbish\r\n\r\n")
    records = lab.records()
    assert [record.request_counter for record in records] == [0, 2, 3]
    assert [record.unique_id for record in records] == [b"10.1.1.1-0", b"10.1.1.1-2", b""]
    other = lab.client()
    other.sends(get())
    lab.attempts[-1].accepted().sends(ok()) if lab.asked else server.sends(ok())
    assert lab.records()[0].request_counter == 4


def test_a_unique_id_without_a_header_is_logged_only():
    lab = Lab()
    lab.frontend.unique_id = UniqueId((), b"")
    lab.frontend.unique_id.format = compile_format("%rt", http=True)
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    assert server.received() == b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
    server.sends(ok())
    assert lab.records()[0].unique_id == b"0"


def test_captures_are_taken_of_what_came_and_are_empty_where_nothing_did():
    lab = Lab()
    lab.frontend.capture_request_headers = ((b"host", 3), (b"x-none", 5))
    lab.frontend.capture_response_headers = ((b"server", 20),)
    lab.frontend.capture_cookie = (b"SID", 6)
    lab.frontend.request_fields = (("set", b"host", b"changed"),)
    lab.frontend.response_fields = (("del", b"server", b""),)
    client = lab.client()
    client.sends(b"GET / HTTP/1.1\r\nhost: abcdef\r\ncookie: a=b; SID=12345; SID=x\r\n\r\n")
    server = lab.attempt().accepted()
    assert b"host: changed\r\n" in server.received()
    server.sends(ok(b"", "server: one", "server: two", "set-cookie: OTHER=1", "set-cookie: SID=zz; path=/"))
    assert b"server:" not in client.received()
    record = lab.records()[0]
    assert record.captured_request_headers == [b"abc", None]
    assert record.captured_response_headers == [b"two"]
    assert record.captured_request_cookie == b"SID=12"
    assert record.captured_response_cookie == b"SID=zz"
    client.sends(get("/without"))
    server.ends()
    lab.attempt().accepted().ends()
    record = lab.records()[0]
    assert record.captured_request_headers == [b"a", None]
    assert record.captured_response_headers == [None], "as HAProxy's {}"
    assert record.captured_request_cookie is None
    client.sends(b"rubbish\r\n\r\n")
    record = lab.records()[0]
    assert (record.captured_request_headers, record.captured_response_headers) == (None, None)


def test_fields_are_added_set_and_deleted_in_order_on_both_sides():
    lab = Lab()
    lab.frontend.request_fields = (("add", b"x-a", b"1"), ("add", b"x-a", b"2"), ("del", b"x-drop", b""))
    lab.backend.request_fields = (("set", b"x-a", b"3"),)
    lab.backend.response_fields = (("add", b"x-b", b"back"),)
    lab.frontend.response_fields = (("set", b"x-b", b"front"),)
    client = lab.client()
    client.sends(get("/", "x-drop: me"))
    server = lab.attempt().accepted()
    assert server.received() == b"GET / HTTP/1.1\r\nhost: a\r\nx-a: 3\r\n\r\n"
    server.sends(ok(b""))
    assert client.received() == b"HTTP/1.1 200 OK\r\nx-b: front\r\ncontent-length: 0\r\n\r\n"


def test_addresses_are_told_to_the_server():
    lab = Lab()
    lab.frontend.forwardfor = AddressFieldPolicy("x-forwarded-for")
    lab.frontend.originalto = AddressFieldPolicy("x-original-to")
    client = lab.client()
    client.sends(get())
    assert lab.attempt().accepted().received().endswith(b"x-forwarded-for: 10.1.1.1\r\nx-original-to: 10.0.0.1\r\n\r\n")


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_logasap_tells_of_a_stream_before_it_ends_and_once(mode):
    lab = Lab(mode=mode)
    lab.frontend.logasap = True
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    assert len(lab.log.records) == (1 if mode == "tcp" else 0)
    server.sends(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
    record = lab.records()[0]
    assert record.logasap
    server.sends(b"ok")
    server.ends()
    client.ends()
    assert not lab.records()
    lab.assert_at_rest()


def test_logasap_marks_failures_too():
    lab = Lab(servers=0)
    lab.frontend.logasap = True
    lab.client().sends(get())
    assert lab.records()[0].logasap


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_the_default_format_is_written_when_a_stream_begins(mode):
    lab = Lab(mode=mode)
    lab.log.early = True
    client = lab.client()
    client.sends(get())
    assert len(lab.records()) == 1
    lab.attempt().accepted().sends(ok())
    client.breaks()
    assert not lab.records()


def test_the_times_of_a_request():
    lab = Lab()
    lab.advance(1_000)
    client = lab.client()
    lab.advance(10)
    client.sends(b"GET / HTTP/1.1\r\n")
    lab.advance(20)
    client.sends(b"host: a\r\n\r\n")
    lab.advance(30)
    server = lab.attempt().accepted()
    lab.advance(40)
    server.sends(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
    lab.advance(50)
    server.sends(b"ok")
    first = lab.records()[0]
    assert (first.idle_ms, first.request_ms, first.queue_ms, first.connect_ms) == (10, 20, 0, 30)
    assert (first.response_ms, first.data_ms, first.active_ms, first.total_ms) == (40, 50, 140, 150)
    lab.advance(60)
    client.sends(get())
    server.sends(ok())
    second = lab.records()[0]
    assert (second.idle_ms, second.active_ms, second.total_ms) == (60, 0, 60)
    assert second.accept_wall_s == pytest.approx(first.accept_wall_s + 0.150)


def test_our_own_address_is_asked_for_only_where_it_is_logged():
    lab = Lab()
    lab.frontend.log_backend_source = True
    client = lab.client()
    client.sends(get())
    lab.attempt().accepted().sends(ok())
    record = lab.records()[0]
    assert (record.backend_address, record.backend_port) == ("10.0.0.9", 40000)
    assert (record.server_address, record.server_port) == ("127.0.0.1", 8000)


def test_without_a_log_everything_goes_on():
    for mode in ("http", "tcp"):
        lab = Lab(mode=mode)
        lab.frontend.log = None
        client = lab.client()
        client.sends(get())
        lab.attempt().accepted().sends(ok())
        assert client.received().endswith(b"ok")
        client.breaks()
        bad = lab.client()
        bad.sends(b"rubbish\r\n\r\n")
        bad.breaks()


def test_without_a_default_backend_there_is_nobody_to_ask():
    for mode in ("http", "tcp"):
        lab = Lab(mode=mode)
        lab.frontend.backend = None
        client = lab.client()
        if mode == "http":
            client.sends(get())
            assert client.received().startswith(b"HTTP/1.1 503 ")
            client.sends(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc")
        else:
            assert client.ended
            assert not client.closed, "what the client has sent meanwhile would make it a reset"
            client.sends(b"hello")
        client.ends()
        assert client.closed
        assert not client.aborted
        record = lab.records()[0]
        assert record.termination == b"SC--"
        assert record.request_ms == -1, "without a backend that time has no end"
        lab.assert_at_rest()


@pytest.mark.parametrize("how", ["advance", "breaks", "shut"])
def test_a_tcp_client_without_a_server_may_not_stay(how):
    lab = Lab(mode="tcp", servers=0)
    client = lab.client()
    (session,) = lab.sessions
    if how == "advance":
        lab.advance(1_100)
    elif how == "breaks":
        client.breaks()
    else:
        session.shut(KILLED)
    assert client.closed
    lab.assert_at_rest()


def test_octets_are_counted_while_a_long_transfer_runs():
    lab = Lab()
    client = lab.client()
    client.sends(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3000000\r\n\r\n")
    server = lab.attempt().accepted()
    client.sends(b"x" * 3_000_000)
    server.sends(b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n" + b"y" * 2_000_000)
    assert lab.backend.counters[BOUT] > 1_000_000
    server.sends(b"y" * 1_000_000)
    assert lab.backend.counters[BOUT] == lab.records()[0].octets_out
    assert lab.frontend.counters[BOUT] == lab.listener.counters[BOUT] == lab.backend.counters[BOUT]
    assert lab.backend.counters[BIN] == lab.frontend.counters[BIN] == lab.listener.counters[BIN]


def test_a_tcp_session_has_a_unique_id_too():
    lab = Lab(mode="tcp")
    lab.frontend.unique_id = UniqueId((), b"")
    lab.frontend.unique_id.format = compile_format("%ci-%rt", http=False)
    lab.server.send_proxy = V2 | UNIQUE_ID
    client = lab.client()
    server = lab.attempt().accepted()
    assert server.received().endswith(b"\x05\x00\x0a10.1.1.1-0")
    client.ends()
    server.ends()
    assert [record.unique_id for record in lab.log.records] == [b"10.1.1.1-0"]


def test_without_a_format_there_is_no_unique_id():
    lab = Lab(mode="tcp")
    lab.server.send_proxy = V2 | UNIQUE_ID
    lab.client()
    assert lab.attempt().accepted().received().endswith(b"\x05\x00\x00")
