"""Bodies and tunnels: who waits for whom, early answers, Expect, interim responses, CONNECT, upgrades, slow peers."""

import pytest
from playbook import Lab, get, ok

from proxy.core.stream.http_stream import INTERIMS_IN_A_TURN
from proxy.core.stream.ports import BODY_READ_OCTETS, CHUNKED_READ_OCTETS, HEAD_READ_OCTETS

POST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n"
UPGRADE = get("/", "upgrade: x", "connection: upgrade")
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"


def test_while_there_is_no_server_one_buffer_is_read_and_no_more():
    lab = Lab()
    client = lab.client()
    client.sends(POST % 200_000 + b"x" * 150_000)
    assert client.paused
    assert len(client.inbox) > 10_000
    server = lab.attempt().accepted()
    assert not client.paused
    client.sends(b"x" * 50_000)
    assert server.received().endswith(b"x" * 200_000)
    server.sends(ok())
    client.ends()
    lab.assert_at_rest()


def test_an_early_answer_passes_while_the_body_goes_on():
    lab = Lab()
    client = lab.client()
    client.sends(POST % 10 + b"abc")
    server = lab.attempt().accepted()
    server.received()
    server.sends(ok())
    assert client.received().endswith(b"ok")
    client.sends(b"defghij" + get("/next"))
    assert server.received() == b"defghijGET /next HTTP/1.1\r\nhost: a\r\n\r\n"
    server.sends(ok())
    client.ends()
    lab.assert_at_rest()


def test_an_early_answer_of_a_server_that_takes_no_more():
    lab = Lab()
    client = lab.client()
    client.sends(POST % 1000 + b"abc")
    server = lab.attempt().accepted()
    server.room = 0
    client.sends(b"x" * 500)
    assert client.paused
    server.sends(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    server.ends()
    assert client.received().startswith(b"HTTP/1.1 413 ")
    client.sends(b"x" * 497)
    client.ends()
    lab.advance(70_000)
    lab.assert_at_rest()


def test_a_server_that_does_not_take_the_body_is_too_late():
    lab = Lab()
    lab.backend.timeout_server_ms = 300
    client = lab.client()
    client.sends(POST % 1000)
    server = lab.attempt().accepted()
    server.room = 0
    client.sends(b"x" * 500)
    lab.advance(320)
    assert client.received().startswith(b"HTTP/1.1 504 ")
    assert lab.logged() == (b"sH--", 504)
    client.ends()
    lab.advance(2_000)
    lab.assert_at_rest()


def test_when_the_body_is_whole_it_is_the_servers_turn():
    lab = Lab()
    lab.frontend.timeout_client_ms, lab.backend.timeout_server_ms = 100_000, 300
    client = lab.client()
    client.sends(POST % 3 + b"a")
    lab.attempt().accepted()
    lab.advance(1_000)
    client.sends(b"bc")
    lab.advance(320)
    assert client.received().startswith(b"HTTP/1.1 504 ")
    client.ends()
    lab.assert_at_rest()


def test_a_slow_server_gets_its_time_anew_with_each_octet_it_takes():
    lab = Lab()
    lab.backend.timeout_server_ms = 300
    client = lab.client()
    client.sends(POST % 1000)
    server = lab.attempt().accepted()
    server.room = 0
    client.sends(b"x" * 1000)
    for _ in range(4):
        lab.advance(250)
        server.takes(100)
    assert not client.closed
    server.takes()
    server.sends(ok())
    assert client.received().startswith(b"HTTP/1.1 200 ")


def test_chunks_and_trailers_of_a_request_leave_as_chunks():
    lab = Lab()
    client = lab.client()
    client.sends(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
    server = lab.attempt().accepted()
    client.sends(b"3\r\nab")
    client.sends(b"c\r\n0\r\nx-t: 1\r\n\r\n" + get("/next"))
    octets = server.received()
    assert octets.endswith(b"\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nx-t: 1\r\n\r\n")
    server.sends(ok())
    assert server.received().startswith(b"GET /next")


def test_expect_is_passed_on_and_so_is_the_go_ahead():
    lab = Lab()
    client = lab.client()
    client.sends(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n")
    server = lab.attempt().accepted()
    assert b"expect: 100-continue\r\n" in server.received()
    server.sends(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert client.received() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sends(b"abc")
    server.sends(ok())
    assert client.received() == ok()
    assert not client.closed
    client.ends()
    lab.assert_at_rest()


def test_who_expects_100_without_a_body_may_go_on():
    lab = Lab()
    client = lab.client()
    client.sends(b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n\r\n")
    lab.attempt().accepted().sends(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    assert b"connection: close" not in client.received()
    assert not client.closed
    client.ends()
    lab.advance(20_000)
    lab.assert_at_rest()


def test_a_refused_expectation_ends_the_connection_for_nobody_knows_what_comes_next():
    lab = Lab()
    client = lab.client()
    client.sends(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n")
    server = lab.attempt().accepted()
    server.sends(b"HTTP/1.1 417 No\r\ncontent-length: 0\r\n\r\n")
    assert b"connection: close\r\n" in client.received()
    assert client.ended
    assert server.closed
    client.sends(b"abc")
    client.ends()
    lab.assert_at_rest()


def test_a_client_of_http_1_0_sees_no_interim_response():
    lab = Lab()
    client = lab.client()
    client.sends(b"GET / HTTP/1.0\r\n\r\n")
    server = lab.attempt().accepted()
    server.sends(b"HTTP/1.1 103 Early Hints\r\n\r\n" + ok(b""))
    assert client.received() == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    assert lab.counted(lab.server)["hrsp_1xx"] == 1


@pytest.mark.parametrize("end", ["ends", "breaks"])
def test_a_client_of_http_1_0_sees_that_chunks_are_cut(end):
    """Without chunks of its own, only a reset tells it from the end of the body."""
    lab = Lab()
    client = lab.client()
    client.sends(b"GET / HTTP/1.0\r\n\r\n")
    server = lab.attempt().accepted()
    server.sends(CHUNKED + b"3\r\nabc\r\n")
    assert client.received().endswith(b"\r\n\r\nabc")
    getattr(server, end)()
    assert client.aborted


def test_a_client_of_http_1_0_sees_that_chunks_are_broken():
    lab = Lab()
    client = lab.client()
    client.sends(b"GET / HTTP/1.0\r\n\r\n")
    server = lab.attempt().accepted()
    server.sends(CHUNKED + b"3\r\nabc\r\n")
    server.sends(b"zz\r\n")
    assert client.aborted


def test_chunks_that_are_whole_end_without_a_reset_for_a_client_of_http_1_0():
    lab = Lab()
    client = lab.client()
    client.sends(b"GET / HTTP/1.0\r\n\r\n")
    lab.attempt().accepted().sends(CHUNKED + b"3\r\nabc\r\n0\r\n\r\n")
    assert client.received() == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc"
    assert client.closed
    assert not client.aborted


def test_a_client_of_http_1_0_is_told_of_no_chunks_when_it_asks_for_the_head_alone():
    """RFC 9112 section 6.1: no Transfer-Encoding in an answer to a request of HTTP/1.0."""
    lab = Lab()
    client = lab.client()
    client.sends(b"HEAD / HTTP/1.0\r\n\r\n")
    lab.attempt().accepted().sends(CHUNKED)
    assert client.received() == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"


BODY = bytes(index % 251 for index in range(60_000))
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 700])
@pytest.mark.parametrize("framed", [
    b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n" + BODY, CHUNKED + b"ea60\r\n" + BODY + b"\r\n0\r\n\r\n"])
def test_a_head_and_a_large_body_that_come_in_one_piece_leave_so(before, framed):
    lab = Lab()
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    for _ in range(2):
        server.sends(before + framed)
        assert client.received() == before + framed
        client.sends(get())


def test_a_head_too_large_is_refused_however_much_comes_at_once():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    lab.attempt().accepted().sends(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 50_000 + b"\r\n\r\n")
    assert client.received().startswith(b"HTTP/1.1 502 ")


@pytest.mark.parametrize("minor", [0, 1])
@pytest.mark.parametrize("body", [b"zz\r\n" + BODY, b"3\r\nabc\r\nzz\r\n", b"3\r\nabcde", b"3\r\nabc\r\n0\r\nno trailer\r\n\r\n"])
def test_broken_chunks_that_come_with_their_head_are_a_bad_response(body, minor):
    lab = Lab()
    client = lab.client()
    client.sends(b"GET / HTTP/1.%d\r\nhost: a\r\n\r\n" % minor)
    server = lab.attempt().accepted()
    server.sends(CHUNKED + body)
    assert client.received().startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert server.closed
    assert lab.logged() == (b"PH--", 502)
    assert lab.counted(lab.server)["eresp"] == 1
    assert "hrsp_2xx" not in lab.counted(lab.server)


def test_a_response_with_broken_chunks_may_be_asked_for_again():
    lab = Lab()
    lab.backend.retry_on = frozenset(["junk-response"])
    lab.backend.retries_l7 = True
    lab.backend.retries = 1
    client = lab.client()
    client.sends(get())
    lab.attempt().accepted().sends(CHUNKED + b"3\r\nabc\r\nzz\r\n")
    lab.attempt().accepted().sends(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert client.received() == b"HTTP/1.1 204 No Content\r\n\r\n"


def test_an_interim_response_of_http_1_0_leaves_as_one_of_1_1():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    lab.attempt().accepted().sends(b"HTTP/1.0 103 Early Hints\r\n\r\n")
    assert client.received() == b"HTTP/1.1 103 Early Hints\r\n\r\n"


def test_a_flood_of_interim_responses_stops_at_a_slow_client():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    client.room = 1_000
    flood = b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10_000
    server.sends(flood)
    assert server.paused
    assert len(client.waiting) <= BODY_READ_OCTETS      # what was read before anybody could object
    client.takes()
    assert client.received() == flood
    server.sends(ok())
    assert client.received() == ok()


def test_interim_responses_that_come_in_one_piece_leave_in_turns():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    interim = b"HTTP/1.1 103 \r\n\r\n"
    server.inbox += interim * 3 * INTERIMS_IN_A_TURN + ok()
    server._deliver()
    assert client.received() == interim * INTERIMS_IN_A_TURN
    assert server.paused
    lab.settle()
    assert client.received() == interim * 2 * INTERIMS_IN_A_TURN + ok()
    assert not server.paused


def test_a_server_that_resets_while_its_interim_responses_wait_for_their_turn():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    server.inbox += b"HTTP/1.1 103 \r\n\r\n" * 2 * INTERIMS_IN_A_TURN
    server._deliver()
    server.breaks()
    assert b"HTTP/1.1 502 " in client.received()
    client.ends()
    lab.assert_at_rest()


def test_a_final_head_behind_as_many_interim_octets_as_are_looked_at_first():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: </stylesss.css>; rel=preload\r\n\r\n"
    interims = interim * (HEAD_READ_OCTETS // len(interim))
    assert len(interims) == HEAD_READ_OCTETS
    server.sends(interims + ok())
    assert client.received() == interims + ok()


def test_a_request_that_saw_an_interim_response_is_not_repeated_on_its_own():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    server.sends(ok())
    client.sends(get("/again"))
    server.sends(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    server.ends()
    assert not lab.asked
    assert b"HTTP/1.1 502 " in client.received()


def test_connect_becomes_a_tunnel():
    lab = Lab()
    client = lab.client()
    client.sends(b"CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n")
    server = lab.attempt().accepted()
    assert server.received().startswith(b"CONNECT a:443 HTTP/1.1\r\n")
    server.sends(b"HTTP/1.1 200 OK\r\n\r\nhello")
    assert client.received() == b"HTTP/1.1 200 OK\r\n\r\nhello"
    client.sends(b"x" * 200_000)
    assert server.received() == b"x" * 200_000
    client.ends()
    assert server.ended
    server.sends(b"bye")
    assert client.received() == b"bye"
    server.ends()
    assert lab.logged() == (b"----", 200)
    lab.assert_at_rest()


def test_a_refused_connect_leaves_nothing_to_be_read_as_a_request():
    lab = Lab()
    client = lab.client()
    client.sends(b"CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n" + get("/meant-for-the-tunnel"))
    server = lab.attempt().accepted()
    server.sends(ok(b"no", status="403 No"))
    answer = client.received()
    assert answer.endswith(b"no")
    assert b"connection: close" in answer
    assert client.ended
    assert b"/meant-for-the-tunnel" not in server.received()


def test_a_connect_that_gets_no_server_leaves_nothing_to_be_read_as_a_request():
    lab = Lab()
    client = lab.client()
    client.sends(b"CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n" + get("/meant-for-the-tunnel"))
    for _ in range(4):                  # three retries
        lab.attempt().refused()
        lab.advance(1010)
    answer = client.received()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert client.ended
    assert not lab.asked


def test_a_connect_may_be_asked_again_with_a_password():
    lab = Lab()
    client = lab.client()
    client.sends(b"CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n")
    server = lab.attempt().accepted()
    server.sends(ok(b"who?", "proxy-authenticate: negotiate", status="407 Who"))
    assert client.received().endswith(b"who?")
    client.sends(get())
    assert server.received().endswith(get())


def test_a_refused_upgrade_leaves_the_connection_as_it_is():
    lab = Lab()
    client = lab.client()
    client.sends(UPGRADE)
    server = lab.attempt().accepted()
    server.sends(ok())
    assert client.received() == ok()
    client.sends(get("/next"))
    assert b"GET /next" in server.received()


def tunnel(lab: Lab):
    client = lab.client()
    client.sends(UPGRADE)
    server = lab.attempt().accepted()
    server.received()
    server.sends(SWITCHED)
    client.received()
    return client, server


def test_the_server_of_a_tunnel_ends_it_for_both():
    lab = Lab()
    client, server = tunnel(lab)
    client.room = 1
    server.sends(b"last words")
    server.room = 0
    client.sends(b"unheard")
    client.takes()
    assert client.received() == b"last words"
    server.ends()
    assert client.closed
    assert server.closed
    assert lab.logged() == (b"----", 101)
    lab.assert_at_rest()


@pytest.mark.parametrize(("side", "letters"), [("client", b"CD--"), ("server", b"SD--")])
def test_either_side_of_a_tunnel_may_break(side, letters):
    lab = Lab()
    client, server = tunnel(lab)
    (client if side == "client" else server).breaks()
    assert client.closed
    assert server.closed
    assert lab.logged() == (letters, 101)
    lab.assert_at_rest()


@pytest.mark.parametrize(("settings", "after_ms", "letters"), [
    ({"client": 300, "server": 10_000}, 300, b"cD--"),
    ({"client": 10_000, "server": 300}, 300, b"sD--"),
    ({"client": 300, "server": 300, "tunnel": 700}, 700, b"cD--"),
    ({"client": 0, "server": 0}, 0, b""),
])
def test_silence_in_a_tunnel(settings, after_ms, letters):
    lab = Lab()
    lab.frontend.timeout_client_ms, lab.backend.timeout_server_ms = settings["client"], settings["server"]
    lab.backend.timeout_tunnel_ms = settings.get("tunnel", 0)
    client, server = tunnel(lab)
    lab.advance(200)
    server.sends(b"x")
    lab.advance(max(0, after_ms - 20))
    assert not client.closed
    lab.advance(40 if after_ms else 10_000_000)
    assert client.closed is bool(letters)
    if letters:
        assert lab.logged() == (letters, 101)
        lab.assert_at_rest()


def test_half_of_a_tunnel_is_waited_for_as_server_fin_says():
    lab = Lab()
    lab.backend.timeout_tunnel_ms, lab.backend.timeout_server_fin_ms, lab.frontend.timeout_client_fin_ms = 10_000, 600, 300
    client, _ = tunnel(lab)
    lab.advance(1_000)
    client.ends()
    lab.advance(580)
    assert not client.closed
    lab.advance(40)
    assert client.closed
    assert lab.logged() == (b"sD--", 101)
    lab.assert_at_rest()


def test_a_slow_tunnel_stops_its_writers():
    lab = Lab()
    client, server = tunnel(lab)
    client.room = server.room = 10
    server.sends(b"x" * 100)
    client.sends(b"y" * 100)
    assert server.paused
    assert client.paused
    client.takes()
    server.takes()
    assert (client.received(), server.received()) == (b"x" * 100, b"y" * 100)
    assert not server.paused
    assert not client.paused


def test_a_head_only_response_and_a_short_body_behind_its_head():
    lab = Lab()
    client = lab.client()
    client.sends(b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n")
    server = lab.attempt().accepted()
    server.sends(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
    assert client.received() == b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
    client.sends(get())
    server.sends(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na")
    server.sends(b"bcX")
    assert client.received().endswith(b"abc")
    assert server.closed
    client.ends()
    lab.assert_at_rest()


def test_the_response_to_a_pipelined_request_waits_for_a_client_that_does_not_read():
    lab = Lab()
    client = lab.client()
    client.room = 0
    client.sends(get("/1") + get("/2"))
    server = lab.attempt().accepted()
    server.sends(ok(b"x" * 1000))
    server.sends(ok(b"y" * 1000))
    client.takes()
    assert client.received().count(b"HTTP/1.1 200") == 2
    client.ends()
    lab.assert_at_rest()


def test_a_client_that_drains_while_its_next_request_is_connecting_does_not_stop_the_clock():
    lab = Lab()
    lab.backend.timeout_connect_ms, lab.backend.retries = 200, 0
    client = lab.client()
    client.room = 0
    client.sends(get("/1") + get("/2"))
    server = lab.attempt().accepted()
    server.sends(ok(b"", "connection: close"))
    client.takes()
    lab.advance(220)
    assert b"HTTP/1.1 503 " in client.received()


def test_a_request_without_any_timeout_waits_for_ever():
    lab = Lab()
    lab.frontend.timeout_client_ms = lab.backend.timeout_server_ms = lab.backend.timeout_connect_ms = 0
    client = lab.client()
    client.sends(POST % 3)
    server = lab.attempt().accepted()
    lab.advance(100_000_000)
    client.sends(b"abc")
    lab.advance(100_000_000)
    server.sends(ok())
    assert client.received() == ok()


def test_a_slow_client_gets_its_time_anew_with_each_octet_it_takes():
    for mode in ("http", "tcp"):
        lab = Lab(mode=mode)
        lab.frontend.timeout_client_ms, lab.backend.timeout_server_ms = 300, 100_000
        client = lab.client()
        client.sends(get())
        server = lab.attempt().accepted()
        client.room = 10
        server.sends(b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n" + b"x" * 1000)
        for _ in range(8):
            lab.advance(250)
            client.takes(50)
        assert not client.closed
        lab.advance(320)
        assert client.aborted
        assert lab.logged()[0] == b"cD--"


def test_chunks_are_never_read_by_the_largest_pieces():
    """A read may be full of the smallest chunks there are, however large the one before them was."""
    lab = Lab()
    client = lab.client()
    client.sends(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
    assert client.read_max == CHUNKED_READ_OCTETS < BODY_READ_OCTETS
    server = lab.attempt().accepted()
    client.sends(b"0\r\n\r\n")
    server.sends(CHUNKED)
    assert server.read_max == CHUNKED_READ_OCTETS
    server.sends(b"0\r\n\r\n")
    client.sends(POST % 5)
    assert client.read_max == BODY_READ_OCTETS
