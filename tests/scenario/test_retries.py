"""Retries and redispatch in all their forms. Each case was compared with HAProxy 2.6."""

import pytest
from playbook import FakeLink, Lab, get, ok

from proxy.core.cookies import CookiePolicy
from proxy.core.stream import failure
from proxy.runtime import transitions

POST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n0123456789"


class Deaf:
    """Events that nobody listens to."""

    def server_event(self, server, level, text):
        return None

    def backend_event(self, backend, level, text):
        return None

    def server_changed(self, server, was_up, now_ms):
        return 0, 0


def with_cookies(lab: Lab) -> None:
    for server in lab.backend.servers:
        server.cookie = server.name.encode()
    lab.backend.cookie = CookiePolicy("C", mode="insert")


def go_down(lab: Lab, number: int) -> None:
    transitions.set_admin(lab.backend.servers[number], "maint", lab.now_ms, Deaf())


def tried(lab: Lab, wait_ms: int = 1010) -> list[str]:
    """Refuse every attempt; gives who was tried, with a dot for each wait."""
    names = []
    for _ in range(10):
        if lab.asked:
            attempt = lab.asked[0]
            lab.attempts.remove(attempt)
            names.append(attempt.server.name)
            attempt.refused()
        elif lab.log.records:
            break
        else:
            names.append(".")
            lab.advance(wait_ms)
    return names


@pytest.mark.parametrize(("retries", "after", "expected"), [
    (0, 0, ["s0"]),
    (2, 0, ["s0", ".", "s0", ".", "s0"]),
    (2, -1, ["s0", "s1", "s0"]),
    (2, 1, ["s0", "s1", "s0"]),
    (3, -2, ["s0", "s1", "s0", "s1"]),
])
def test_who_is_tried_when_connections_are_refused(retries, after, expected):
    lab = Lab(servers=2)
    lab.backend.retries, lab.backend.redispatch_after = retries, after
    client = lab.client()
    client.sends(get())
    assert tried(lab) == expected
    assert client.received().startswith(b"HTTP/1.1 503 ")
    record = lab.records()[0]
    assert (record.termination, record.retries, record.redispatched) == (b"SC--", retries, bool(after))
    counted = lab.counted(lab.backend)
    assert counted.get("wretr", 0) == (0 if after else retries)
    assert counted.get("wredis", 0) == (retries if after else 0)
    assert counted["econ"] == 1
    client.ends()
    lab.assert_at_rest()


@pytest.mark.parametrize(("after", "expected"), [
    (-1, ["s0", ".", "s0", "s1"]), (1, ["s0", "s1", "s0"]), (2, ["s0", ".", "s0", "s1"]), (0, ["s0", ".", "s0", ".", "s0"]),
])
def test_a_cookie_holds_on_to_its_server_until_its_turn_to_redispatch(after, expected):
    lab = Lab(servers=2)
    with_cookies(lab)
    lab.backend.retries, lab.backend.redispatch_after = 2, after
    client = lab.client()
    client.sends(get("/", "cookie: C=s0"))
    assert tried(lab) == expected
    assert lab.records()[0].termination == (b"SCDN" if after else b"SCVN")
    client.ends()
    lab.assert_at_rest()


def test_a_hash_holds_on_to_its_server_until_the_last_retry():
    lab = Lab(servers=2, algorithm="uri")
    lab.backend.retries, lab.backend.redispatch_after = 2, -1
    client = lab.client()
    client.sends(get("/x"))
    names = tried(lab)
    assert names[0] == names[2] != names[3]
    assert names[1] == "."
    client.ends()
    lab.assert_at_rest()


def test_alone_a_server_is_not_redispatched_from():
    lab = Lab()
    lab.backend.retries, lab.backend.redispatch_after = 2, 1
    client = lab.client()
    client.sends(get())
    assert tried(lab) == ["s0", ".", "s0", ".", "s0"]
    record = lab.records()[0]
    assert (record.retries, record.redispatched) == (2, False)
    client.ends()
    lab.assert_at_rest()


def test_backups_do_not_count_as_others_while_there_are_active_servers():
    lab = Lab(servers=2)
    lab.backend.servers[1].is_backup = True
    lab.backend.farm.changed()
    lab.backend.retries, lab.backend.redispatch_after = 1, 1
    client = lab.client()
    client.sends(get())
    assert tried(lab) == ["s0", ".", "s0"]
    client.ends()
    lab.assert_at_rest()


def test_the_turn_around_is_no_longer_than_the_connect_timeout():
    lab = Lab()
    lab.backend.timeout_connect_ms = 200
    client = lab.client()
    client.sends(get())
    lab.attempt().refused()
    lab.advance(190)
    assert not lab.asked
    lab.advance(20)
    lab.attempt().accepted().sends(ok())
    assert client.received().startswith(b"HTTP/1.1 200 ")
    assert 200 <= lab.records()[0].connect_ms <= 210


def test_a_connection_that_takes_too_long_is_tried_again_without_a_wait():
    lab = Lab()
    lab.backend.retries = 1
    lab.backend.timeout_connect_ms = 100
    client = lab.client()
    client.sends(get())
    first = lab.attempt()
    lab.advance(110)
    assert first.cancelled
    lab.attempt()
    lab.advance(110)
    assert client.received().startswith(b"HTTP/1.1 503 ")
    assert lab.logged() == (b"sC--", 503)
    client.ends()
    lab.assert_at_rest()


@pytest.mark.parametrize("redispatch", [False, True])
def test_a_server_that_goes_down_during_the_turn_around(redispatch):
    lab = Lab(servers=2)
    with_cookies(lab)
    lab.backend.redispatch_after = -1 if redispatch else 0
    client = lab.client()
    client.sends(get("/", "cookie: C=s0"))
    lab.attempt().refused()
    go_down(lab, 0)
    lab.advance(1010)
    assert lab.asked[0].server.name == ("s1" if redispatch else "s0")
    lab.attempt().accepted().sends(ok())
    assert client.received().startswith(b"HTTP/1.1 200 ")
    assert lab.records()[0].redispatched is redispatch
    client.ends()
    lab.assert_at_rest()


def test_a_cookie_of_a_dead_server_gets_another_one_at_once():
    lab = Lab(servers=2)
    with_cookies(lab)
    go_down(lab, 0)
    client = lab.client()
    client.sends(get("/", "cookie: C=s0"))
    attempt = lab.attempt()
    assert attempt.server.name == "s1"
    attempt.accepted().sends(ok())
    assert b"set-cookie: C=s1" in client.received()
    assert lab.logged() == (b"--DI", 200)


def failing(lab: Lab, server: FakeLink, word: str) -> None:
    if word == "empty-response":
        server.ends()
    elif word == "junk-response":
        server.sends(b"junk\r\n\r\n")
    elif word == "response-timeout":
        lab.advance(lab.backend.timeout_server_ms + 10)
    else:
        server.sends(ok(b"", status=f"{word} No"))


WORDS = ["empty-response", "junk-response", "response-timeout", "503", "404"]


@pytest.mark.parametrize("word", WORDS)
def test_retry_on_a_word_sends_the_whole_request_again(word):
    lab = Lab()
    lab.backend.retry_on, lab.backend.retries_l7 = frozenset({word}), True
    lab.backend.timeout_server_ms = 300
    client = lab.client()
    client.sends(POST)
    first = lab.attempt().accepted()
    asked = first.received()
    assert asked.endswith(b"0123456789")
    failing(lab, first, word)
    assert first.closed
    assert client.received() == b""
    second = lab.attempt().accepted()
    assert second.received() == asked
    second.sends(ok())
    assert client.received().startswith(b"HTTP/1.1 200 ")
    record = lab.records()[0]
    assert (record.retries, record.redispatched, record.termination) == (1, False, b"----")
    assert lab.counted(lab.server)["wretr"] == 1
    client.ends()
    lab.assert_at_rest()


@pytest.mark.parametrize("word", WORDS)
def test_when_the_retries_are_used_up_the_last_failure_is_told(word):
    lab = Lab()
    lab.backend.retry_on, lab.backend.retries_l7, lab.backend.retries = frozenset({word}), True, 2
    lab.backend.timeout_server_ms = 300
    client = lab.client()
    client.sends(get())
    for _ in range(3):
        failing(lab, lab.attempt().accepted(), word)
    assert not lab.attempts
    expected = {"empty-response": 502, "junk-response": 502, "response-timeout": 504}.get(word) or int(word)
    assert client.received().startswith(b"HTTP/1.1 %d " % expected)
    assert lab.records()[0].retries == 2
    client.ends()
    lab.assert_at_rest()


def test_a_failure_after_the_head_was_begun_counts_as_empty_response():
    lab = Lab()
    lab.backend.retry_on, lab.backend.retries_l7 = frozenset({"empty-response"}), True
    client = lab.client()
    client.sends(get())
    first = lab.attempt().accepted()
    first.sends(b"HTTP/1.1 200")
    first.ends()
    lab.attempt().accepted().sends(ok())
    assert client.received().startswith(b"HTTP/1.1 200 OK")


def test_retries_for_responses_go_elsewhere_as_redispatch_says_and_count_as_both():
    lab = Lab(servers=2)
    lab.backend.retry_on, lab.backend.retries_l7, lab.backend.redispatch_after = frozenset({"503"}), True, 1
    client = lab.client()
    client.sends(POST)
    lab.attempt().accepted().sends(ok(status="503 No"))
    attempt = lab.attempt()
    assert attempt.server.name == "s1"
    attempt.accepted().sends(ok())
    assert client.received().startswith(b"HTTP/1.1 200 ")
    counted = lab.counted(lab.backend.servers[0])
    assert (counted["wretr"], counted["wredis"]) == (1, 1)


def test_retry_on_none_gives_up_at_once():
    lab = Lab()
    lab.backend.retry_on = frozenset()
    client = lab.client()
    client.sends(get())
    lab.attempt().refused()
    assert client.received().startswith(b"HTTP/1.1 503 ")
    assert lab.records()[0].retries == 0


@pytest.mark.parametrize(("size", "again"), [(15_000, True), (20_000, False)])
def test_a_body_is_sent_again_only_if_one_buffer_holds_it(size, again):
    lab = Lab()
    lab.backend.retry_on, lab.backend.retries_l7 = frozenset({"empty-response", "503"}), True
    for sent_before_the_server in (True, False):
        client = lab.client()
        head, body = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % size, b"x" * size
        client.sends(head + body if sent_before_the_server else head)
        first = lab.attempt().accepted()
        if not sent_before_the_server:
            client.sends(body)
        assert first.received().endswith(body)
        first.ends()
        assert bool(lab.asked) is again
        if again:
            second = lab.attempt().accepted()
            assert second.received().endswith(body)
            second.sends(ok())
        assert client.received().startswith(b"HTTP/1.1 200 " if again else b"HTTP/1.1 502 ")
        client.ends()
        lab.assert_at_rest()


def test_a_status_worth_a_retry_is_passed_on_when_the_body_is_gone():
    lab = Lab()
    lab.backend.retry_on, lab.backend.retries_l7 = frozenset({"503"}), True
    client = lab.client()
    client.sends(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 20000\r\n\r\n" + b"x" * 20_000)
    lab.attempt().accepted().sends(ok(status="503 No"))
    assert client.received().startswith(b"HTTP/1.1 503 No")


def test_a_new_attempt_gets_the_body_that_came_while_the_first_one_failed():
    lab = Lab()
    client = lab.client()
    client.sends(POST[:-5])
    first = lab.attempt()
    first.refused()
    client.sends(POST[-5:])
    lab.advance(1010)
    server = lab.attempt().accepted()
    assert server.received().endswith(b"\r\n\r\n0123456789")
    server.sends(ok())
    assert client.received().startswith(b"HTTP/1.1 200 ")


def test_who_observes_may_end_the_stream_whose_attempt_failed():
    lab = Lab()
    told = []

    def observe(server, why):
        told.append(why.retry)
        lab.sessions[0].shut(failure.SERVER_WENT_DOWN)

    lab.server_failed = observe
    client = lab.client()
    client.sends(get())
    lab.attempt().refused()
    assert told == ["conn-failure"]
    assert not lab.asked
    assert lab.logged() == (b"DC--", 503)
    client.ends()
    lab.assert_at_rest()


@pytest.mark.parametrize(("word", "row"), [
    ("empty-response", failure.RESPONSE_EMPTY), ("junk-response", failure.RESPONSE_BAD),
    ("response-timeout", failure.RESPONSE_TIMEOUT),
])
@pytest.mark.parametrize("request_octets", [get(), POST[:-10]])
def test_who_observes_hears_of_a_failure_that_may_not_be_repeated(word, row, request_octets):
    """Without `retry-on`, and without `retries`: nearly every configuration."""
    lab = Lab()
    told = []
    lab.server_failed = lambda server, why: told.append((server.name, why))
    lab.backend.retries, lab.backend.timeout_server_ms = 0, 300
    client = lab.client()
    client.sends(request_octets)
    failing(lab, lab.attempt().accepted(), word)
    assert [why for _, why in told] == ([row] if request_octets == get() or word != "response-timeout" else [])
    client.ends()
