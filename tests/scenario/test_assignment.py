"""Choosing, retrying, redispatching, queueing."""

from playbook import START_MS, Lab, get, ok

from proxy.runtime.cells import LASTSESS_MS, TTIME_MAX


def test_two_equal_servers_alternate_strictly():
    lab = Lab(servers=2)
    asked = []
    for _ in range(6):
        client = lab.client()
        client.sends(get())
        attempt = lab.attempt()
        asked.append(attempt.server.name)
        attempt.accepted().sends(ok())
        client.ends()
    assert asked == ["s0", "s1"] * 3
    lab.assert_at_rest()


def test_a_refused_connection_is_tried_again_on_the_same_server_after_a_second_and_then_is_503():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    for _ in range(3):
        lab.attempt().refused()
        assert not lab.attempts
        lab.advance(1010)
    lab.attempt().refused()
    assert client.received().startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    record = lab.log.records[0]
    assert (record.termination, record.retries, record.redispatched) == (b"SC--", 3, False)
    assert record.queue_ms == 0
    client.ends()
    lab.assert_at_rest()


def test_with_redispatch_the_time_between_attempts_counts_as_queueing():
    lab = Lab()
    lab.backend.redispatch_after = -1
    client = lab.client()
    client.sends(get())
    lab.attempt().refused()
    lab.advance(1010)
    lab.attempt().accepted().sends(ok())
    record = lab.log.records[0]
    assert 1000 <= record.queue_ms <= 1010
    assert record.queue_ms + record.connect_ms == 1010
    client.ends()
    lab.assert_at_rest()


def test_the_total_time_of_a_request_begins_when_its_client_fell_idle():
    lab = Lab()
    client = lab.client()
    lab.advance(100)
    client.sends(get())
    lab.attempt().accepted().sends(ok())
    assert lab.server.counters[TTIME_MAX] == 100
    client.ends()


def test_with_redispatch_a_refused_connection_is_tried_on_another_server_at_once():
    lab = Lab(servers=2)
    lab.backend.redispatch_after = -1
    client = lab.client()
    client.sends(get())
    attempt = lab.attempt()
    assert attempt.server.name == "s0"
    attempt.refused()
    attempt = lab.attempt()
    assert attempt.server.name == "s1"
    attempt.accepted().sends(ok())
    assert client.received().startswith(b"HTTP/1.1 200 OK\r\n")
    record = lab.log.records[0]
    assert (record.retries, record.redispatched) == (1, True)


def test_a_full_server_makes_the_next_request_wait_for_its_turn():
    lab = Lab()
    lab.server.maxconn = 1
    first, second = lab.client(), lab.client()
    first.sends(get("/1"))
    second.sends(get("/2"))
    server = lab.attempt().accepted()
    assert not lab.attempts
    assert len(lab.backend.queue) + len(lab.server.queue) == 1
    server.sends(ok())
    attempt = lab.attempt()
    attempt.accepted().sends(ok())
    assert second.received().startswith(b"HTTP/1.1 200")
    assert lab.log.records[-1].backend_queue + lab.log.records[-1].server_queue == 1
    first.ends()
    second.ends()
    lab.assert_at_rest()


def test_who_waits_too_long_in_line_gets_503_sq():
    lab = Lab()
    lab.server.maxconn = 1
    lab.backend.timeout_queue_ms = 500
    first, second = lab.client(), lab.client()
    first.sends(get())
    second.sends(get())
    lab.advance(600)
    assert second.received().startswith(b"HTTP/1.1 503")
    assert lab.log.records[0].termination == b"sQ--"


def test_a_connection_that_does_not_come_about_in_time_is_sc():
    lab = Lab()
    lab.backend.retries = 0
    lab.backend.timeout_connect_ms = 200
    client = lab.client()
    client.sends(get())
    attempt = lab.attempt()
    lab.advance(220)
    assert attempt.cancelled
    assert client.received().startswith(b"HTTP/1.1 503")
    assert lab.log.records[0].termination == b"sC--"


def test_no_server_is_503_at_once():
    lab = Lab(servers=0)
    client = lab.client()
    client.sends(get())
    assert client.received().startswith(b"HTTP/1.1 503")
    assert lab.log.records[0].termination == b"SC--"


def test_an_idle_connection_that_the_server_closed_meanwhile_costs_nothing():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    old = lab.attempt().accepted()
    old.sends(ok())
    client.received()
    client.sends(get("/again"))
    old.ends()
    lab.attempt().accepted().sends(ok(b"fresh"))
    assert client.received().endswith(b"fresh")


def test_a_post_over_a_connection_that_dies_is_not_sent_twice():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    old = lab.attempt().accepted()
    old.sends(ok())
    client.received()
    client.sends(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx")
    old.ends()
    assert not lab.attempts
    assert client.received() == b""
    assert client.closed, "whoever has had answers on this connection may ask again, as of any server that closes"


def test_a_backend_and_its_server_remember_their_last_session():
    lab = Lab()
    lab.advance(5000)
    client = lab.client()
    client.sends(get())
    lab.attempt().accepted().sends(ok())
    assert [row[LASTSESS_MS] for row in (lab.backend.counters, lab.server.counters)] == [START_MS + 5000] * 2
