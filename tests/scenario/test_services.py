"""Requests that are answered here: services, monitor-uri, Max-Forwards, error pages."""

import pytest
from playbook import Lab, get, ok

from proxy.core.stream.reply import Page
from proxy.runtime.service import ServiceResponse


class Stub:
    """A service under /s that answers what it is told to."""

    name = "<STATS>"

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def matches(self, method, target):
        return target.startswith(b"/s")

    def respond(self, request):
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def serving(answer=None, backend=False):
    lab = Lab()
    service = Stub(ServiceResponse(200, ((b"content-type", b"text/plain"),), b"hello") if answer is None else answer)
    (lab.backend if backend else lab.frontend).services = (service,)
    return lab, service, lab.client()


def post(length, body=b"", *fields):
    return b"\r\n".join((b"POST /s HTTP/1.1", b"host: a", b"content-length: %d" % length, *fields)) + b"\r\n\r\n" + body


def finish(lab, client):
    if not client.closed and not client.told_end:
        client.ends()
    lab.advance(2_000)
    lab.assert_at_rest()


def test_octets_leave_with_their_length_and_the_client_may_go_on():
    lab, service, client = serving()
    client.sends(get("/s") + get("/other"))
    assert client.received() == b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello"
    assert lab.logged() == (b"LR--", 200)
    assert lab.counted(lab.frontend) == {"stot": 1, "req_tot": 2, "intercepted": 1, "hrsp_2xx": 1}
    assert lab.counted(lab.backend) == {"stot": 1, "lbtot": 1, "connect": 1}, "the other request's only"
    assert service.asked[0].client_address == "10.1.1.1"
    lab.attempt().accepted().sends(ok())
    finish(lab, client)


def test_a_service_of_the_backend_counts_there():
    lab, _, client = serving(backend=True)
    client.sends(get("/s"))
    client.received()
    record = lab.records()[0]
    assert (record.backend, record.server_name) == (lab.backend, "<STATS>")
    assert lab.counted(lab.backend) == {"stot": 1, "req_tot": 1, "hrsp_2xx": 1}
    assert "intercepted" not in lab.counted(lab.frontend)
    finish(lab, client)


def test_in_a_listen_section_the_back_side_counts_octets_only():
    lab, _, client = serving()
    lab.backend.name = lab.frontend.name
    client.sends(get("/s"))
    assert lab.counted(lab.backend) == {}
    assert lab.records()[0].backend is None
    finish(lab, client)


def test_head_and_http_1_0():
    lab, _, client = serving()
    client.sends(b"HEAD /s HTTP/1.1\r\nhost: a\r\n\r\n")
    assert client.received().endswith(b"content-length: 5\r\n\r\n")
    client.sends(b"GET /s HTTP/1.0\r\n\r\n")
    assert client.received().endswith(b"connection: close\r\n\r\nhello")
    assert client.closed
    finish(lab, client)


def test_pieces_leave_as_chunks_and_only_as_fast_as_the_client_takes_them():
    made = []

    def pieces():
        for number in range(100):
            made.append(number)
            yield b"x" * 1000
            yield b""

    lab, _, client = serving(ServiceResponse(200, (), pieces()))
    client.room = 2_500
    client.sends(get("/s"))
    assert len(made) < 5
    for _ in range(200):
        client.takes(1_500)
    octets = client.received()
    assert octets.count(b"3e8\r\n") == 100
    assert octets.endswith(b"0\r\n\r\n")
    assert not client.closed
    finish(lab, client)


def test_pieces_for_http_1_0_end_with_the_connection():
    lab, _, client = serving(ServiceResponse(200, (), iter((b"one", b"two"))))
    client.sends(b"GET /s HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
    assert client.received() == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nonetwo"
    assert client.closed
    finish(lab, client)


def test_a_body_is_read_first_in_whatever_pieces_it_comes():
    lab, service, client = serving()
    for octet in post(5, b"12345"):
        client.sends(bytes([octet]))
    assert client.received().endswith(b"hello")
    assert service.asked[0].body == b"12345"
    client.sends(post(3, b"abc") + get("/s"))
    assert [request.body for request in service.asked[1:]] == [b"abc", b""]
    finish(lab, client)


def test_who_expects_100_is_told_to_go_on():
    lab, service, client = serving()
    client.sends(post(5, b"", b"expect: 100-continue"))
    assert client.received() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sends(b"12345")
    assert service.asked[0].body == b"12345"
    finish(lab, client)


CHUNKED = b"POST /s HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"


def test_a_chunked_body_is_collected():
    lab, service, client = serving()
    for octet in CHUNKED + b"2\r\nab\r\n1;x\r\nc\r\n0\r\nx-t: u\r\n\r\n":
        client.sends(bytes([octet]))
    assert service.asked[0].body == b"abc"
    client.sends(CHUNKED + b"0\r\n\r\n" + get("/s"))
    assert [request.body for request in service.asked[1:]] == [b"", b""]
    records = lab.records()
    assert records[1].octets_in == len(CHUNKED) + 5
    finish(lab, client)


@pytest.mark.parametrize("request_octets", [post(1 << 20, b"x"), CHUNKED + b"100000\r\n" + b"x" * 50_000])
def test_a_body_that_is_too_large_ends_the_connection(request_octets):
    lab, service, client = serving()
    client.sends(request_octets)
    assert (service.asked[0].body, service.asked[0].body_error) == (None, "too-large")
    assert client.ended, "what still comes of the body is read and thrown away"
    finish(lab, client)


def test_a_broken_chunk_is_400():
    lab, service, client = serving()
    client.sends(CHUNKED + b"2\r\nab\r\nzz\r\n")
    assert client.received().startswith(b"HTTP/1.1 400 ")
    assert lab.logged() == (b"PH--", 400)
    assert lab.counted(lab.frontend)["ereq"] == 1
    assert not service.asked
    finish(lab, client)


def test_a_body_that_is_cut_is_not_answered():
    lab, service, client = serving()
    client.sends(post(5, b"123"))
    client.ends()
    assert client.received() == b""
    assert client.closed
    assert lab.logged() == (b"CD--", -1)
    assert not service.asked
    finish(lab, client)


def test_a_body_that_does_not_come_is_408():
    lab, service, client = serving()
    lab.frontend.timeout_client_ms = 300
    client.sends(post(5, b"1"))
    lab.advance(200)
    client.sends(b"2")
    lab.advance(200)
    assert not lab.log.records
    lab.advance(30_200)
    assert client.received().startswith(b"HTTP/1.1 408 ")
    assert lab.logged() == (b"cR--", 408)
    assert not service.asked
    finish(lab, client)


def test_a_service_that_raises_is_500_and_told():
    lab, _, client = serving(ValueError("bug"))
    client.sends(get("/s"))
    assert client.received().startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert [str(error) for error in lab.broken_ones] == ["bug"]
    lab.broken_ones.clear()
    finish(lab, client)


def test_a_service_whose_pieces_raise_ends_the_connection_by_a_reset():
    def pieces():
        yield b"one"
        raise ValueError("bug")

    lab, _, client = serving(ServiceResponse(200, (), pieces()))
    client.sends(get("/s"))
    assert client.aborted
    assert lab.logged() == (b"ID--", 200)
    lab.broken_ones.clear()
    finish(lab, client)


@pytest.mark.parametrize("how", ["breaks", "waits", "killed"])
def test_a_client_that_goes_or_does_not_read_while_it_is_served(how):
    lab, _, client = serving(ServiceResponse(200, (), (b"x" * 1000 for _ in range(1000))))
    lab.frontend.timeout_client_ms = 300
    client.room = 100
    client.sends(get("/s"))
    if how == "breaks":
        client.breaks()
    elif how == "waits":
        client.takes(10)
        lab.advance(31_000)
    else:
        from proxy.core.stream import failure

        lab.sessions[0].shut(failure.KILLED)
    assert client.aborted
    assert lab.logged()[0] == {"breaks": b"CD--", "waits": b"cD--", "killed": b"KD--"}[how]
    finish(lab, client)


def test_a_half_close_does_not_stop_what_is_served():
    lab, _, client = serving(ServiceResponse(200, (), (b"x" * 1000 for _ in range(5))))
    client.room = 100
    client.sends(get("/s"))
    client.ends()
    client.takes()
    assert client.received().endswith(b"0\r\n\r\n")
    finish(lab, client)


def test_pipelined_requests_wait_for_the_service_and_stop_the_reader_when_they_are_too_many():
    lab, service, client = serving(ServiceResponse(200, (), (b"x" * 1000 for _ in range(5))))
    client.room = 100
    client.sends(get("/s") + b"".join(get(f"/s{number}", "x: " + "y" * 1000) for number in range(20)))
    assert client.paused
    service.answer = ServiceResponse(204)
    client.takes()
    assert not client.paused
    assert len(service.asked) == 21
    finish(lab, client)


def test_without_a_log_a_service_serves_too():
    lab, _, client = serving()
    lab.frontend.log = None
    client.sends(get("/s"))
    assert client.received().endswith(b"hello")
    finish(lab, client)


def test_response_captures_see_what_a_service_answers():
    lab, _, client = serving()
    lab.frontend.capture_response_headers = ((b"content-type", 4), (b"server", 9))
    client.sends(get("/s"))
    assert lab.records()[0].captured_response_headers == [b"text", None]
    finish(lab, client)


def test_monitor_uri_answers_without_a_log_line_and_counts():
    lab = Lab()
    lab.frontend.monitor_uri = b"/alive"
    client = lab.client()
    client.sends(get("/alive") + b"HEAD /alive HTTP/1.1\r\nhost: a\r\n\r\n")
    assert client.received().count(b"HTTP/1.1 200 OK\r\n") == 2
    client.sends(b"POST /alive HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n")
    assert client.received().startswith(b"HTTP/1.1 200 OK\r\n")
    assert client.ended
    client.sends(b"abc")
    assert not lab.records()
    assert lab.counted(lab.frontend) == {"stot": 1, "req_tot": 3, "intercepted": 3, "hrsp_2xx": 3}
    finish(lab, client)


@pytest.mark.parametrize(("target", "is_monitored"), [
    ("http://a/alive", True), ("HTTPS://b:8080/alive", True), ("http://a/alive?x", False), ("http://a/alive/", False),
    ("http://a", False), ("http://a?/alive", False), ("http://a//alive", False), ("/alive?x", False),
])
def test_monitor_uri_is_met_behind_an_authority_too(target, is_monitored):
    lab = Lab()
    lab.frontend.monitor_uri = b"/alive"
    client = lab.client()
    client.sends(get(target))
    assert (client.received()[:15] == b"HTTP/1.1 200 OK") == is_monitored
    assert bool(lab.attempts) != is_monitored


def test_a_monitor_uri_with_an_authority_is_met_as_it_stands():
    lab = Lab()
    lab.frontend.monitor_uri = b"http://a/alive"
    client = lab.client()
    client.sends(get("http://a/alive"))
    assert client.received().startswith(b"HTTP/1.1 200 OK\r\n")
    client.sends(get("/alive"))
    assert lab.attempts


@pytest.mark.parametrize(("method", "status"), [(b"OPTIONS", 200), (b"TRACE", 501)])
def test_max_forwards_0_ends_here(method, status):
    lab = Lab()
    client = lab.client()
    client.sends(method + b" / HTTP/1.1\r\nhost: a\r\nmax-forwards: 0\r\n\r\n")
    assert client.received().startswith(b"HTTP/1.1 %d " % status)
    assert lab.logged() == (b"LR--", status)
    lab.frontend.log = None
    client.sends(method + b" / HTTP/1.1\r\nhost: a\r\nmax-forwards: 0\r\n\r\n")
    assert client.received().startswith(b"HTTP/1.1 %d " % status)
    finish(lab, client)


def page(status, head):
    return Page(status, b"HTTP/1.1 " + head + b"\r\n", b"page")


def test_error_pages_of_the_backend_come_before_the_frontends():
    lab = Lab(servers=0)
    lab.frontend.error_pages = {503: page(503, b"503 Front"), 400: page(302, b"302 Moved")}
    client = lab.client()
    client.sends(get())
    assert client.received() == b"HTTP/1.1 503 Front\r\n\r\npage"
    lab.backend.error_pages = {503: page(503, b"503 Back")}
    client.sends(b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert client.received() == b"HTTP/1.1 503 Back\r\n\r\n"
    client.sends(b"rubbish\r\n\r\n")
    assert client.received().startswith(b"HTTP/1.1 302 Moved\r\nconnection: close\r\n")
    finish(lab, client)


class Elsewhere:
    """An answer that another process makes: the test plays that one."""

    def __init__(self):
        self.response = None
        self.wake = None
        self.pieces = []
        self.is_cancelled = False

    def answers(self, response):
        self.response = response
        self.wake()

    def gives(self, *pieces):
        self.pieces += pieces
        self.wake()

    def cancel(self):
        self.is_cancelled = True

    def body(self):
        while True:
            piece = self.pieces.pop(0) if self.pieces else None
            if piece == b"":
                return
            yield piece


def test_an_answer_made_elsewhere_is_waited_for_and_so_is_each_piece():
    answer = Elsewhere()
    lab, service, client = serving(answer)
    client.sends(post(2, b"ab") + get("/other"))
    assert len(service.asked) == 1
    assert client.received() == b""
    answer.answers(ServiceResponse(200, (), answer.body()))
    assert client.received() == b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    answer.gives(b"one", b"two")
    lab.settle()
    assert client.received() == b"3\r\none\r\n3\r\ntwo\r\n"
    answer.wake()
    assert client.received() == b""
    answer.gives(b"")
    assert client.received() == b"0\r\n\r\n"
    assert lab.logged() == (b"LR--", 200)
    lab.attempt().accepted().sends(ok())
    answer.wake()
    finish(lab, client)


def test_an_answer_made_elsewhere_reaches_a_client_that_has_ended_its_side():
    answer = Elsewhere()
    lab, service, client = serving(answer)
    client.sends(get("/s"))
    client.ends()
    answer.answers(ServiceResponse(200, (), b"hello"))
    assert client.received().endswith(b"\r\n\r\nhello")
    assert len(service.asked) == 1
    finish(lab, client)


def test_nobody_waits_for_ever_for_what_is_made_elsewhere():
    answer = Elsewhere()
    lab, _, client = serving(answer)
    client.sends(get("/s"))
    lab.advance(lab.frontend.timeout_client_ms + 10)
    assert client.received().startswith(b"HTTP/1.1 500 ")
    assert lab.logged() == (b"IC--", 500)
    assert answer.is_cancelled
    answer.answers(ServiceResponse(200))
    finish(lab, client)


def test_a_client_that_goes_cancels_what_is_made_elsewhere():
    answer = Elsewhere()
    lab, _, client = serving(answer)
    client.sends(get("/s"))
    client.breaks()
    assert answer.is_cancelled
    finish(lab, client)


def test_the_time_between_requests_does_not_limit_a_body():
    lab, service, client = serving()
    lab.frontend.timeout_client_ms, lab.frontend.timeout_http_keep_alive_ms = 0, 300
    client.sends(get("/s"))
    client.received()
    client.sends(post(5, b"he"))
    lab.advance(1_000)
    client.sends(b"llo")
    assert client.received().startswith(b"HTTP/1.1 200")
    assert len(service.asked) == 2
    finish(lab, client)
