"""Streams that wait for a connection slot: one queue per server, one per backend, the oldest first.

A stream that is bound to a server (by a cookie, or by hashing) waits in that server's queue, any other in its backend's.
"""

from __future__ import annotations

from proxy.runtime.backend import Backend
from proxy.runtime.cells import QCUR, QMAX
from proxy.runtime.server import Server, Waiter


def enqueue(stream: Waiter, backend: Backend, server: Server | None, now_ms: int) -> bool:
    """Put a stream in line; False when the server's queue is full (`maxqueue`)."""
    if server is not None:
        if server.maxqueue and len(server.queue) >= server.maxqueue:
            return False
        stream.server_queue = len(server.queue)
    else:
        stream.backend_queue = len(backend.queue)
    place: Server | Backend = backend if server is None else server
    stream.queued_in, stream.queued_at_ms = place, now_ms
    place.queue[stream] = None
    _count(place)
    return True


def leave(stream: Waiter) -> None:
    """Take a stream out of line: granted, timed out or gone."""
    place = stream.queued_in
    if place is not None:
        stream.queued_in = None
        del place.queue[stream]
        _count(place)


def _count(place: Server | Backend) -> None:
    length = len(place.queue)
    row = place.counters
    row[QCUR] = length
    if length > row[QMAX]:
        row[QMAX] = length


def serve(server: Server) -> None:
    """Give the free slots of a server to those who have waited longest for it."""
    backend = server.backend
    while server.queue or backend.queue:
        if not server.is_up or (server.maxconn and server.served >= server.dynamic_maxconn()):
            return
        own = next(iter(server.queue), None)
        common = next(iter(backend.queue), None) if server.is_usable else None
        stream = own if common is None or (own is not None and own.queued_at_ms <= common.queued_at_ms) else common
        if stream is None:
            return
        leave(stream)
        stream.slot_granted(server)


def evict(server: Server) -> list[Waiter]:
    """Empty the queue of a server that has gone; the caller has them assigned anew."""
    streams = list(server.queue)
    for stream in streams:
        leave(stream)
    return streams
