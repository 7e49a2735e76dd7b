"""Questions that go to the master and answers that come back, piece by piece, over a line that may break."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from proxy.master.workers import services as module
from proxy.master.workers.channel import Channel, LineBroken
from proxy.master.workers.services import ASK, MORE, QUESTIONS, BrokenOff, RemoteOffice, ServiceDesk
from proxy.runtime.backend import Backend
from proxy.runtime.frontend import Frontend
from proxy.runtime.process import Process
from proxy.runtime.service import ServiceRequest, ServiceResponse

REQUEST = ServiceRequest(b"POST", b"/s?\xff", 1, ((b"host", b"\xe9"), (b"a", b"")), b"body\0", "10.0.0.1", "")


class Service:
    """Answers what it is told to."""

    def __init__(self, name: str, answer: Any) -> None:
        self.name, self.answer = name, answer
        self.asked: list[ServiceRequest] = []

    def matches(self, method: bytes, target: bytes) -> bool:
        return target.startswith(b"/s")

    def respond(self, request: ServiceRequest) -> ServiceResponse:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


class Talk:
    """A worker and its master, whose packets are exchanged when the test says so."""

    def __init__(self, line: tuple[Channel, Channel], *services: Service) -> None:
        theirs, ours = line
        self.ours = ours
        self.service = services[-1]
        self.broken: list[BaseException] = []
        master, worker = self._process(services), self._process(services)
        self.desk = ServiceDesk(master, theirs, self.broken.append)
        self._theirs = theirs
        self.office = RemoteOffice(ours)
        self.office.stand_in(worker)
        self.remote: Any = worker.backends[0].services[-1]
        self.woken = 0

    def _process(self, services: tuple[Service, ...]) -> Process:
        process = Process()
        process.frontends, process.backends = [Frontend("web", 1)], [Backend("app", 2)]
        process.backends[0].services = services
        return process

    def ask(self) -> Any:
        answer = self.remote.respond(REQUEST)
        if not isinstance(answer, ServiceResponse):
            answer.wake = self._wake
        return answer

    def _wake(self) -> None:
        self.woken += 1

    def exchange(self) -> None:
        for kind, payload in self._theirs.receive():
            assert kind in QUESTIONS
            self.desk.take(kind, payload)
        for kind, payload in self.ours.receive():
            self.office.take(kind, payload)

    def read(self, answer: Any) -> list[bytes]:
        """The pieces of an answer, to its end."""
        pieces = []
        while True:
            piece = next(answer.response.body, b"end")
            if piece == b"end":
                return pieces
            if piece is None:
                self.exchange()
            else:
                pieces.append(piece)


def test_a_question_arrives_as_it_was_asked(line: Any) -> None:
    talk = Talk(line, Service("other", None), Service("<STATS>", ServiceResponse(303, ((b"location", b"\xff"),), b"\xffok")))
    answer = talk.ask()
    assert answer.response is None
    talk.exchange()
    assert talk.service.asked == [REQUEST]
    assert (answer.response, talk.woken) == (talk.service.answer, 1)
    assert talk.remote.name == "<STATS>"
    assert talk.remote.matches(b"GET", b"/s")
    assert not talk.remote.matches(b"GET", b"/")
    answer.cancel()


def test_a_piece_is_made_when_it_is_wanted(line: Any) -> None:
    made: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            made.append(number)
            yield b"%d" % number * 70_000

    talk = Talk(line, Service("s", ServiceResponse(200, (), pieces())))
    answer = talk.ask()
    talk.exchange()
    assert made == []
    assert next(answer.response.body) is None
    assert next(answer.response.body) is None
    talk.exchange()
    talk.exchange()
    assert made == [0]
    assert talk.read(answer) == [b"0" * 70_000, b"1" * 70_000, b"2" * 70_000]
    assert made == [0, 1, 2]


def test_answers_do_not_get_mixed_up(line: Any) -> None:
    def pieces(name: bytes) -> Iterator[bytes]:
        for number in range(3):
            yield name + b"%d" % number

    talk = Talk(line, Service("s", None))
    answers = []
    for name in (b"a", b"b"):
        talk.service.answer = ServiceResponse(200, (), pieces(name))
        answers.append(talk.ask())
        talk.exchange()
    read: list[list[bytes]] = [[], []]
    for _ in range(10):
        for place, answer in enumerate(answers):
            piece = next(answer.response.body, None)
            if piece is not None:
                read[place].append(piece)
        talk.exchange()
    assert read == [[b"a0", b"a1", b"a2"], [b"b0", b"b1", b"b2"]]


def test_what_nobody_waits_for_any_more_is_dropped_on_both_sides(line: Any) -> None:
    talk = Talk(line, Service("s", ServiceResponse(200, (), iter([b"x"] * 9))))
    answer = talk.ask()
    talk.exchange()
    assert talk.desk._open
    assert next(answer.response.body) is None
    answer.cancel()
    answer.cancel()
    talk.exchange()
    assert not talk.desk._open
    assert not talk.office._open


def test_a_fault_of_the_service_is_told_and_breaks_the_answer_off(line: Any) -> None:
    talk = Talk(line, Service("s", ValueError("bug")))
    answer = talk.ask()
    talk.exchange()
    assert answer.response == ServiceResponse(500)

    def pieces() -> Iterator[bytes]:
        yield b"x"
        raise ValueError("later")

    talk.service.answer = ServiceResponse(200, (), pieces())
    answer = talk.ask()
    talk.exchange()
    with pytest.raises(BrokenOff):
        talk.read(answer)
    assert [str(error) for error in talk.broken] == ["bug", "later"]


def test_without_a_master_there_is_no_answer(line: Any) -> None:
    talk = Talk(line, Service("s", ServiceResponse(200, (), iter([b"x", b"y"]))))
    begun, unanswered = talk.ask(), None
    talk.exchange()
    unanswered = talk.ask()
    talk.office.lost()
    assert unanswered.response.status == 503
    with pytest.raises(BrokenOff):
        talk.read(begun)
    talk.ours.close()
    assert talk.ask().status == 503


def test_only_so_many_answers_are_under_way(line: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OPEN_MAX", 2)
    talk = Talk(line, Service("s", ServiceResponse(200, (), iter([b"x"]))))
    talk.ask()
    talk.ask()
    assert talk.ask().status == 503


@pytest.mark.parametrize(("kind", "payload"), [
    (ASK, b"[]"), (ASK, b'[1,7,0,"GET","/",1,[],null,"",""]'), (ASK, b'[1,1,7,"GET","/",1,[],null,"",""]'),
    (ASK, b'[-1,1,0,"GET","/",1,[],null,"",""]'), (ASK, b'[1,1,0,"GET","/",1,[["a"]],null,"",""]'),
    (ASK, b'[1,1,0,"GET","/",1,[["a",1]],null,"",""]'), (ASK, '[1,1,0,"G\u20ac","/",1,[],null,"",""]'.encode()), (MORE, b"123"),
])
def test_what_makes_no_sense_ends_the_line(line: Any, kind: bytes, payload: bytes) -> None:
    talk = Talk(line, Service("s", ServiceResponse(200)))
    with pytest.raises(LineBroken):
        talk.desk.take(kind, payload)


def test_more_of_nothing_is_nothing(line: Any) -> None:
    talk = Talk(line, Service("s", ServiceResponse(200)))
    talk.desk.take(MORE, b"\0\0\0\7")
    talk.office.take(module.PIECE, b"\0\0\0\7x")
    assert talk.ours.receive() == []

