"""Statistics and metrics: whichever worker is asked, the master answers, because only it knows of checks and may change states.

    client ─▶ worker: RemoteService.respond ── ASK number, service, request ──▶ master: ServiceDesk ─▶ the service itself
                      RemoteAnswer          ◀── HEAD number, status, fields ──
                      next piece wanted     ── MORE number ──▶
                                            ◀── PIECE number, octets ──  ...  ◀── END number ──
                      client gone           ── DROP number ──▶

A piece is made when the client has taken the one before, as in one process: a large page fills no memory on either side. An
answer that breaks off in the master (CUT) breaks off at the client.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from proxy.master.workers.channel import Channel, LineBroken, octets_of, text_of, values_of
from proxy.runtime.backend import Backend
from proxy.runtime.frontend import Frontend
from proxy.runtime.process import Process
from proxy.runtime.service import Service, ServiceRequest, ServiceResponse

ASK, MORE, DROP = b"q", b"m", b"x"
HEAD, PIECE, END, CUT = b"a", b"p", b"e", b"c"
QUESTIONS = frozenset((ASK, MORE, DROP))
ANSWERS = frozenset((HEAD, PIECE, END, CUT))
NUMBER_OCTETS = 4
NUMBERS = 1 << 32
OPEN_MAX = 1024                     # answers of one worker that are under way
UNAVAILABLE = ServiceResponse(503)


class BrokenOff(Exception):
    """The master could not finish an answer."""


def _ignored() -> None:
    """Nobody waits."""


class RemoteAnswer:
    """A worker's side of one question (`runtime.service.PendingAnswer`)."""

    def __init__(self, office: RemoteOffice, number: int) -> None:
        self._office = office
        self._number = number
        self._pieces: deque[bytes] = deque()
        self._ended = False
        self._cut = False
        self._wanted = False
        self.response: ServiceResponse | None = None
        self.wake: Callable[[], None] = _ignored

    def cancel(self) -> None:
        self._office.forget(self._number, tell=not self._ended)

    def head(self, status: int, fields: tuple[tuple[bytes, bytes], ...], body: bytes | None) -> None:
        """The response's head came, with all of its body or none yet."""
        self._ended = body is not None
        self.response = ServiceResponse(status, fields, self._body() if body is None else body)
        self.wake()

    def piece(self, octets: bytes) -> None:
        self._wanted = False
        self._pieces.append(octets)
        self.wake()

    def end(self, cut: bool) -> None:
        self._ended, self._cut = True, cut
        self.wake()

    def lost(self) -> None:
        """The master is gone."""
        if self.response is None:
            self.response = UNAVAILABLE
        self.end(cut=True)

    def _body(self) -> Iterator[bytes | None]:
        while True:
            if self._pieces:
                yield self._pieces.popleft()
            elif self._cut:
                raise BrokenOff("the master broke off an answer")
            elif self._ended:
                return
            else:
                if not self._wanted:
                    self._wanted = True
                    self._office.want(self._number)
                yield None


class RemoteOffice:
    """A worker's side of all of them."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._open: dict[int, RemoteAnswer] = {}
        self._number = 0

    def stand_in(self, process: Process) -> None:
        """Put a stand-in in the place of every service."""
        sides: list[Frontend | Backend] = [*process.frontends, *process.backends]
        for place, side in enumerate(sides):
            side.services = tuple(RemoteService(self, place, index, service) for index, service in enumerate(side.services))

    def ask(self, place: int, index: int, request: ServiceRequest) -> RemoteAnswer | ServiceResponse:
        """Have the master answer a request."""
        if self._channel.is_broken or len(self._open) >= OPEN_MAX:
            return UNAVAILABLE
        self._number = number = (self._number + 1) % NUMBERS
        answer = self._open[number] = RemoteAnswer(self, number)
        body = None if request.body is None else text_of(request.body)
        self._channel.send_values(
            ASK, number, place, index, text_of(request.method), text_of(request.target), request.version_minor,
            [[text_of(name), text_of(value)] for name, value in request.fields], body, request.client_address, request.body_error)
        return answer

    def want(self, number: int) -> None:
        self._channel.send(MORE, number.to_bytes(NUMBER_OCTETS, "big"))

    def forget(self, number: int, tell: bool) -> None:
        if self._open.pop(number, None) is not None and tell:
            self._channel.send(DROP, number.to_bytes(NUMBER_OCTETS, "big"))

    def take(self, kind: bytes, payload: bytes) -> None:
        """A packet of the master's.

        Raises: LineBroken.
        """
        if kind == HEAD:
            number, status, fields, body = values_of(payload, int, int, list, (str, type(None)))
            answer = self._open.get(number)
            if answer is not None:
                answer.head(status, _fields_of(fields), None if body is None else octets_of(body))
            return
        answer = self._open.get(int.from_bytes(payload[:NUMBER_OCTETS], "big"))
        if answer is None:
            return
        if kind == PIECE:
            answer.piece(payload[NUMBER_OCTETS:])
        else:
            answer.end(cut=kind == CUT)

    def lost(self) -> None:
        """The master is gone: nothing more will come."""
        for answer in list(self._open.values()):
            answer.lost()


class RemoteService:
    """A service that the master gives (`runtime.service.Service`); whether a request is for it is seen here."""

    __slots__ = ("_index", "_office", "_place", "matches", "name")

    def __init__(self, office: RemoteOffice, place: int, index: int, service: Service) -> None:
        self._office = office
        self._place = place
        self._index = index
        self.name = service.name
        self.matches = service.matches

    def respond(self, request: ServiceRequest) -> RemoteAnswer | ServiceResponse:
        return self._office.ask(self._place, self._index, request)


class ServiceDesk:
    """The master's side, for one worker. `broken` is told of a service's own fault."""

    def __init__(self, process: Process, channel: Channel, broken: Callable[[BaseException], None]) -> None:
        self._sides: list[Frontend | Backend] = [*process.frontends, *process.backends]
        self._channel = channel
        self._broken = broken
        self._open: dict[int, Iterator[bytes | None]] = {}

    def take(self, kind: bytes, payload: bytes) -> None:
        """A packet of the worker's.

        Raises: LineBroken for one that makes no sense.
        """
        if kind == ASK:
            self._answer(payload)
            return
        if len(payload) != NUMBER_OCTETS:
            raise LineBroken
        number = int.from_bytes(payload, "big")
        if kind == DROP:
            self._open.pop(number, None)
        else:
            self._give_piece(number)

    def _answer(self, payload: bytes) -> None:
        number, place, index, method, target, minor, fields, body, client, body_error = values_of(
            payload, int, int, int, str, str, int, list, (str, type(None)), str, str)
        if not 0 <= place < len(self._sides) or not 0 <= index < len(self._sides[place].services) or not 0 <= number < NUMBERS:
            raise LineBroken
        service: Any = self._sides[place].services[index]
        request = ServiceRequest(
            octets_of(method), octets_of(target), minor, _fields_of(fields), None if body is None else octets_of(body), client,
            body_error)
        try:
            response: ServiceResponse = service.respond(request)
        except Exception as error:
            self._broken(error)
            response = ServiceResponse(500)
        text: str | None = None
        if isinstance(response.body, bytes):
            text = text_of(response.body)
        elif len(self._open) < OPEN_MAX:
            self._open[number] = response.body
        else:
            response, text = UNAVAILABLE, ""
        head = [[text_of(name), text_of(value)] for name, value in response.fields]
        self._channel.send(HEAD, json.dumps((number, response.status, head, text), separators=(",", ":")).encode())

    def _give_piece(self, number: int) -> None:
        pieces = self._open.get(number)
        if pieces is None:
            return
        name = number.to_bytes(NUMBER_OCTETS, "big")
        try:
            piece = next(pieces, None)
        except Exception as error:
            self._broken(error)
            del self._open[number]
            self._channel.send(CUT, name)
            return
        if piece is None:
            del self._open[number]
            self._channel.send(END, name)
        else:
            self._channel.send(PIECE, name + piece)


def _fields_of(values: list[Any]) -> tuple[tuple[bytes, bytes], ...]:
    """Fields from their packet.

    Raises: LineBroken.
    """
    fields = []
    for pair in values:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise LineBroken
        fields.append((octets_of(pair[0]), octets_of(pair[1])))
    return tuple(fields)
