"""Listening sockets that go to a successor: given to whom they belong, taken from whom they are asked of, matched by address."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.base.addresses import Address, Family
from proxy.base.clock import SystemClock
from proxy.build import build
from proxy.config.load import load
from proxy.engine import handover
from proxy.engine import predecessor as predecessor_module
from proxy.engine.handover import NAME, Inherited, MasterOffer, Offer, take_over, take_over_at
from proxy.engine.listening import open_listener, open_sockets
from proxy.master.following import Following
from proxy.runtime import transitions
from proxy.runtime.cells import STOT
from proxy.runtime.frontend import Frontend, Listener
from proxy.runtime.states import Operational
from proxy.runtime.status_text import status
from tests.conftest import descriptors

TEXT = """\
listen l
 mode http
 timeout connect 1s
 timeout client 1s
 timeout server 1s
 bind 127.0.0.1:1
 server s 127.0.0.1:2
 server t 127.0.0.1:2 check
"""
ANY_PORT = Address(Family.IPV4, "127.0.0.1", 0)


class Bind:
    """The options of a `bind` line that matter here."""

    def __init__(self, **options: Any) -> None:
        self.v4v6 = self.v6only = self.transparent = self.defer_accept = self.tfo = False
        self.interface = self.user = self.group = ""
        self.mode: int | None = None
        self.uid = self.gid = None
        self.mss = 0
        self.__dict__.update(options)


def listener_at(address: Address, **options: Any) -> Listener:
    listener = Listener(Frontend("fe", 1), 1, address)
    listener.bind = Bind(**options)
    return listener


def again(listener: Listener) -> Listener:
    """The same `bind` line in a successor's configuration: with the real port."""
    bound = listener.bound
    address = listener.address
    if isinstance(bound, tuple):
        address = Address(address.family, address.host, bound[1])
    other = listener_at(address)
    other.bind = listener.bind
    return other


@pytest.fixture
def kept() -> Iterator[list[socket.socket]]:
    sockets: list[socket.socket] = []
    yield sockets
    for sock in sockets:
        sock.close()


def asked(offer: Offer, loop: asyncio.AbstractEventLoop) -> Inherited:
    """What a successor, on a thread of its own, gets while the old process's loop runs."""
    offer.start(loop)
    found: list[Inherited] = []

    def succeed() -> None:
        found.append(take_over([os.getpid()]))
        loop.call_soon_threadsafe(loop.stop)

    thread = threading.Thread(target=succeed)
    thread.start()
    loop.run_forever()
    thread.join()
    return found[0]


def test_a_successor_gets_the_very_socket_and_who_waits_in_it(new_loop: Any, kept: list[socket.socket]) -> None:
    old = listener_at(ANY_PORT)
    kept.append(open_listener(old))
    client = socket.create_connection(kept[0].getsockname())
    offer = Offer(lambda: [(old, kept[0])])
    inherited = asked(offer, new_loop)
    new = again(old)
    (taken,) = open_sockets(new, 1, inherited)
    inherited.close()
    kept[0].close()
    offer.close()
    accepted, peer = taken.accept()
    assert peer == client.getsockname()
    assert new.bound == taken.getsockname()
    assert not taken.getblocking()
    kept += [client, accepted, taken]


def test_a_socket_is_never_a_blocking_one_while_it_changes_hands(new_loop: Any, kept: list[socket.socket]) -> None:
    """Flags belong to the socket, not to a descriptor of it: the old worker would sleep in its next `accept`."""
    old = listener_at(ANY_PORT)
    kept.append(open_listener(old))
    offer = Offer(lambda: [(old, kept[0])])
    inherited = asked(offer, new_loop)
    copies = inherited.take(socket.AF_INET, kept[0].getsockname(), old.bind)
    assert len(copies) == 1
    assert not os.get_blocking(kept[0].fileno())
    kept += [*copies, handover.duplicate(copies[0])]
    assert not os.get_blocking(kept[0].fileno())
    assert not os.get_inheritable(kept[-1].fileno())
    inherited.close()
    offer.close()


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
def test_there_is_a_socket_for_each_worker_and_none_is_lost(new_loop: Any, kept: list[socket.socket], workers: int) -> None:
    old = listener_at(ANY_PORT)
    kept += open_sockets(old, 3, Inherited())
    assert len({sock.getsockname() for sock in kept}) == 1
    offer = Offer(lambda: [(old, sock) for sock in kept])
    inherited = asked(offer, new_loop)
    taken = open_sockets(again(old), workers, inherited)
    kept += taken
    assert len(taken) == max(3, workers)
    assert {sock.getsockname() for sock in taken} == {kept[0].getsockname()}
    inherited.close()
    offer.close()


def test_many_sockets_need_many_messages(new_loop: Any, kept: list[socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "PER_MESSAGE", 4)
    listeners = [listener_at(ANY_PORT) for _ in range(10)]
    kept += [open_listener(each) for each in listeners]
    offer = Offer(lambda: zip(listeners, kept, strict=True))
    inherited = asked(offer, new_loop)
    for each in listeners:
        (taken,) = open_sockets(again(each), 1, inherited)
        kept.append(taken)
        assert taken.getsockname() == each.bound
    inherited.close()
    offer.close()


def test_unix_and_abstract_sockets_go_by_their_names(new_loop: Any, kept: list[socket.socket], tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    listeners = [listener_at(Address(Family.UNIX, path), mode=0o600),
                 listener_at(Address(Family.ABSTRACT, f"pyproxy-handover-{os.getpid()}"))]
    kept += [open_listener(each) for each in listeners]
    offer = Offer(lambda: zip(listeners, kept, strict=True))
    inherited = asked(offer, new_loop)
    listeners[0].bind.mode = 0o640
    for each in listeners:
        (taken,) = open_sockets(again(each), 2, inherited)
        kept.append(taken)
        assert os.fstat(taken.fileno()).st_ino == os.fstat(kept[listeners.index(each)].fileno()).st_ino
    assert os.stat(path).st_mode & 0o777 == 0o640
    os.unlink(path)
    (anew,) = open_sockets(again(listeners[0]), 1, inherited)
    kept.append(anew)
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    kept.append(client)
    inherited.close()
    offer.close()


@pytest.mark.parametrize(("host", "options"), [("127.0.0.1", {"interface": "lo"}), ("127.0.0.2", {}), ("0.0.0.0", {})])
def test_what_is_bound_otherwise_is_not_taken_over(new_loop: Any, kept: list[socket.socket], host: str, options: Any) -> None:
    old = listener_at(ANY_PORT)
    kept.append(open_listener(old))
    offer = Offer(lambda: [(old, kept[0])])
    inherited = asked(offer, new_loop)
    new = listener_at(Address(Family.IPV4, host, kept[0].getsockname()[1]), **options)
    (other,) = open_sockets(new, 1, inherited)
    kept.append(other)
    assert os.fstat(other.fileno()).st_ino != os.fstat(kept[0].fileno()).st_ino
    inherited.close()
    offer.close()


def test_ipv6_with_and_without_ipv4(new_loop: Any, kept: list[socket.socket]) -> None:
    old = listener_at(Address(Family.IPV6, "::", 0), v6only=True)
    kept.append(open_listener(old))
    offer = Offer(lambda: [(old, kept[0])])
    inherited = asked(offer, new_loop)
    (same,) = open_sockets(again(old), 1, inherited)
    kept.append(same)
    assert os.fstat(same.fileno()).st_ino == os.fstat(kept[0].fileno()).st_ino
    new = again(old)
    new.bind = Bind()
    assert inherited.take(socket.AF_INET6, ("::", new.address.port), new.bind) == []
    inherited.close()
    offer.close()


def test_descriptors_that_were_inherited_are_not_given(new_loop: Any, kept: list[socket.socket]) -> None:
    made = socket.create_server(("127.0.0.1", 0))
    old = listener_at(Address(Family.DESCRIPTOR, str(made.fileno())))
    kept += [made, open_listener(old)]
    offer = Offer(lambda: [(old, kept[1])])
    inherited = asked(offer, new_loop)
    assert inherited.take(socket.AF_INET, made.getsockname(), None) == []
    inherited.close()
    offer.close()


def test_nobody_is_asked_for_ever_and_nobody_there_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "PATIENCE_S", 0.01)
    silent = Offer(list)
    assert take_over([os.getpid(), 2**22 + 1]).take(socket.AF_INET, ("127.0.0.1", 80), None) == []
    silent.close()
    silent.close()


def test_sockets_are_taken_from_the_process_itself_not_from_one_that_has_its_name(kept: list[socket.socket]) -> None:
    impostor = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    stranger = os.getppid()
    impostor.bind(NAME % stranger)
    impostor.listen()
    kept.append(impostor)
    assert take_over([stranger]).take(socket.AF_INET, ("127.0.0.1", 80), None) == []


def test_sockets_are_not_given_to_another_user(new_loop: Any, kept: list[socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    old = listener_at(ANY_PORT)
    kept.append(open_listener(old))
    offer = Offer(lambda: [(old, kept[0])])
    monkeypatch.setattr(handover, "peer_of", lambda connected: handover.Peer(os.getpid(), 4242))
    inherited = asked(offer, new_loop)
    assert inherited.take(socket.AF_INET, kept[0].getsockname(), Bind()) == []
    offer.close()


def test_a_name_that_is_taken_is_lived_with(new_loop: Any) -> None:
    first, second = Offer(list), Offer(list)
    second.start(new_loop)
    second.close()
    first.close()


def test_what_is_no_answer_gives_nothing(kept: list[socket.socket]) -> None:
    speaker = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    speaker.bind(NAME % os.getpid())
    speaker.listen()
    kept.append(speaker)

    def talk() -> None:
        connection, _ = speaker.accept()
        with connection:
            connection.send(b"{ no json")

    thread = threading.Thread(target=talk)
    thread.start()
    assert take_over([os.getpid()]).take(socket.AF_INET, ("127.0.0.1", 80), None) == []
    thread.join()


@pytest.fixture
def new_process() -> Iterator[Callable[[], Any]]:
    """Processes of the same configuration, closed at the end."""
    made: list[Any] = []

    def make() -> Any:
        made.append(build(load(text=TEXT, environment={}), SystemClock(), has_successors=True))
        return made[-1]

    yield make
    for process in made:
        process.board.close()


def test_a_successor_reads_on_what_the_old_process_counts(new_loop: Any, new_process: Callable[[], Any]) -> None:
    process, successor = new_process(), new_process()
    row = process.frontends[0].counters
    row[STOT] = 5
    offer = Offer(list, process)
    inherited = asked(offer, new_loop)
    (predecessor,) = inherited.take_predecessors()
    following = Following(successor, SystemClock(), Told(), [predecessor])
    following.restore()
    assert successor.frontends[0].counters[STOT] == 5
    following.start(new_loop)
    row[STOT] = 7
    offer.end()                 # as the end of the old process does
    while predecessor.connection.fileno() >= 0:
        new_loop.run_until_complete(asyncio.sleep(0))
    assert successor.frontends[0].counters[STOT] == 7
    following.close()
    inherited.close()


class Told:
    """Events (`runtime.log.Events`): what was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def server_event(self, server: Any, level: str, text: str) -> None:
        self.lines.append(text)

    def backend_event(self, backend: Any, level: str, text: str) -> None:
        self.lines.append(text)

    def server_changed(self, server: Any, was_up: bool, now_ms: int) -> tuple[int, int]:
        return 0, 0


def test_what_is_changed_while_a_successor_starts_is_changed_there_too(new_loop: Any, new_process: Callable[[], Any]) -> None:
    process, successor, told = new_process(), new_process(), Told()
    old, new = process.backends[0].servers, successor.backends[0].servers
    transitions.set_admin(old[0], "drain", 0, Told())
    offer = Offer(list, process)
    inherited = asked(offer, new_loop)
    (predecessor,) = inherited.take_predecessors()
    following = Following(successor, SystemClock(), told, [predecessor])
    following.restore()
    assert (status(new[0]).word, told.lines) == ("DRAIN", [])
    transitions.set_admin(old[0], "maint", 0, Told())
    transitions.set_weight(old[1], 7, 0, Told())
    transitions.set_operational(old[1], Operational.STOPPED, "", 0, Told())     # its checks said so: ours will, too
    offer.last_words()
    offer.last_words()          # once more changes nothing
    following.start(new_loop)
    for _ in range(1000):
        new_loop.run_until_complete(asyncio.sleep(0))
        if told.lines:
            break
    assert (status(new[0]).word, new[1].user_weight, new[1].operational) == ("MAINT", 7, Operational.RUNNING)
    assert told.lines[0].startswith("Server l/s is going DOWN for maintenance")
    offer.end()
    while predecessor.connection.fileno() >= 0:
        new_loop.run_until_complete(asyncio.sleep(0))
    assert len(told.lines) == 1
    following.close()
    inherited.close()


@pytest.mark.parametrize("said", [b"{", b"[[1]]", b"5"])
def test_last_words_that_make_no_sense_end_the_following(new_loop: Any, new_process: Callable[[], Any], said: bytes) -> None:
    process, successor, told = new_process(), new_process(), Told()
    offer = Offer(list, process)
    inherited = asked(offer, new_loop)
    (predecessor,) = inherited.take_predecessors()
    following = Following(successor, SystemClock(), told, [predecessor])
    following.restore()
    following.start(new_loop)
    (theirs,) = offer._successors
    predecessor_module.send_file(theirs, {"states": True}, said, [])
    while predecessor.connection.fileno() >= 0:
        new_loop.run_until_complete(asyncio.sleep(0))
    assert told.lines == []
    offer.end()
    following.close()
    inherited.close()


def told_to_finish(
    process: Any, following: Following, loop: asyncio.AbstractEventLoop, following_process: Any
) -> tuple[Offer, Following]:
    """A process gets another one as its successor, and is told to finish; its end, and who follows it."""
    offer = Offer(list, process)
    inherited = asked(offer, loop)
    offer.close()               # the name is that of this one process
    successor = Following(following_process, SystemClock(), Told(), inherited.take_predecessors())
    successor.restore()
    successor.start(loop)
    following.hand_on(offer)
    return offer, successor


def test_who_is_followed_goes_on_to_the_next(new_loop: Any, new_process: Callable[[], Any]) -> None:
    """Three reloads while one stream of the first process lasts: all that it counts reaches the last one, once."""
    first = new_process()
    row = first.frontends[0].counters
    row[STOT] = 5
    kept_by: Following = Following(new_process(), SystemClock(), Told())
    ends = []
    process = first
    for _ in range(3):
        following = new_process()
        offer, kept_by = told_to_finish(process, kept_by, new_loop, following)
        ends.append(offer)
        process = following
        row[STOT] += 1              # after the old one was told to finish, before anybody looks
        process.frontends[0].counters[STOT] += 10       # and what the new one counts itself
    first_end, *later = ends
    for offer in later:             # they end before the first
        offer.end()
    for _ in range(1000):
        new_loop.run_until_complete(asyncio.sleep(0))
        if len(kept_by._predecessors) == 1:
            break
    row[STOT] += 100
    first_end.end()
    for _ in range(1000):
        new_loop.run_until_complete(asyncio.sleep(0))
        if not kept_by._predecessors:
            break
    assert not kept_by._predecessors
    assert process.frontends[0].counters[STOT] == 5 + 3 + 30 + 100
    kept_by.close()


@pytest.mark.parametrize("seen", [5, {"cells": ["stot"], "rows": [[0, [1, 2]]]}, {"cells": [], "rows": [[99, []]]}], ids=str)
def test_an_ancestor_that_makes_no_sense_ends_the_following(new_loop: Any, new_process: Callable[[], Any], seen: Any) -> None:
    process = new_process()
    offer = Offer(list, process)
    inherited = asked(offer, new_loop)
    (predecessor,) = inherited.take_predecessors()
    following = Following(new_process(), SystemClock(), Told(), [predecessor])
    following.start(new_loop)
    (theirs,) = offer._successors
    said = json.dumps({**predecessor._said, "seen": seen}).encode()
    predecessor_module.send_file(theirs, {"ancestor": True}, said, [process.board.fd, theirs.fileno()])
    before = len(descriptors())
    while predecessor.connection.fileno() >= 0:
        new_loop.run_until_complete(asyncio.sleep(0))
    assert len(descriptors()) <= before           # what came with it is closed
    offer.end()
    following.close()


def test_an_account_that_is_not_wanted_is_closed(new_loop: Any, new_process: Callable[[], Any]) -> None:
    process = new_process()
    offer = Offer(list, process)
    inherited = asked(offer, new_loop)
    inherited.close()
    assert inherited.predecessors == []
    offer.end()


def test_a_master_names_whom_to_ask(new_loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    ask = handover._ask

    def noting(pid: int, answers: Any) -> None:
        seen.append(pid)
        if len(seen) < 3:
            ask(pid, answers)

    monkeypatch.setattr(handover, "_ask", noting)
    offer = MasterOffer(lambda: [os.getpid(), 2**22 + 1])
    asked(offer, new_loop).close()
    assert seen == [os.getpid(), 2**22 + 1]         # itself no second time
    offer.end()


@pytest.mark.parametrize("answer", [b"", b"{", b"[]", b"{}", b'{"ask": 5}', b'{"account": true}'], ids=str)
def test_nonsense_from_an_old_process_gives_nothing(answer: bytes) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        ours.send(answer)
        ours.shutdown(socket.SHUT_WR)
        answers = handover._Answers()
        try:
            assert answers.receive(theirs) == []
        except predecessor_module.NO_ANSWER:
            pass
        assert theirs.fileno() == -1
        assert (answers.sockets, answers.predecessors) == ([], [])


def test_a_stats_socket_that_gives_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with pytest.raises(OSError, match="No such file"):
        take_over_at(path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()

        def refuse() -> None:
            connected, _ = listening.accept()
            with connected:
                connected.recv(100)
                connected.send(b"Unknown command\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(ValueError, match="expose-fd listeners"):
            take_over_at(path)
        thread.join()
