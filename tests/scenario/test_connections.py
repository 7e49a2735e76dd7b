"""Whose connection carries which request: http-reuse, private connections, limits, keep-alive on both sides."""

import pytest
from playbook import FakeLink, Lab, get, ok

from proxy.core.pool import IdlePool
from proxy.core.stream.ports import HEAD_READ_OCTETS


def answered(lab: Lab, client: FakeLink) -> FakeLink:
    """One more request over a new connection; gives the server's end, idle afterwards if it may be."""
    client.sends(get())
    server = lab.attempt().accepted()
    server.received()
    server.sends(ok())
    client.received()
    return server


@pytest.mark.parametrize(("reuse", "takes_new", "takes_safe"), [
    ("never", False, False), ("safe", False, False), ("aggressive", False, True), ("always", True, True),
])
def test_which_idle_connection_a_first_request_may_take(reuse, takes_new, takes_safe):
    for requests, taken in ((1, takes_new), (2, takes_safe)):
        lab = Lab()
        lab.backend.http_reuse = reuse
        one, two = lab.client(), lab.client()
        server = answered(lab, one)
        for _ in range(requests - 1):
            one.sends(get())
            assert server.received(), "later requests of the same client may"
            server.sends(ok())
        two.sends(get("/first"))
        assert server.received().startswith(b"GET /first") is taken
        assert bool(lab.asked) is not taken
        (server if taken else lab.attempt().accepted()).sends(ok())
        one.ends()
        two.ends()
        lab.advance(20_000)
        lab.assert_at_rest()


def test_http_reuse_never_keeps_the_connection_for_its_client():
    lab = Lab()
    lab.backend.http_reuse = "never"
    client = lab.client()
    server = answered(lab, client)
    client.sends(get("/two"))
    assert server.received().startswith(b"GET /two")
    server.sends(ok())
    other = lab.client()
    other.sends(get())
    assert lab.asked, "it is nobody else's"
    lab.attempt().accepted().sends(ok())
    client.ends()
    assert server.closed
    other.ends()
    lab.assert_at_rest()


def test_a_private_connection_that_the_server_closes_is_forgotten():
    lab = Lab()
    lab.backend.http_reuse = "never"
    client = lab.client()
    server = answered(lab, client)
    server.ends()
    assert server.closed
    answered(lab, client)
    client.ends()
    lab.assert_at_rest()


def test_a_private_connection_to_another_server_is_closed():
    lab = Lab(servers=2)
    lab.backend.http_reuse = "never"
    client = lab.client()
    server = answered(lab, client)
    assert answered(lab, client) is not server
    assert server.closed
    client.ends()
    lab.assert_at_rest()


def test_with_never_a_client_that_closes_leaves_no_connection():
    lab = Lab()
    lab.backend.http_reuse = "never"
    client = lab.client()
    client.sends(get("/", "connection: close"))
    server = lab.attempt().accepted()
    server.sends(ok())
    assert server.closed
    lab.assert_at_rest()


def test_max_reuse_ends_a_connection_after_so_many_requests_more():
    lab = Lab()
    lab.server.max_reuse = 1
    client = lab.client()
    server = answered(lab, client)
    client.sends(get())
    server.sends(ok())
    assert server.closed
    answered(lab, client)
    client.ends()
    lab.advance(10_000)
    lab.assert_at_rest()


def test_a_full_pool_takes_no_more():
    lab = Lab()
    lab.server.pool_max_conn = 0
    lab.server.idle = IdlePool(lab.server, lab.timers)
    client = lab.client()
    assert answered(lab, client).closed
    client.ends()
    lab.assert_at_rest()


def test_idle_connections_are_closed_by_and_by_and_when_a_server_speaks_unasked():
    lab = Lab()
    client = lab.client()
    server = answered(lab, client)
    server.sends(b"what?")
    assert server.closed
    server = answered(lab, client)
    lab.advance(5_100)
    assert server.closed
    client.ends()
    lab.assert_at_rest()


def test_an_idle_connection_that_breaks_is_forgotten():
    lab = Lab()
    client = lab.client()
    answered(lab, client).breaks()
    answered(lab, client)
    client.ends()
    lab.advance(10_000)
    lab.assert_at_rest()


def test_a_post_asks_whether_an_idle_connection_still_lives():
    lab = Lab()
    client = lab.client()
    server = answered(lab, client)
    server.alive = False
    client.sends(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\nx")
    assert server.closed
    lab.attempt().accepted().sends(ok())
    assert client.received().startswith(b"HTTP/1.1 200 ")
    client.ends()


def test_what_came_before_a_request_is_not_its_answer():
    """Both were ready in one turn of the loop: the next client's request, and octets on the idle connection that it takes."""
    lab = Lab()
    client = lab.client()
    server = answered(lab, client)
    client.owner.octets(get("/next"))
    server.inbox += b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL"
    server._deliver()
    lab.settle()
    assert server.closed
    again = lab.attempt().accepted()
    assert again.received().startswith(b"GET /next ")
    again.sends(ok(b"good"))
    assert client.received().endswith(b"good")
    client.ends()
    lab.advance(10_000)
    lab.assert_at_rest()


def test_a_connection_rests_only_when_nothing_is_left_in_it():
    """The last read took all that it was allowed, up to the very end of the response: more may lie behind it."""
    evil = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nEVIL"
    for extra in (b"", evil):
        lab = Lab()
        client = lab.client()
        client.sends(get("/1") + get("/2"))
        server = lab.attempt().accepted()
        head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"
        room = HEAD_READ_OCTETS - len(head % HEAD_READ_OCTETS)
        server.sends(head % room + b"x" * room + extra)
        assert server.closed == bool(extra)
        if extra:
            server = lab.attempt().accepted()
        server.sends(ok(b"good"))
        assert client.received().endswith(b"good")
        client.ends()
        lab.advance(10_000)
        lab.assert_at_rest()


def test_when_not_all_sockets_were_looked_at_an_idle_connection_is():
    lab = Lab()
    client = lab.client()
    server = answered(lab, client)
    server.alive = False
    lab.more_is_ready = True
    client.sends(get())
    assert server.closed
    lab.attempt().accepted().sends(ok())
    assert client.received().startswith(b"HTTP/1.1 200 ")
    client.ends()


def test_octets_behind_a_response_spoil_the_connection():
    for response in (ok() + b"more", b"HTTP/1.1 204 No Content\r\n\r\nmore",
                     b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nmore"):
        lab = Lab()
        client = lab.client()
        client.sends(get())
        server = lab.attempt().accepted()
        server.sends(response)
        assert server.closed
        client.ends()
        lab.assert_at_rest()


def test_octets_behind_a_response_while_the_client_still_sends():
    lab = Lab()
    client = lab.client()
    client.sends(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\na")
    server = lab.attempt().accepted()
    server.sends(ok())
    server.sends(b"more")
    client.sends(b"bc")
    assert server.closed
    client.ends()
    lab.assert_at_rest()


@pytest.mark.parametrize("how", ["ends", "breaks"])
def test_a_server_that_closes_after_its_response_while_the_client_still_sends(how):
    lab = Lab()
    client = lab.client()
    client.sends(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\na")
    server = lab.attempt().accepted()
    server.sends(ok())
    getattr(server, how)()
    client.sends(b"bc")
    assert client.received().startswith(b"HTTP/1.1 200 ")
    assert not client.closed
    assert lab.logged() == (b"----", 200)
    client.ends()
    lab.assert_at_rest()


@pytest.mark.parametrize(("front", "back", "told_client", "told_server"), [
    ("keep-alive", "keep-alive", b"", b""),
    ("close", "keep-alive", b"connection: close\r\n", b"connection: close\r\n"),
    ("keep-alive", "close", b"", b"connection: close\r\n"),
    ("server-close", "keep-alive", b"", b"connection: close\r\n"),
])
def test_what_both_sides_are_told_of_persistence(front, back, told_client, told_server):
    lab = Lab()
    lab.frontend.connection_mode, lab.backend.connection_mode = front, back
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    assert server.received() == b"GET / HTTP/1.1\r\nhost: a\r\n" + told_server + b"\r\n"
    server.sends(ok(b""))
    assert client.received() == b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n" + told_client + b"\r\n"
    assert server.closed is bool(told_server)
    assert client.closed is bool(told_client)


def test_pretend_keepalive_does_not_tell_the_server():
    lab = Lab()
    lab.frontend.connection_mode, lab.backend.pretend_keepalive = "server-close", True
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    assert b"connection:" not in server.received()
    server.sends(ok())
    assert server.closed


def test_pipelined_requests_behind_one_that_closes_are_not_answered():
    lab = Lab()
    client = lab.client()
    client.sends(get("/", "connection: close") + get("/lost"))
    server = lab.attempt().accepted()
    server.sends(ok())
    assert client.received().count(b"HTTP/1.1") == 1
    assert client.ended
    assert not client.closed, "or the reset would take the answer back"
    client.sends(b"x" * 2_000_000)
    assert client.aborted
    lab.assert_at_rest()


def test_a_proxy_header_goes_before_the_request_and_an_offset_moves_the_port():
    lab = Lab()
    lab.server.send_proxy, lab.server.port_offset = 2, 100
    client = lab.client()
    client.sends(get())
    attempt = lab.attempt()
    assert attempt.port == 180
    assert attempt.accepted().received().startswith(b"\r\n\r\n\x00\r\nQUIT\n")


# soft stop: what each connection is told and when it ends; the real haproxy does the same


def closing(lab: Lab) -> None:
    lab.process.closing = True
    for session in list(lab.sessions):
        if session.is_idle():
            session.finish()


def test_a_soft_stop_closes_who_is_idle_and_serves_who_has_not_asked_yet():
    lab = Lab()
    idle, fresh = lab.client(), lab.client()
    answered(lab, idle)
    closing(lab)
    assert idle.closed
    assert not fresh.closed
    fresh.sends(get("/last"))
    server = [link for link in lab.links if link.out.startswith(b"GET /last")] or [lab.attempt().accepted()]
    assert b"connection: close\r\n" in server[0].received()
    server[0].sends(ok())
    assert b"connection: close\r\n" in fresh.received()
    assert fresh.closed
    assert server[0].closed


def test_a_soft_stop_lets_a_response_tell_of_the_end_and_drops_what_is_pipelined():
    lab = Lab()
    client = lab.client()
    client.sends(get("/1") + get("/2"))
    server = lab.attempt().accepted()
    closing(lab)
    server.sends(ok())
    assert client.received() == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"
    assert client.ended
    assert server.closed
    lab.advance(1_100)
    lab.assert_at_rest()


def test_a_soft_stop_inside_a_response_closes_after_it():
    lab = Lab()
    client = lab.client()
    client.sends(get())
    server = lab.attempt().accepted()
    server.sends(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
    closing(lab)
    server.sends(b"cd")
    assert client.received().endswith(b"abcd")
    assert client.closed
    lab.assert_at_rest()


def test_a_soft_stop_leaves_tunnels_alone():
    lab = Lab(mode="tcp")
    client = lab.client()
    server = lab.attempt().accepted()
    closing(lab)
    server.sends(b"still here")
    assert client.received() == b"still here"
    client.ends()
    server.ends()
    lab.assert_at_rest()


@pytest.mark.parametrize("reuse", ["never", "safe", "aggressive", "always"])
def test_a_connection_that_tells_of_its_client_is_only_for_that_one(reuse):
    lab = Lab()
    lab.backend.http_reuse = reuse
    lab.server.per_client, lab.server.send_proxy = True, 1
    one, two = lab.client(), lab.client(peer=("10.2.2.2", 6000))
    first = answered(lab, one)
    two.sends(get())
    other = lab.attempt().accepted()
    assert other.received().startswith(b"PROXY TCP4 10.2.2.2 "), "not over the connection that says 10.1.1.1"
    other.sends(ok())
    one.sends(get("/again"))
    assert first.received().startswith(b"GET /again")
    first.sends(ok())
    for client in (one, two):
        client.ends()
    lab.assert_at_rest()


@pytest.mark.parametrize(("status", "challenge", "is_private"), [
    ("401 No", b"www-authenticate: NTLM", True), ("401 No", b"www-authenticate: negotiate abc", True),
    ("407 No", b"proxy-authenticate: NTLM", True), ("401 No", b"www-authenticate: Basic realm=x", False),
    ("200 OK", b"www-authenticate: NTLM", False),
])
def test_a_connection_that_authenticates_its_client_is_only_for_that_one(status, challenge, is_private):
    lab = Lab(servers=2)
    lab.backend.http_reuse = "always"
    one, two = lab.client(), lab.client()
    one.sends(get())
    server = lab.attempt().accepted()
    server.received()
    server.sends(ok(b"", challenge.decode(), status=status))
    two.sends(get())
    lab.attempt().accepted().sends(ok())
    two.sends(get("/theirs"))
    assert server.received().startswith(b"GET /theirs") is not is_private, "it is the next one's turn, server one again"
    if is_private:
        lab.attempt().accepted().sends(ok())
        one.sends(get("/mine"))
        assert server.received().startswith(b"GET /mine"), "and the client stays with it, whose turn ever it is"
    server.sends(ok())
    for client in (one, two):
        client.ends()
    lab.advance(60_000)
    lab.assert_at_rest()


def test_prefer_last_server():
    lab = Lab(servers=2)
    lab.backend.http_reuse = "never"
    client = lab.client()
    server = answered(lab, client)
    client.sends(get())
    other = lab.attempt().accepted()
    assert not server.received(), "round robin goes on to the next one"
    other.sends(ok())
    lab.backend.prefer_last = True
    client.sends(get("/more"))
    assert other.received().endswith(b"GET /more HTTP/1.1\r\nhost: a\r\n\r\n")
    other.sends(ok())
    assert lab.counted(lab.backend)["lbtot"] == 2
    lab.backend.servers[1].maxconn = 1
    lab.backend.servers[1].served += 1
    client.sends(get("/busy"))
    assert lab.attempts[0].server is lab.server, "a preference is not a reason to wait"
    lab.attempt().accepted().sends(ok())
    lab.backend.servers[1].served -= 1
    client.ends()
    lab.advance(20_000)
    lab.assert_at_rest()


@pytest.mark.parametrize("requests", [1, 2])
def test_what_only_the_client_may_send_again_is_left_to_it(requests):
    lab = Lab()
    lab.backend.http_reuse = "always"
    first = lab.client()
    server = answered(lab, first)
    client = first if requests == 2 else lab.client()
    lab.records()
    client.sends(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc")
    server.ends()
    if requests == 2:
        assert client.received() == b""
        assert client.closed
        assert not lab.records()
        assert "eresp" not in lab.counted(lab.server)
    else:
        assert client.received().startswith(b"HTTP/1.1 502 "), "a client that has had no answer yet would not ask again"
        client.ends()
    if not first.closed:
        first.ends()
    lab.assert_at_rest()
