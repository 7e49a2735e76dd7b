"""Upgrades: what makes a WebSocket handshake, and which answers become a tunnel."""

from __future__ import annotations

from tests.differential.origin import Do, Expect
from tests.differential.scenario import Scenario
from tests.differential.scenarios_http import ONE
from tests.differential.steps import Drop, Receive, ReceiveOctets, Send, Step, flat, request

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
ANSWER = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
ASKS = ("Connection: Upgrade", "Upgrade: websocket", KEY)
AGREES = ("Connection: Upgrade", "Upgrade: websocket", ANSWER)
TUNNEL: list[Step] = [Receive(bodiless=True), Send(octets=b"ping"), ReceiveOctets(until=b"pong"), Drop()]
REFUSED: list[Step] = [Receive(), Drop()]


def handshake(name: str, asked: tuple[str, ...], answered: tuple[str, ...], then: list[Step] = TUNNEL) -> Scenario:
    response = "\r\n".join(["HTTP/1.1 101 Switching Protocols", *answered, "", ""]).encode()
    return Scenario(
        f"upgrade-{name}", ONE, flat(Send(octets=request("/ws", *asked)), *then),
        servers={"s1": {"/ws": (response, Expect(b"ping"), b"pong", Do.UNTIL_END)}},
    )


def instead(fields: tuple[str, ...], name: str, *others: str) -> tuple[str, ...]:
    """These fields with one of them replaced."""
    return (*(field for field in fields if not field.startswith(name)), *others)


SCENARIOS = (
    handshake("websocket", ASKS, AGREES),
    handshake("without-answer", ASKS, AGREES[:2], REFUSED),
    handshake("wrong-answer", ASKS, (*AGREES[:2], "Sec-WebSocket-Accept: AAAA")),
    handshake("empty-answer", ASKS, (*AGREES[:2], "Sec-WebSocket-Accept:")),
    handshake("without-key", ASKS[:2], AGREES, REFUSED),
    handshake("empty-key", (*ASKS[:2], "Sec-WebSocket-Key:"), AGREES, REFUSED),
    handshake("short-key", (*ASKS[:2], KEY[:-1]), AGREES, REFUSED),
    handshake("long-key", (*ASKS[:2], KEY + "="), AGREES, REFUSED),
    handshake("any-key", (*ASKS[:2], "Sec-WebSocket-Key: " + "!" * 24), AGREES),
    handshake("upper-case", ("Connection: keep-alive, UPGRADE", "Upgrade: WebSocket", KEY), AGREES),
    handshake("one-of-two", instead(ASKS, "Upgrade", "Upgrade: other, websocket"), AGREES),
    handshake("one-of-two-without-key", ("Connection: Upgrade", "Upgrade: other, websocket"), AGREES, REFUSED),
    handshake("one-of-two-without-answer", instead(ASKS, "Upgrade", "Upgrade: other, websocket"), AGREES[:2], REFUSED),
    handshake("to-another", ASKS, ("Connection: Upgrade", "Upgrade: other"), [Receive(bodiless=True), Drop()]),
    handshake("other", ("Connection: Upgrade", "Upgrade: other"), ("Connection: Upgrade", "Upgrade: other")),
    handshake("no-fields", ASKS, ("X-A: b",), REFUSED),
    handshake("no-connection", ASKS, AGREES[1:], REFUSED),
    handshake("no-upgrade", ASKS, (AGREES[0], AGREES[2]), [Receive(bodiless=True), Drop()]),
    handshake("not-asked", (), AGREES, REFUSED),
)
