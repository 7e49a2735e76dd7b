"""TCP mode: octets both ways, half-closes, timeouts; the PROXY protocol in and out."""

import pytest
from playbook import Lab

from proxy.core.stream import failure


def test_octets_pass_both_ways_and_each_end_is_passed_on():
    lab = Lab(mode="tcp")
    client = lab.client()
    server = lab.attempt().accepted()
    client.sends(b"question")
    assert server.received() == b"question"
    client.ends()
    assert server.ended
    server.sends(b"answer")
    assert client.received() == b"answer"
    server.ends()
    assert client.closed
    record = lab.log.records[0]
    assert (record.termination, record.octets_in, record.octets_out) == (b"----", 8, 6)
    lab.assert_at_rest()


def test_what_the_client_sends_early_waits_for_the_server():
    lab = Lab(mode="tcp")
    client = lab.client()
    client.sends(b"early")
    client.ends()
    server = lab.attempt().accepted()
    assert server.received() == b"early"
    assert server.ended


def test_a_client_that_leaves_before_the_server_answers_is_cc():
    lab = Lab(mode="tcp")
    client = lab.client()
    client.ends()
    assert lab.attempt().cancelled
    assert lab.log.records[0].termination == b"CC--"
    lab.assert_at_rest()


def test_a_slow_reader_stops_the_writer():
    lab = Lab(mode="tcp")
    client = lab.client()
    server = lab.attempt().accepted()
    client.room = 10
    server.sends(b"x" * 1000)
    assert server.paused
    client.takes()
    assert not server.paused
    assert client.received() == b"x" * 1000


def test_silence_of_the_client_is_cd_and_of_the_server_sd():
    for client_ms, server_ms, letters in ((100, 5000, b"cD--"), (5000, 100, b"sD--")):
        lab = Lab(mode="tcp")
        lab.frontend.timeout_client_ms, lab.backend.timeout_server_ms = client_ms, server_ms
        lab.client()
        lab.attempt().accepted()
        lab.advance(150)
        assert lab.log.records[0].termination == letters
        lab.assert_at_rest()


def test_the_tunnel_timeout_replaces_both_and_counts_from_the_last_octet_of_either():
    lab = Lab(mode="tcp")
    lab.frontend.timeout_client_ms = lab.backend.timeout_server_ms = 100
    lab.backend.timeout_tunnel_ms = 1000
    client = lab.client()
    server = lab.attempt().accepted()
    lab.advance(900)
    server.sends(b"x")
    lab.advance(900)
    assert not client.closed
    lab.advance(200)
    assert client.closed
    assert lab.log.records[0].termination == b"cD--"


def test_who_observes_is_told_of_the_connection():
    lab = Lab(mode="tcp")
    seen: list[str] = []
    lab.server_connected = lambda server: seen.append(server.name)
    lab.client()
    attempt = lab.attempt()
    assert seen == []
    attempt.accepted()
    assert seen == ["s0"]


def test_after_a_half_close_the_fin_timeout_counts():
    lab = Lab(mode="tcp")
    lab.backend.timeout_server_fin_ms = 200
    client = lab.client()
    lab.attempt().accepted()
    client.sends(b"x")
    client.ends()
    lab.advance(250)
    assert client.closed
    assert lab.log.records[0].termination == b"sD--"


def test_a_proxy_header_tells_who_the_client_is_and_one_is_sent_to_the_server():
    lab = Lab(mode="tcp")
    lab.listener.accept_proxy = True
    lab.server.send_proxy = 1
    client = lab.client()
    client.sends(b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\nda")
    client.sends(b"ta")
    server = lab.attempt().accepted()
    assert server.received() == b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 80\r\ndata"
    client.ends()
    server.ends()
    assert (lab.log.records[0].client_address, lab.log.records[0].client_port) == ("192.0.2.1", 1234)
    lab.assert_at_rest()


def test_without_a_proxy_header_nothing_gets_in():
    lab = Lab(mode="http")
    lab.listener.accept_proxy = True
    client = lab.client()
    client.sends(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert client.closed
    assert not lab.attempts
    assert len(lab.log.records) == 1
    lab.assert_at_rest()


def test_a_proxy_header_that_does_not_come_is_not_waited_for_for_ever():
    lab = Lab()
    lab.listener.accept_proxy = True
    lab.frontend.timeout_client_ms = 500
    client = lab.client()
    client.sends(b"PROXY TCP4 ")
    lab.advance(600)
    assert client.closed
    lab.assert_at_rest()


def test_a_health_frontend_says_ok_and_hangs_up():
    lab = Lab()
    lab.frontend.is_health = True
    client = lab.client()
    assert client.received() == b"OK"
    assert client.closed
    lab.assert_at_rest()


@pytest.mark.parametrize(("connected", "letters"), [(True, b"K---"), (False, b"KC--")])
def test_a_session_that_is_killed(connected, letters):
    lab = Lab(mode="tcp")
    client = lab.client()
    attempt = lab.attempt()
    if connected:
        attempt.accepted()
    assert not lab.sessions[0].is_idle()
    lab.sessions[0].shut(failure.KILLED)
    assert client.closed
    assert lab.logged() == (letters, 0)
    lab.assert_at_rest()


@pytest.mark.parametrize("how", ["ends", "breaks", "killed"])
def test_a_client_that_goes_before_its_proxy_header(how):
    lab = Lab(mode="tcp")
    lab.listener.accept_proxy = True
    client = lab.client()
    client.sends(b"PROX")
    if how == "killed":
        lab.sessions[0].shut(failure.KILLED)
    else:
        getattr(client, how)()
    assert client.closed
    assert len(lab.records()) == (how != "killed")
    lab.assert_at_rest()


def test_a_hash_of_the_clients_address_needs_no_request():
    lab = Lab(servers=3, mode="tcp", algorithm="source")
    chosen = set()
    for _ in range(3):
        lab.client(("192.0.2.7", 1000))
        chosen.add(lab.attempt().server.name)
    assert len(chosen) == 1


def test_what_comes_early_is_bounded_and_goes_first():
    lab = Lab(mode="tcp")
    client = lab.client()
    client.sends(b"x" * 100_000)
    assert client.paused
    attempt = lab.attempt()
    server = attempt.accepted()
    server.room = 0
    client.sends(b"y")
    assert client.paused
    server.takes()
    assert server.received() == b"x" * 100_000 + b"y"


def test_a_reset_of_either_side_ends_both():
    for side, letters in (("client", b"CD--"), ("server", b"SD--")):
        lab = Lab(mode="tcp")
        client = lab.client()
        server = lab.attempt().accepted()
        server.sends(b"words")
        (client if side == "client" else server).breaks()
        assert client.closed
        assert server.closed
        assert client.received() == b"words"
        assert lab.logged() == (letters, 0)
        lab.assert_at_rest()


def test_abortonclose_gives_up_what_a_client_sent_before_it_left():
    lab = Lab(mode="tcp")
    lab.backend.abortonclose = True
    client = lab.client()
    client.sends(b"early")
    client.ends()
    assert not lab.asked
    assert lab.logged() == (b"CC--", 0)
    lab.assert_at_rest()
