"""Streams that wait for a connection slot: one queue per server, one per backend, the oldest first.

A stream that is bound to a server (by a cookie, or by hashing) waits in that server's queue, any other in its backend's.

Each worker has queues of its own, and each shows on the board when the oldest in line came. A slot that comes free goes to
whoever is oldest anywhere: a worker in which that one waits is called, and nobody else takes the slot meanwhile, not even a
stream that has just come (`Server.is_full`).

    slot free, state changed ──▶ serve: oldest here ──▶ it gets the slot
                                        oldest elsewhere ──▶ call that worker ──▶ serve there

A call may come to nothing: the stream has just left, the worker is being killed, a stream got in line in the very moment in which
the slot came free. So whoever has streams in line looks by itself every `LOOK_AGAIN_MS`, and takes what is then still free.
"""

from __future__ import annotations

from typing import Protocol

from proxy.runtime.backend import Backend
from proxy.runtime.cells import DEQUEUED, QCUR, QMAX, QUEUE_HEAD_MS
from proxy.runtime.server import Server
from proxy.runtime.waiter import Waiter

LOOK_AGAIN_MS = 20


class Neighbours(Protocol):
    """The other workers, seen from the queues of the worker that has this `number`, from 1 on."""

    number: int

    def call(self, number: int) -> None:
        """Have a worker look at its queues."""

    def waits(self, backend: Backend) -> None:
        """A stream of this worker waits in that backend: look again and again until it does not."""


def enqueue(stream: Waiter, backend: Backend, server: Server | None, now_ms: int) -> bool:
    """Put a stream in line; False when the server's queue is full (`maxqueue`)."""
    if server is not None and server.maxqueue and server.queued_by_all() >= server.maxqueue:
        return False
    place: Server | Backend = backend if server is None else server
    stream.queued_in, stream.queued_at_ms, stream.queue_mark = place, now_ms, _dequeued(place)
    place.queue[stream] = None
    _show(place)
    if backend.neighbours is not None:
        backend.neighbours.waits(backend)
    return True


def leave(stream: Waiter) -> None:
    """Take a stream out of line: granted, timed out or gone. Its positions are how many were served in its time, it included."""
    place = stream.queued_in
    if place is None:
        return
    stream.queued_in = None
    position = _dequeued(place) - stream.queue_mark + 1
    if isinstance(place, Server):
        stream.server_queue += position
    else:
        stream.backend_queue += position
    del place.queue[stream]
    _show(place)


def _dequeued(place: Server | Backend) -> int:
    """How many were served from the queue so far, by whichever worker."""
    return place.by_all(DEQUEUED)


def _show(place: Server | Backend) -> None:
    """Tell the board of a queue that has changed."""
    length = len(place.queue)
    place.counters[QUEUE_HEAD_MS] = max(1, next(iter(place.queue)).queued_at_ms) if length else 0
    place.grow(QCUR, QMAX, length)


def serve(server: Server, yields: bool = True) -> int:
    """Give the free slots of a server to those who have waited longest for it; gives how many came from its backend's queue.

    Who waits for this very server is served even while it is down: without `option redispatch` nobody else may do it. Unless it
    `yields`, older streams in other workers do not count.
    """
    backend, taken = server.backend, 0
    neighbours = backend.neighbours
    while server.queue or backend.queue or neighbours is not None:
        if server.maxconn and server.served_by_all() >= server.dynamic_maxconn():
            break
        own = next(iter(server.queue), None)
        common = next(iter(backend.queue), None) if server.is_usable else None
        stream = own if common is None or (own is not None and own.queued_at_ms <= common.queued_at_ms) else common
        if neighbours is not None and yields and _an_older_is_called(server, stream, neighbours):
            break
        if stream is None:
            break
        taken += stream is common
        place = stream.queued_in
        leave(stream)
        place.counters[DEQUEUED] += 1
        stream.slot_granted(server)
    return taken


def _an_older_is_called(server: Server, stream: Waiter | None, neighbours: Neighbours) -> bool:
    """Call the worker that has the oldest stream for this server, unless that is here; of two of one millisecond the lower one's.
    """
    own = neighbours.number
    oldest = (max(1, stream.queued_at_ms), own) if stream is not None else None
    for place in (server, server.backend) if server.is_usable else (server,):
        for number in range(1, place.workers + 1):
            came_ms = place.by(number, QUEUE_HEAD_MS) if number != own else 0
            if came_ms and (oldest is None or (came_ms, number) < oldest):
                oldest = (came_ms, number)
    if oldest is None or oldest[1] == own:
        return False
    neighbours.call(oldest[1])
    return True


def serve_waiting(backend: Backend, yields: bool) -> bool:
    """Look at every queue of a backend in which streams of this worker wait; False when there is none."""
    for server in backend.servers:
        if server.queue or (backend.queue and server.is_usable):
            serve(server, yields)
    return bool(backend.queue) or any(server.queue for server in backend.servers)


def redistribute(server: Server) -> int:
    """Send those who wait for a server that has gone to others; gives how many they were."""
    streams = list(server.queue)
    for stream in streams:
        leave(stream)
    for stream in streams:
        stream.server_gone(server)
    return len(streams)
