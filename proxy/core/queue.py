"""Streams that wait for a connection slot: one queue per server, one per backend, the oldest first.

A stream that is bound to a server (by a cookie, or by hashing) waits in that server's queue, any other in its backend's.
"""

from __future__ import annotations

from proxy.runtime.backend import Backend
from proxy.runtime.cells import QCUR, QMAX
from proxy.runtime.server import Server
from proxy.runtime.waiter import Waiter


def enqueue(stream: Waiter, backend: Backend, server: Server | None, now_ms: int) -> bool:
    """Put a stream in line; False when the server's queue is full (`maxqueue`)."""
    if server is not None and server.maxqueue and len(server.queue) >= server.maxqueue:
        return False
    place: Server | Backend = backend if server is None else server
    stream.queued_in, stream.queued_at_ms, stream.queue_mark = place, now_ms, place.dequeued
    place.queue[stream] = None
    _count(place)
    return True


def leave(stream: Waiter) -> None:
    """Take a stream out of line: granted, timed out or gone. Its positions are how many were served in its time, it included."""
    place = stream.queued_in
    if place is None:
        return
    stream.queued_in = None
    position = place.dequeued - stream.queue_mark + 1
    if isinstance(place, Server):
        stream.server_queue += position
    else:
        stream.backend_queue += position
    del place.queue[stream]
    _count(place)


def _count(place: Server | Backend) -> None:
    length = len(place.queue)
    row = place.counters
    row[QCUR] = length
    if length > row[QMAX]:
        row[QMAX] = length


def serve(server: Server) -> int:
    """Give the free slots of a server to those who have waited longest for it; gives how many came from its backend's queue.

    Who waits for this very server is served even while it is down: without `option redispatch` nobody else may do it.
    """
    backend, taken = server.backend, 0
    while server.queue or backend.queue:
        if server.maxconn and server.served >= server.dynamic_maxconn():
            break
        own = next(iter(server.queue), None)
        common = next(iter(backend.queue), None) if server.is_usable else None
        stream = own if common is None or (own is not None and own.queued_at_ms <= common.queued_at_ms) else common
        if stream is None:
            break
        taken += stream is common
        place = stream.queued_in
        leave(stream)
        place.dequeued += 1
        stream.slot_granted(server)
    return taken


def redistribute(server: Server) -> int:
    """Send those who wait for a server that has gone to others; gives how many they were."""
    streams = list(server.queue)
    for stream in streams:
        leave(stream)
    for stream in streams:
        stream.server_gone(server)
    return len(streams)
