"""`option http-buffer-request` and `balance url_param … check_post`: the body comes first, then a server is chosen."""

import pytest
from playbook import Lab, get, ok

from proxy.runtime.cells import CLI_ABRT, EREQ

POST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
BUFFERED = frozenset(("http-buffer-request",))


@pytest.fixture(params=["frontend", "backend"])
def lab(request: pytest.FixtureRequest) -> Lab:
    lab = Lab()
    getattr(lab, request.param).options = BUFFERED
    lab.frontend.timeout_http_request_ms = 1_000
    return lab


def test_a_server_is_asked_when_the_body_is_whole(lab: Lab) -> None:
    client = lab.client()
    client.sends(POST % 6 + b"abc")
    lab.advance(300)
    assert lab.asked == []
    client.sends(b"def" + get("/next"))
    server = lab.attempt().accepted()
    assert server.received().endswith(b"\r\n\r\nabcdef")
    server.sends(ok())
    assert server.received().startswith(b"GET /next")
    server.sends(ok())
    assert [record.request_ms for record in lab.records()] == [300, 0]
    client.ends()
    lab.assert_at_rest()


def test_a_whole_request_waits_for_nothing(lab: Lab) -> None:
    client = lab.client()
    client.sends(POST % 3 + b"abc")
    server = lab.attempt().accepted()
    server.sends(ok())
    client.sends(get())
    assert server.received().startswith(b"POST ")
    client.ends()


def test_a_body_that_fills_a_buffer_is_waited_for_no_longer(lab: Lab) -> None:
    client = lab.client()
    client.sends(POST % 50_000 + b"x" * 10_000)
    assert lab.asked == []
    client.sends(b"x" * 10_000)
    server = lab.attempt().accepted()
    client.sends(b"x" * 30_000)
    assert server.received().endswith(b"x" * 50_000)
    lab.advance(2_000)              # its time to be sent is over, but it is on its way
    server.sends(ok())
    assert client.received().startswith(b"HTTP/1.1 200 ")
    client.ends()
    lab.assert_at_rest()


def test_chunks_are_waited_for_too(lab: Lab) -> None:
    client = lab.client()
    client.sends(CHUNKED + b"3\r\nab")
    client.sends(b"c\r\n0\r\n")
    assert lab.asked == []
    client.sends(b"x-t: 1\r\n\r\n")
    server = lab.attempt().accepted()
    assert server.received().endswith(b"0\r\nx-t: 1\r\n\r\n")


def test_a_body_is_late_whatever_still_comes(lab: Lab) -> None:
    client = lab.client()
    client.sends(POST % 6)
    for _ in range(5):
        lab.advance(180)
        client.sends(b"x")
    lab.advance(120)
    assert client.received().startswith(b"HTTP/1.1 408 ")
    (record,) = lab.records()
    assert (record.termination, record.status, record.request_ms) == (b"cR--", 408, -1)
    assert (lab.frontend.counters[EREQ], lab.asked) == (1, [])
    client.ends()
    lab.assert_at_rest()


def test_without_a_time_for_requests_a_client_may_not_be_silent(lab: Lab) -> None:
    lab.frontend.timeout_http_request_ms, lab.frontend.timeout_client_ms = 0, 1_000
    client = lab.client()
    client.sends(POST % 6)
    for _ in range(3):
        lab.advance(700)
        client.sends(b"x")
    lab.advance(980)
    assert client.received() == b""
    lab.advance(40)
    assert client.received().startswith(b"HTTP/1.1 408 ")
    client.ends()
    lab.assert_at_rest()


def test_the_time_of_the_backend_where_the_frontend_has_none(lab: Lab) -> None:
    lab.frontend.timeout_http_request_ms, lab.backend.timeout_http_request_ms = 0, 400
    client = lab.client()
    client.sends(POST % 6)
    lab.advance(420)
    assert client.received().startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("way", ["ends", "breaks"])
def test_a_client_that_goes_meanwhile(lab: Lab, way: str) -> None:
    client = lab.client()
    client.sends(POST % 6 + b"abc")
    getattr(client, way)()
    assert lab.logged()[0] == b"CR--"
    assert (lab.frontend.counters[EREQ], lab.backend.counters[CLI_ABRT], lab.asked) == (1, 1, [])
    lab.assert_at_rest()


def test_a_bad_chunk_is_refused_before_a_server_hears_of_it(lab: Lab) -> None:
    client = lab.client()
    client.sends(CHUNKED + b"3\r\nabc\r\n")
    client.sends(b"ZZ\r\n")
    assert client.received().startswith(b"HTTP/1.1 400 ")
    assert (lab.logged(), lab.asked) == ((b"PR--", 400), [])
    client.ends()
    lab.assert_at_rest()


def test_a_client_that_expects_a_word_hears_it_from_us(lab: Lab) -> None:
    client = lab.client()
    client.sends(POST.replace(b"host", b"expect: 100-continue\r\nhost") % 3)
    assert client.received() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sends(b"abc" + get("/next"))
    server = lab.attempt().accepted()
    assert b"expect" not in server.received()
    server.sends(ok())
    assert client.received().startswith(b"HTTP/1.1 200 ")
    assert server.received().startswith(b"GET /next")         # the connection is kept: its body has come


@pytest.mark.parametrize("octets", [
    POST % 8 + b"a=1&u=v1",
    CHUNKED + b"8\r\na=1&u=v1\r\n0\r\n\r\n",
    CHUNKED + b"4\r\na=1&\r\n4\r\nu=v1\r\n0\r\n\r\n",
    b"POST /?u=v1 HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nu=v2",
    b"GET /?u=v1 HTTP/1.1\r\nhost: a\r\n\r\n",
], ids=["body", "chunk", "two chunks", "query first", "get"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_parameter_of_a_post_chooses_the_server(octets: bytes, whole: bool) -> None:
    chosen = set()
    for part in range(1, 2 if whole else len(octets)):
        lab = Lab(servers=7, algorithm="url_param", argument="u")
        lab.backend.balancer.searches_body = True
        client = lab.client()
        for piece in [octets] if whole else [octets[:part], octets[part:]]:
            client.sends(piece)
        chosen.add(lab.attempt().server.name)
    like = Lab(servers=7, algorithm="url_param", argument="u")
    like.client().sends(get("/?u=v1"))
    assert chosen == {like.attempt().server.name}


def test_the_body_of_another_method_says_nothing() -> None:
    lab = Lab(servers=7, algorithm="url_param", argument="u")
    lab.backend.balancer.searches_body = True
    names = set()
    for _ in range(3):
        lab.client().sends((POST % 4).replace(b"POST", b"PUT") + b"u=v1")
        names.add(lab.attempt().server.name)
    assert len(names) == 3          # in turns
