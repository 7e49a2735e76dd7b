"""Every case through real sessions and streams, whole, octet by octet and in random pieces.

Beside what the case wants: whatever is sent on, to servers or to the client, is read alike by three readers that know nothing of
each other: the strict one, h11 and llhttp. The same messages, with the same bodies, ending at the same octets.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.corpus.http1 import readers, strict
from tests.corpus.http1.cases import REQUESTS, RESPONSES, Case, mutated, octets_of, splits
from tests.corpus.http1.passage import Passage
from tests.scenario.playbook import FakeLink

SEEDS = 3
MOST_BYTEWISE = 2000
PATIENCE_MS = 60_000
# What llhttp knows: its methods, and schemes of letters only.
LLHTTP_TARGET = re.compile(rb"[/*]|[A-Za-z]+://|[^/]+\Z")
LLHTTP_METHODS = frozenset(b"GET HEAD POST PUT DELETE OPTIONS TRACE CONNECT PATCH".split())


# readers that agree


def strict_requests(octets: bytes) -> list[Any]:
    """Whole requests only. Raises: strict.Violation."""
    found, at = list[Any](), 0
    while at < len(octets):
        try:
            message, at = strict.request(octets, at)
        except strict.Incomplete:
            break
        found.append(message)
    return found


def strict_responses(octets: bytes, methods: list[bytes], is_closed: bool) -> tuple[list[Any], list[int]]:
    """Whole responses, interim ones included, and where each ends. Raises: strict.Violation."""
    found, ends, at, finals = list[Any](), list[int](), 0, 0
    while at < len(octets):
        try:
            message, at = strict.response(octets, at, methods[min(finals, len(methods) - 1)], is_closed)
        except strict.Incomplete:
            break
        found.append(message)
        ends.append(at)
        finals += message.start[0] >= 200
    return found, ends


def assert_servers_would_agree(octets: bytes) -> None:
    """What went to one server is the same requests to h11 and llhttp as to the strict reader."""
    expected = [((message.start[0], message.start[1]), message.body) for message in strict_requests(octets)]
    found = readers.h11_requests(octets)
    whole = [(read.start, read.body) for read in found if read.is_whole]
    assert whole == expected[:len(whole)]
    stops = b"\r\nupgrade: " in octets                 # there both wait for what the server says
    assert len(whole) == len(expected) or stops or b" HTTP/1.0\r\n" in octets
    starts = [start for start, _ in expected] + [read.start for read in found]      # of unfinished requests too
    if all(start[0] in LLHTTP_METHODS and LLHTTP_TARGET.match(start[1]) for start in starts):
        whole = [(read.start, read.body) for read in readers.httptools_requests(octets) if read.is_whole]
        assert whole == expected[:len(whole)]
        assert len(whole) == len(expected) or stops


def assert_clients_would_agree(octets: bytes, methods: list[bytes], is_closed: bool) -> list[Any]:
    """What the client got is the same responses to h11 and llhttp; gives them."""
    found, ends = strict_responses(octets, methods, is_closed)
    at = finals = 0
    group: list[Any] = []
    for message, end in zip(found, ends, strict=True):
        group.append(message)
        if message.start[0] < 200 and message.start[0] != 101:
            continue
        method = methods[min(finals, len(methods) - 1)]
        finals += 1
        expected = [((b"%d" % each.start[0],), each.body) for each in group]
        part = octets[at:end]
        got = readers.h11_responses(part, method, is_closed and end == len(octets))
        if message.start[0] <= 999 and method != b"CONNECT":
            assert [(read.start, read.body) for read in got] == expected
        if method not in (b"HEAD", b"CONNECT"):
            assert [(read.start, read.body) for read in readers.httptools_responses(part)] == expected
        at, group = end, []
    return found


# what the cases want


def statuses_of(found: list[Any]) -> list[int]:
    return [message.start[0] for message in found if message.start[0] >= 200]


def judge_request(case: Case, passage: Passage, found: list[Any]) -> None:
    statuses, sent = statuses_of(found), passage.requests
    want, client = case.get("backend", {}), case.get("client", {})
    assert not any(b"smuggled" in message.start[1] for message in sent)
    refused = [status for status in statuses if status >= 400]
    if case["expect"].startswith("reject") or (case["expect"] == "accept-or-reject" and not sent):
        allowed = [400] if case["expect"] == "reject-400" else case.get("status") or range(400, 600)
        assert not sent
        assert statuses[:1] == [] if not statuses else statuses[0] in allowed
        assert len(statuses) <= 1
        assert passage.is_closed or case.get("unforwarded") or case.get("open_ok")
        return
    assert not (case.get("no_accept") and sent)
    if case.get("early"):
        assert len(sent) <= 1
        return
    expected = client.get("statuses", [200] * client.get("responses", want.get("requests", 1)))
    assert statuses in (expected, client.get("statuses_too"))
    assert len(sent) == want.get("requests", len(expected) - len(refused))
    octets = b"".join(passage.octets.values())
    if "body" in want:
        assert sent[0].body == want["body"].encode("latin-1")
    for regex in want.get("must", ()):
        wanted = regex.replace("127\\.0\\.0\\.1", "10\\.1\\.1\\.1").encode("latin-1")
        assert re.search(wanted, octets) or b"forwarded-for" in wanted
    for regex in want.get("must_not", ()):
        assert not re.search(regex.encode("latin-1"), octets)
    for regex in client.get("must", ()):
        assert re.search(regex.encode("latin-1"), passage.got) or (" 100 " in regex and not passage.continued)
    if "targets" in client:
        assert [message.all(b"x-target") for message in found] == [[target.encode()] for target in client["targets"]]
    assert passage.is_closed or not client.get("closed")


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case["id"])
def test_request_on_its_way(case: Case) -> None:
    octets = octets_of(case["raw"])
    method = re.match(rb"(?:\r\n)*([A-Z]+) ", octets)
    for pieces in splits(octets, SEEDS, MOST_BYTEWISE):
        passage = Passage()
        passage.send(pieces, case.get("half_close", False))
        if not passage.got and not passage.is_closed:
            passage.lab.advance(PATIENCE_MS)
            passage.send([])
        for link, sent in passage.octets.items():
            assert_servers_would_agree(sent[:passage.read_to[link]] if link in passage.tunnels else sent)
        found = assert_clients_would_agree(passage.got, [method[1] if method else b"GET", b"GET"], passage.is_closed)
        judge_request(case, passage, found)
        passage.end()


@pytest.mark.parametrize("seed", range(20))
def test_mutated_requests_on_their_way(seed: int) -> None:
    rng = random.Random(seed)
    cases = [case["raw"] for case in REQUESTS if isinstance(case["raw"], str) and len(case["raw"]) < MOST_BYTEWISE]
    for _ in range(40):
        octets = mutated(rng.choice(cases).encode("latin-1"), rng)
        ways = list[tuple[list[int], list[Any]]]()
        for pieces in splits(octets, 1, MOST_BYTEWISE):
            passage = Passage()
            passage.send(pieces, half_close=True)
            for link, sent in passage.octets.items():
                assert_servers_would_agree(sent[:passage.read_to[link]] if link in passage.tunnels else sent)
            methods = [*(message.start[0] for message in passage.requests), b"GET"]      # and one that was refused
            found = [] if passage.tunnels else assert_clients_would_agree(passage.got, methods, passage.is_closed)
            ways.append((statuses_of(found), [(message.start, message.body) for message in passage.requests]))
            passage.end()
        assert all(way == ways[0] for way in ways)


def judge_response(case: Case, passage: Passage, found: list[Any]) -> None:
    client, statuses = case.get("client", {}), statuses_of(found)
    first = statuses[0] if statuses else None
    for regex in client.get("must_not", ()):
        assert not re.search(regex.encode("latin-1"), passage.got)
    if case["expect"].startswith("reject"):
        assert first == int(case["expect"][-3:])
    elif case["expect"] == "abort":
        assert first is None or first >= 500
    elif not (case["expect"] == "accept-or-reject" and (first == 502 or (first is None and passage.is_closed))):
        assert first == client.get("status", 200)
        final = next(message for message in found if message.start[0] >= 200)
        assert "body" not in client or final.body == client["body"].encode("latin-1")
        for regex in client.get("must", ()):
            assert re.search(regex.encode("latin-1"), passage.got)
    if case.get("poison") and len(statuses) > 1:
        assert statuses[1] == 200
        assert found[-1].all(b"x-target") == [b"/after"]


def scripted(case: Case, pieces: list[bytes]) -> Callable[[FakeLink], None]:
    """A server that answers /case with these pieces, and then does as the case says."""
    def answer(link: FakeLink) -> None:
        for piece in pieces:
            if not link.closed:
                link.sends(piece)
        if case.get("reset"):
            link.breaks()
        elif not link.closed and (case.get("close") or not pieces):
            link.ends()

    return answer


@pytest.mark.parametrize("case", RESPONSES, ids=lambda case: case["id"])
def test_response_on_its_way(case: Case) -> None:
    method = case.get("method", "GET").encode()
    for pieces in splits(octets_of(case["raw"]), SEEDS, MOST_BYTEWISE):
        passage = Passage(scripted(case, pieces))
        passage.send([method + b" /case HTTP/1.1\r\nHost: a.example\r\n\r\n"])
        if case.get("poison") and not passage.is_closed:
            passage.send([b"GET /after HTTP/1.1\r\nHost: a.example\r\n\r\n"])
        found = assert_clients_would_agree(passage.got, [method, b"GET"], passage.is_closed)
        if not statuses_of(found) and not passage.is_closed:
            passage.lab.advance(PATIENCE_MS)
            passage.send([])
            found = assert_clients_would_agree(passage.got, [method, b"GET"], passage.is_closed)
        judge_response(case, passage, found)
        passage.end()


@pytest.mark.parametrize("seed", range(20))
def test_mutated_responses_on_their_way(seed: int) -> None:
    rng = random.Random(seed)
    cases = [case for case in RESPONSES if isinstance(case["raw"], str) and case["raw"] and len(case["raw"]) < MOST_BYTEWISE]
    for _ in range(40):
        case = rng.choice(cases)
        octets, method = mutated(case["raw"].encode("latin-1"), rng), case.get("method", "GET").encode()
        for pieces in splits(octets, 1, MOST_BYTEWISE):
            passage = Passage(scripted(case, pieces))
            passage.send([method + b" /case HTTP/1.1\r\nHost: a.example\r\n\r\n"])
            if not passage.is_closed:
                passage.send([b"GET /after HTTP/1.1\r\nHost: a.example\r\n\r\n"])
            found = assert_clients_would_agree(passage.got, [method, b"GET"], passage.is_closed)
            finals = [message for message in found if message.start[0] >= 200]
            assert len(finals) < 2 or finals[1].all(b"x-target") == [b"/after"]
            passage.end()
