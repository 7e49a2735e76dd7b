"""How streams end badly: what the client is told, what is logged, what is counted. Each case was compared with HAProxy 2.6."""

import pytest
from playbook import FakeLink, Lab, get, ok

from proxy.core.stream import failure

POST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"


def at_work(lab: Lab, request: bytes = b"") -> tuple[FakeLink, FakeLink]:
    """A client whose request has reached the server."""
    client = lab.client()
    client.sends(request or get())
    server = lab.attempt().accepted()
    server.received()
    return client, server


def status_of(client: FakeLink) -> int:
    octets = client.received()
    return int(octets[9:12]) if octets else 0


def leave(lab: Lab, client: FakeLink) -> None:
    """The client goes, time passes, nothing remains."""
    if not client.closed and not client.told_end:
        client.ends()
    lab.advance(2_000)
    lab.assert_at_rest()


def test_the_server_closes_without_an_answer():
    lab = Lab()
    client, server = at_work(lab)
    server.ends()
    assert status_of(client) == 502
    assert lab.logged() == (b"SH--", 502)
    assert not client.closed, "the client may ask again"
    assert lab.counted(lab.server) == {"stot": 1, "eresp": 1, "lbtot": 1, "connect": 1}
    assert lab.counted(lab.backend) == {"stot": 1, "eresp": 1, "lbtot": 1, "connect": 1, "req_tot": 1, "hrsp_5xx": 1}
    assert lab.counted(lab.frontend) == {"stot": 1, "req_tot": 1, "hrsp_5xx": 1}
    leave(lab, client)


@pytest.mark.parametrize("how", ["ends", "breaks"])
def test_the_server_breaks_off_inside_its_head(how):
    lab = Lab()
    client, server = at_work(lab)
    server.sends(b"HTTP/1.1 200 OK\r\ncont")
    getattr(server, how)()
    assert status_of(client) == 502
    assert lab.logged() == (b"SH--", 502)
    leave(lab, client)


@pytest.mark.parametrize("how", ["ends", "breaks"])
@pytest.mark.parametrize("framing", [b"content-length: 10", b"transfer-encoding: chunked"])
def test_the_server_breaks_off_inside_its_body(how, framing):
    lab = Lab()
    client, server = at_work(lab)
    server.sends(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n3\r\nabc\r\n")
    getattr(server, how)()
    assert client.closed
    assert lab.logged() == (b"SD--", 200)
    assert lab.counted(lab.server)["srv_abrt"] == lab.counted(lab.server)["eresp"] == 1
    leave(lab, client)


def test_a_reset_inside_a_body_that_ends_with_the_connection_resets_the_client_who_could_not_tell_otherwise():
    lab = Lab()
    client, server = at_work(lab)
    server.sends(b"HTTP/1.1 200 OK\r\n\r\nabc")
    server.breaks()
    assert client.aborted
    assert lab.logged() == (b"SD--", 200)
    leave(lab, client)


def test_broken_chunks_of_the_server():
    lab = Lab()
    client, server = at_work(lab)
    server.sends(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
    server.sends(b"zz\r\n")
    assert client.closed
    assert server.aborted
    assert lab.logged() == (b"SD--", 200)
    assert lab.counted(lab.server)["eresp"] == 1
    assert "srv_abrt" not in lab.counted(lab.server)
    leave(lab, client)


def test_the_server_is_silent():
    lab = Lab()
    lab.backend.timeout_server_ms = 300
    client, server = at_work(lab)
    server.sends(b"HTTP/1.1 200 O")
    lab.advance(290)
    assert not server.closed
    lab.advance(30)
    assert status_of(client) == 504
    assert server.aborted
    assert lab.logged() == (b"sH--", 504)
    leave(lab, client)


def test_the_server_is_silent_inside_its_body_but_each_octet_gives_it_time():
    lab = Lab()
    lab.backend.timeout_server_ms = 300
    client, server = at_work(lab)
    server.sends(HALF)
    lab.advance(200)
    server.sends(b"d")
    lab.advance(200)
    assert not client.closed
    lab.advance(120)
    assert client.closed
    assert lab.logged() == (b"sD--", 200)
    assert lab.counted(lab.server)["srv_abrt"] == 1
    leave(lab, client)


def test_an_upgrade_that_nobody_asked_for():
    lab = Lab()
    client, server = at_work(lab)
    server.sends(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
    assert status_of(client) == 502
    assert lab.logged() == (b"PH--", 502)
    assert server.aborted
    leave(lab, client)


def test_a_client_that_half_closes_is_answered_all_the_same():
    lab = Lab()
    client, server = at_work(lab)
    client.ends()
    assert not server.closed
    server.sends(ok())
    assert status_of(client) == 200
    assert client.closed
    assert lab.logged() == (b"----", 200)
    leave(lab, client)


def test_unless_abortonclose():
    lab = Lab()
    lab.backend.abortonclose = True
    client, server = at_work(lab)
    client.ends()
    assert status_of(client) == 400
    assert server.aborted
    assert lab.logged() == (b"CH--", 400)
    assert lab.counted(lab.server)["cli_abrt"] == 1
    leave(lab, client)


def test_a_client_that_resets_while_it_waits_changes_nothing_for_its_server():
    lab = Lab()
    client, server = at_work(lab)
    client.breaks()
    assert not server.closed
    assert not lab.records()
    server.sends(ok())
    assert lab.logged() == (b"CD--", 200)
    assert lab.counted(lab.server)["cli_abrt"] == lab.counted(lab.backend)["cli_abrt"] == 1
    assert lab.counted(lab.server)["hrsp_2xx"] == 1
    assert client.closed
    leave(lab, client)


def test_a_client_that_resets_while_it_waits_in_vain():
    lab = Lab()
    client, _ = at_work(lab)
    client.breaks()
    lab.advance(30_100)
    (record,) = lab.records()
    assert (record.termination, record.status) == (b"sH--", 504)
    assert record.octets_out > 0, "the answer is counted as handed over, though nobody was there to take it"
    assert lab.counted(lab.server)["cli_abrt"] == 1
    leave(lab, client)


def test_a_client_that_has_reset_learns_of_it_inside_a_long_response():
    lab = Lab()
    client, server = at_work(lab)
    client.breaks()
    server.sends(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
    assert server.aborted
    assert lab.logged() == (b"CD--", 200)
    leave(lab, client)


def test_with_abortonclose_a_reset_ends_the_wait():
    lab = Lab()
    lab.backend.abortonclose = True
    client, server = at_work(lab)
    client.breaks()
    assert server.aborted
    assert lab.logged() == (b"CD--", -1)
    assert lab.counted(lab.frontend)["hrsp_other"] == 1
    leave(lab, client)


def test_with_abortonclose_a_half_close_inside_the_response_ends_it():
    lab = Lab()
    lab.backend.abortonclose = True
    client, server = at_work(lab)
    server.sends(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
    client.ends()
    assert server.aborted
    assert client.closed
    assert not client.aborted
    assert lab.logged() == (b"CD--", 200)
    leave(lab, client)


def test_a_client_that_resets_inside_the_response():
    lab = Lab()
    client, server = at_work(lab)
    server.sends(HALF)
    client.breaks()
    assert server.aborted
    assert lab.logged() == (b"CD--", 200)
    leave(lab, client)


@pytest.mark.parametrize("how", ["ends", "breaks"])
def test_a_client_that_goes_inside_its_body(how):
    lab = Lab()
    client, server = at_work(lab, POST + b"abc")
    getattr(client, how)()
    assert client.received() == b""
    assert server.aborted
    assert lab.logged() == (b"CD--", -1)
    assert lab.counted(lab.frontend)["hrsp_other"] == 1
    assert lab.counted(lab.server)["cli_abrt"] == 1
    leave(lab, client)


def test_a_client_that_goes_inside_its_body_after_the_response():
    lab = Lab()
    client, server = at_work(lab, POST + b"abc")
    server.sends(ok())
    client.ends()
    assert lab.logged() == (b"CD--", 200)
    leave(lab, client)


@pytest.mark.parametrize(("how", "letters"), [("ends", b"CC--"), ("breaks", b"CC--")])
def test_a_client_that_goes_inside_its_body_while_connecting(how, letters):
    lab = Lab()
    client = lab.client()
    client.sends(POST + b"abc")
    getattr(client, how)()
    assert lab.logged() == (letters, -1)
    leave(lab, client)


def test_a_client_that_is_silent_inside_its_body():
    lab = Lab()
    lab.frontend.timeout_client_ms = 300
    client, server = at_work(lab, POST + b"abc")
    lab.advance(320)
    assert status_of(client) == 408
    assert client.ended
    assert server.aborted
    assert lab.logged() == (b"cH--", 408)
    leave(lab, client)


def test_a_client_that_is_silent_inside_its_body_after_the_response_keeps_what_it_got():
    lab = Lab()
    lab.frontend.timeout_client_ms = 300
    client, server = at_work(lab, POST + b"abc")
    server.sends(ok())
    assert status_of(client) == 200
    lab.advance(320)
    assert client.ended
    assert not client.aborted
    assert lab.logged() == (b"cD--", 200)
    leave(lab, client)


def test_a_client_that_does_not_take_the_response_is_reset():
    lab = Lab()
    lab.frontend.timeout_client_ms = 300
    client, server = at_work(lab)
    client.room = 10
    server.sends(ok(b"x" * 1000))
    lab.advance(320)
    assert lab.logged() == (b"----", 200), "all of it is on its way, the session waits"
    client2, server2 = at_work(lab)
    client2.room = 10
    server2.sends(HALF)
    lab.advance(320)
    assert client2.aborted
    assert lab.logged() == (b"cD--", 200)
    client.takes()
    leave(lab, client)


@pytest.mark.parametrize("responded", [False, True])
def test_broken_chunks_of_the_client(responded):
    lab = Lab()
    client, server = at_work(lab, CHUNKED + b"3\r\nabc\r\n")
    if responded:
        server.sends(ok())
        assert status_of(client) == 200
    client.sends(b"zz\r\n")
    assert status_of(client) == (0 if responded else 400)
    assert server.aborted
    assert lab.logged() == ((b"PD--", 200) if responded else (b"PH--", 400))
    assert lab.counted(lab.frontend)["ereq"] == 1
    leave(lab, client)


def test_broken_chunks_that_come_with_the_head_reach_no_server():
    lab = Lab()
    client = lab.client()
    client.sends(CHUNKED + b"zz\r\n")
    assert status_of(client) == 400
    assert not lab.attempts
    assert lab.logged() == (b"PR--", 400)
    leave(lab, client)


@pytest.mark.parametrize("how", ["ends", "breaks"])
def test_a_client_that_says_nothing_is_a_bad_request(how):
    lab = Lab()
    client = lab.client()
    getattr(client, how)()
    assert status_of(client) == (400 if how == "ends" else 0)
    assert lab.logged() == (b"CR--", 400)
    assert lab.counted(lab.frontend) == {"stot": 1, "ereq": 1, "req_tot": 1, "hrsp_4xx": 1}
    leave(lab, client)


@pytest.mark.parametrize("how", ["ends", "breaks", "waits"])
def test_unless_probes_are_ignored(how):
    lab = Lab()
    lab.frontend.options = frozenset({"http-ignore-probes"})
    lab.frontend.timeout_client_ms = 500
    client = lab.client()
    if how == "waits":
        lab.advance(520)
    else:
        getattr(client, how)()
    assert client.closed
    assert client.received() == b""
    assert not lab.records()
    assert lab.counted(lab.frontend) == {"stot": 1}
    leave(lab, client)


def test_a_client_that_goes_inside_a_head():
    lab = Lab()
    client = lab.client()
    client.sends(b"GET / HT")
    client.ends()
    assert status_of(client) == 400
    assert lab.logged() == (b"CR--", 400)
    leave(lab, client)


def test_a_client_that_half_closes_inside_its_next_head_while_the_first_is_at_work():
    lab = Lab()
    client, server = at_work(lab)
    client.sends(b"GET /2 HTTP/1.1\r\nho")
    client.ends()
    server.sends(ok())
    assert client.received().count(b"HTTP/1.1 ") == 2
    assert lab.records()[-1].termination == b"CR--"
    assert client.closed
    leave(lab, client)


@pytest.mark.parametrize(("octets", "status"), [
    (b"HEAD / HTTP/1.1\r\nbad name: x\r\n\r\n", 400),
    (b"\r\nHEAD * HTTP/1.1\r\nhost: a\r\n\r\n", 400),
    (b"HEAD / HTTP/1.0\r\ncontent-length: 3\r\n\r\nabc", 413),
    (b"HEAD / HTTP/2.0\r\nhost: a\r\n\r\n", 505),
    (b"HEAD / HTTP/1.1\r\nhost: a", 408),
])
def test_a_head_that_is_refused_gets_no_content(octets, status):
    lab = Lab()
    lab.frontend.timeout_http_request_ms = 1000
    client = lab.client()
    client.sends(octets)
    lab.advance(1500)
    answer = client.received()
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.endswith(b"\r\n\r\n")


def test_between_two_requests_a_client_may_go_as_it_likes():
    for how in ("ends", "breaks"):
        lab = Lab()
        client, server = at_work(lab)
        server.sends(ok())
        lab.records()
        getattr(client, how)()
        assert not lab.records()
        leave(lab, client)


@pytest.mark.parametrize("abort", [False, True])
def test_a_client_that_half_closes_while_connecting(abort):
    lab = Lab()
    lab.backend.abortonclose = abort
    client = lab.client()
    client.sends(get())
    client.ends()
    if abort:
        assert client.closed
        assert client.received() == b""
        assert lab.logged() == (b"CC--", -1)
        assert "cli_abrt" not in lab.counted(lab.backend)
    else:
        lab.attempt().accepted().sends(ok())
        assert status_of(client) == 200
    leave(lab, client)


@pytest.mark.parametrize("how", ["ends", "breaks"])
@pytest.mark.parametrize("abort", [True, False])
def test_a_client_that_goes_while_it_waits_in_line(how, abort):
    lab = Lab()
    lab.backend.abortonclose = abort
    lab.server.maxconn = 1
    first, server = at_work(lab)
    client = lab.client()
    client.sends(get())
    getattr(client, how)()
    if abort:
        assert client.closed
        assert lab.logged() == (b"CQ--", -1)
        assert lab.counted(lab.backend).get("cli_abrt", 0) == (how == "breaks")
    server.sends(ok(b"ok", "connection: close"))
    assert bool(lab.attempts) is not abort, "without abortonclose it is served all the same"
    if not abort:
        lab.attempt().accepted().sends(ok())
        assert lab.records()[-1].termination == (b"----" if how == "ends" else b"CD--")
    first.ends()
    leave(lab, client)


@pytest.mark.parametrize("how", ["ends", "breaks"])
def test_a_client_that_cuts_its_body_while_it_waits_in_line(how):
    lab = Lab()
    lab.server.maxconn = 1
    first, server = at_work(lab)
    client = lab.client()
    client.sends(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc")
    getattr(client, how)()
    assert lab.logged() == (b"CQ--", -1)
    assert lab.counted(lab.backend)["cli_abrt"] == 1
    server.sends(ok())
    assert not lab.attempts
    first.ends()
    leave(lab, client)


def test_a_slot_passes_on_after_the_line_is_logged():
    lab = Lab()
    lab.server.maxconn = 1
    first, server = at_work(lab)
    second = lab.client()
    second.sends(get())
    server.sends(ok())
    (record,) = lab.records()
    assert (record.server_connections, record.backend_connections) == (0, 1)
    lab.attempt().accepted().sends(ok())
    first.ends()
    leave(lab, second)


def test_no_descriptor_is_left_for_a_connection():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    lab.attempt().starved()
    assert status_of(client) == 500
    assert lab.logged() == (b"RC--", 500)
    leave(lab, client)


KILLS = [(failure.KILLED, b"K"), (failure.SERVER_WENT_DOWN, b"D"), (failure.ACTIVE_CAME_BACK, b"U")]


@pytest.mark.parametrize(("why", "letter"), KILLS)
def test_a_stream_that_is_killed_by_its_phase(why, letter):
    for phase, status, cell in ((b"Q", 503, "econ"), (b"C", 503, "econ"), (b"H", 502, "eresp"), (b"D", 200, "srv_abrt")):
        lab = Lab()
        if phase == b"Q":
            lab.server.maxconn = 1
            at_work(lab)
        client = lab.client()
        client.sends(get())
        if phase in b"HD":
            server = lab.attempt().accepted()
            if phase == b"D":
                server.sends(HALF)
        lab.sessions[-1].shut(why)
        assert lab.logged() == (letter + phase + b"--", status)
        assert status_of(client) == status
        assert lab.counted(lab.backend)[cell] == 1


def test_a_session_without_a_stream_is_killed_in_silence():
    lab = Lab()
    client, server = at_work(lab)
    server.sends(ok())
    lab.records()
    lab.sessions[0].shut(failure.KILLED)
    assert client.closed
    assert not lab.records()
    leave(lab, client)


@pytest.mark.parametrize("responded", [False, True])
def test_a_broken_invariant_ends_its_own_stream_only(responded):
    lab = Lab()
    client, server = at_work(lab)
    if responded:
        server.sends(HALF)
    lab.sessions[0].shut(failure.INTERNAL)
    assert lab.logged() == ((b"ID--", 200) if responded else (b"IH--", 500))
    assert "eresp" not in lab.counted(lab.server)
    leave(lab, client)


def test_a_field_that_may_not_be_sent_is_our_fault_and_answered_500():
    lab = Lab()
    lab.frontend.request_fields = (("set", b"x-bad", b"a\r\nb"),)
    client = lab.client()
    client.sends(get())
    lab.attempt().accepted()
    assert status_of(client) == 500
    assert lab.logged() == (b"IH--", 500)
    assert len(lab.broken_ones) == 1
    lab.broken_ones.clear()
    leave(lab, client)


def test_a_response_field_that_may_not_be_sent_is_our_fault_and_answered_500():
    lab = Lab()
    lab.backend.response_fields = (("set", b"x-bad", b"a\r\nb"),)
    client, server = at_work(lab)
    server.sends(ok())
    assert status_of(client) == 500
    assert server.aborted
    assert lab.logged() == (b"IH--", 500)
    lab.broken_ones.clear()
    leave(lab, client)
