"""Every shared case of octets, read whole, byte by byte and in pieces; what would be sent on is judged by a strict parser.

The proxy here is a model without sockets: read a head, frame its body, write both anew, go on with what follows.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from proxy.base.errors import RemoteProtocolError
from proxy.core.http1.chunked import ChunkedDecoder
from proxy.core.http1.head import RequestHead, ResponseHead
from proxy.core.http1.limits import DEFAULT_LIMITS
from proxy.core.http1.reader import read_request, read_response
from proxy.core.http1.writer import request_bytes, request_connection, response_bytes, response_connection
from tests.corpus.http1 import strict
from tests.corpus.http1.cases import REQUESTS, RESPONSES, Case, mutated, octets_of, splits


class Relay:
    """One direction of a connection: messages in, messages as they would be sent on out, and how it ended."""

    def __init__(self, request_methods: list[bytes] | None) -> None:
        self.request_methods = request_methods      # for responses
        self.kept = b""
        self.out = b""                              # whole messages and what is known of an unfinished one
        self.whole: list[bytes] = []                # targets or statuses of whole messages
        self.refused = 0
        self.closing = False
        self.here = 0                               # requests to be answered here (Max-Forwards: 0)
        self.head: RequestHead | ResponseHead | None = None
        self.decoder: ChunkedDecoder | None = None
        self.left = 0
        self.until_close = False

    def feed(self, octets: bytes) -> None:
        self.kept += octets
        try:
            while self.kept and not self.closing and self.step():
                pass
        except RemoteProtocolError as error:
            self.refused, self.closing = error.status, True

    def step(self) -> bool:
        """True when there may be more to do."""
        if self.head is None:
            return self.read_head()
        if self.until_close:
            self.out, self.kept = self.out + self.kept, b""
            return False
        if self.decoder is not None:
            self.out += self.decoder.rechunk(self.kept)
            self.kept = self.kept[len(self.kept) - self.decoder.leftover:]
            if not self.decoder.done:
                return False
        else:
            taken = self.kept[:self.left]
            self.out, self.kept, self.left = self.out + taken, self.kept[self.left:], self.left - len(taken)
            if self.left:
                return False
        self.end()
        return True

    def read_head(self) -> bool:
        if self.request_methods is None:
            request = read_request(self.kept, 0, DEFAULT_LIMITS)
            if request is None:
                return False
            self.take(request, request.size)
            if request.max_forwards == 0:
                self.here, self.closing = self.here + 1, True
                return False
            self.out += request_bytes(request, request_connection(request.version_minor, True), b"x-forwarded-for: 127.0.0.1\r\n")
            self.frame(request.chunked, request.content_length)
        else:
            response = read_response(self.kept, 0, DEFAULT_LIMITS, self.request_methods[0])
            if response is None:
                return False
            self.take(response, response.size)
            if response.status == 101:
                raise RemoteProtocolError("101 that nobody asked for", 502)
            self.out += response_bytes(response, response_connection(response.version_minor, 1, True), b"")
            if not response.no_body and not response.chunked and response.content_length < 0:
                self.until_close = True
            else:
                self.frame(response.chunked and not response.no_body, 0 if response.no_body else response.content_length)
        return True

    def take(self, head: RequestHead | ResponseHead, size: int) -> None:
        self.head, self.kept = head, self.kept[size:]

    def frame(self, chunked: bool, length: int) -> None:
        self.decoder = ChunkedDecoder() if chunked else None
        self.left = max(length, 0)
        if not chunked and not self.left:
            self.end()

    def end(self) -> None:
        head = self.head
        assert head is not None
        self.head = self.decoder = None
        if isinstance(head, RequestHead):
            self.whole.append(head.target)
            self.closing = not head.keep_alive
        else:
            self.whole.append(b"%d" % head.status)
            if head.status >= 200:
                self.closing = True


def run_all_ways(make: Callable[[], Relay], octets: bytes) -> Relay:
    """Run every split; all must end alike. Chunk boundaries may differ, contents may not."""
    first: Relay | None = None
    for pieces in splits(octets):
        relay = make()
        for piece in pieces:
            relay.feed(piece)
        if first is None:
            first = relay
        assert (relay.refused, relay.whole, relay.closing, relay.here) == (first.refused, first.whole, first.closing, first.here)
    assert first is not None
    return first


def messages(parse: Callable[..., Any], octets: bytes, *more: Any) -> list[Any]:
    """What the strict parser makes of what we sent: whole messages, then perhaps an unfinished one. Raises strict.Violation."""
    found, at = [], 0
    while at < len(octets):
        try:
            message, at = parse(octets, at, *more)
        except strict.Incomplete:
            break
        found.append(message)
    return found


def refusal(case: Case, relay: Relay) -> bool:
    """Whether the relay refused with a status the case allows, or waits for the rest of a message that was cut."""
    allowed = [400] if case["expect"] == "reject-400" else case.get("status") or range(400, 600)
    waits = case.get("half_close", False) or 408 in case.get("status", ())
    return relay.refused in allowed or (not relay.refused and waits)


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case["id"])
def test_request_case(case: Case) -> None:
    relay = run_all_ways(lambda: Relay(None), octets_of(case["raw"]))
    sent = messages(strict.request, relay.out)
    want, client = case.get("backend", {}), case.get("client", {})
    assert not any(b"smuggled" in message.start[1] for message in sent)
    assert [message.start[1] for message in sent] == relay.whole
    if case["expect"].startswith("reject"):
        assert not relay.whole
        assert relay.here if case.get("unforwarded") else refusal(case, relay)
        return
    if case["expect"] == "accept-or-reject" and relay.refused:
        assert 400 <= relay.refused < 600
        assert not relay.whole
        return
    statuses = client.get("statuses", [200] * client.get("responses", want.get("requests", 1)))
    assert [200] * len(relay.whole) + [relay.refused] * bool(relay.refused) in (statuses, client.get("statuses_too"))
    if "body" in want:
        assert sent[0].body == want["body"].encode("latin-1")
    for regex in want.get("must", ()):
        assert re.search(regex.encode("latin-1"), relay.out)
    for regex in want.get("must_not", ()):
        assert not re.search(regex.encode("latin-1"), relay.out)
    for regex in want.get("head_must_not", ()):
        assert not re.search(b"(?i)" + regex.encode("latin-1"), sent[0].head)
    if client.get("closed"):
        assert relay.closing
    for target, message in zip(client.get("targets", ()), sent, strict=False):
        assert message.start[1] == target.encode()


@pytest.mark.parametrize("seed", range(20))
def test_mutated_requests_leave_as_valid_ones_or_not_at_all(seed: int) -> None:
    rng = random.Random(seed)
    cases = [case["raw"] for case in REQUESTS if isinstance(case["raw"], str) and len(case["raw"]) < 2000]
    for _ in range(50):
        octets = mutated(rng.choice(cases).encode("latin-1"), rng)
        whole, bytewise = Relay(None), Relay(None)
        whole.feed(octets)
        for at in range(len(octets)):
            bytewise.feed(octets[at:at + 1])
        assert (whole.refused, whole.whole, whole.closing) == (bytewise.refused, bytewise.whole, bytewise.closing)
        for relay in (whole, bytewise):
            assert [message.start[1] for message in messages(strict.request, relay.out)] == relay.whole


@pytest.mark.parametrize("seed", range(10))
def test_mutated_responses_leave_as_valid_ones_or_not_at_all(seed: int) -> None:
    rng = random.Random(seed)
    cases = [case["raw"] for case in RESPONSES if isinstance(case["raw"], str) and case["raw"]]
    for _ in range(50):
        octets = mutated(rng.choice(cases).encode("latin-1"), rng)
        relay = Relay([b"GET"])
        relay.feed(octets)
        at = 0
        while at < len(relay.out):
            try:
                _, at = strict.response(relay.out, at, b"GET", relay.until_close)
            except strict.Incomplete:
                break


def judge_response(case: Case, relay: Relay, method: bytes) -> None:
    client = case.get("client", {})
    sent, at = [], 0
    while at < len(relay.out):
        try:
            message, at = strict.response(relay.out, at, method, relay.until_close)
        except strict.Incomplete:
            break
        sent.append(message)
    for regex in client.get("must_not", ()):
        assert not re.search(b"(?i)" + regex.encode("latin-1").removeprefix(b"(?i)"), relay.out)
    finals = [message for message in sent if message.start[0] >= 200]
    if case["expect"].startswith("reject"):
        assert relay.refused == 502 or case.get("close") or case["expect"] == "reject-504" or not relay.out
        assert not finals
    elif case["expect"] == "abort":
        assert not finals
    elif not (case["expect"] == "accept-or-reject" and relay.refused and not finals):
        assert finals[0].start[0] == client.get("status", 200)
        if "body" in client:
            assert finals[0].body == client["body"].encode("latin-1")
        assert len(finals) == 1


@pytest.mark.parametrize("case", RESPONSES, ids=lambda case: case["id"])
def test_response_case(case: Case) -> None:
    method = case.get("method", "GET").encode()
    relay = run_all_ways(lambda: Relay([method]), octets_of(case["raw"])) if case["raw"] else Relay([method])
    judge_response(case, relay, method)
