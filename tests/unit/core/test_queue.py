"""The line for a server: oldest first, bounded, left in good order."""

from proxy.base.addresses import Address, Family
from proxy.core import queue
from proxy.runtime.backend import Backend
from proxy.runtime.cells import QCUR, QMAX
from proxy.runtime.server import Server
from proxy.runtime.states import Operational


class Stream:
    def __init__(self, name: str) -> None:
        self.name = name
        self.queued_in = None
        self.queued_at_ms = 0
        self.queue_mark = 0
        self.gone = None
        self.server_queue = 0
        self.backend_queue = 0
        self.granted = None

    def slot_granted(self, server: Server) -> None:
        self.granted = server
        server.served += 1

    def server_gone(self, server: Server) -> None:
        self.gone = server


def farm(maxconn: int = 1) -> tuple[Backend, Server]:
    backend = Backend("be", 1)
    server = Server(backend, "s", 1, Address(Family.IPV4, "127.0.0.1", 80))
    server.maxconn = maxconn
    backend.servers = [server]
    return backend, server


def test_the_one_who_waits_longest_is_served_first_whichever_queue_it_is_in():
    backend, server = farm()
    bound, free, late = Stream("bound"), Stream("free"), Stream("late")
    queue.enqueue(free, backend, None, 10)
    queue.enqueue(bound, backend, server, 20)
    queue.enqueue(late, backend, None, 30)
    order = []
    for _ in range(3):
        server.served = 0
        queue.serve(server)
        order.append(next(s for s in (bound, free, late) if s.granted and s not in order))
    assert [stream.name for stream in order] == ["free", "bound", "late"]


def test_only_as_many_are_served_as_there_are_slots():
    backend, server = farm(maxconn=2)
    streams = [Stream(str(number)) for number in range(5)]
    for number, stream in enumerate(streams):
        queue.enqueue(stream, backend, None, number)
    queue.serve(server)
    assert [bool(stream.granted) for stream in streams] == [True, True, False, False, False]
    assert backend.counters[QCUR] == 3
    assert backend.counters[QMAX] == 5


def test_a_full_queue_takes_nobody():
    backend, server = farm()
    server.maxqueue = 1
    first, second = Stream("first"), Stream("second")
    assert queue.enqueue(first, backend, server, 1)
    assert not queue.enqueue(second, backend, server, 2)
    assert second.queued_in is None


def test_a_position_counts_who_was_served_meanwhile_as_haproxy_does():
    backend, server = farm(maxconn=1)
    server.served = 1
    streams = [Stream(str(number)) for number in range(3)]
    for stream in streams:
        queue.enqueue(stream, backend, None, 1)
    for _ in range(3):
        server.served = 0
        assert queue.serve(server) == 1
    assert [stream.backend_queue for stream in streams] == [1, 2, 3]
    impatient = Stream("impatient")
    queue.enqueue(impatient, backend, server, 4)
    queue.leave(impatient)
    assert (impatient.server_queue, impatient.backend_queue) == (1, 0)


def test_who_waits_for_a_server_that_is_down_is_served_by_it_all_the_same():
    backend, server = farm()
    stream = Stream("bound")
    queue.enqueue(stream, backend, server, 1)
    server.operational = Operational.STOPPED
    server.weight_now = 0
    assert queue.serve(server) == 0
    assert stream.granted is server


def test_leaving_twice_is_harmless_and_a_draining_server_serves_only_its_own():
    backend, server = farm()
    own, common = Stream("own"), Stream("common")
    queue.enqueue(common, backend, None, 1)
    queue.enqueue(own, backend, server, 2)
    server.weight_now = 0
    queue.serve(server)
    assert own.granted is server
    assert common.granted is None
    queue.leave(own)
    queue.leave(common)
    queue.leave(common)
    assert not backend.queue


def test_those_who_wait_for_a_server_that_has_gone_go_elsewhere():
    backend, server = farm()
    streams = [Stream("a"), Stream("b")]
    for stream in streams:
        queue.enqueue(stream, backend, server, 1)
    assert queue.redistribute(server) == 2
    assert not server.queue
    assert all(stream.queued_in is None and stream.gone is server for stream in streams)
