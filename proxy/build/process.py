"""A whole configuration becomes a process at rest."""

from __future__ import annotations

import mmap
import os
import random
import resource
import socket
from collections.abc import Sequence

from proxy import __version__
from proxy.base.clock import Clock
from proxy.base.errors import StartError
from proxy.build.backends import make_backend
from proxy.build.findings import Findings, Warn, tell_nobody
from proxy.build.frontends import make_frontend
from proxy.build.logs import LogPlanner
from proxy.build.numbering import numbers
from proxy.build.resolvers import named_servers, resolver_plans
from proxy.config.model import Configuration, ProxySection
from proxy.core.balance import Farm
from proxy.runtime.backend import Backend
from proxy.runtime.board import Board
from proxy.runtime.cells import LASTSESS_MS
from proxy.runtime.process import MASTER_COLUMN, Process, row_key
from proxy.runtime.server import Server
from proxy.runtime.transitions import start_states
from proxy.runtime.turn import Turn, shared_turns

NEVER_MS = -1
DESCRIPTORS_KEPT = 20           # standard streams, log sockets, the event loop's own


def build(
    configuration: Configuration, clock: Clock, warn: Warn = tell_nobody, workers: int = 1, has_successors: bool = False
) -> Process:
    """Make the objects that run from a configuration that has passed its checks, in one process or for several workers.

    With `has_successors` the board's memory can be given to the process that takes over.
    Raises: StartError where the machine lacks what the configuration names: a resolvable server, a log host; all of them at once.
    """
    findings = Findings(warn)
    process = _process(configuration, clock, workers)
    sections = configuration.proxies
    first = 1 + bool(configuration.global_.stats_sockets)
    iids = numbers([section.proxy_id for section in sections], first)
    process.requests, process.traces, *turns = _turns(workers, 2 + sum(section.is_backend for section in sections))
    own_turns = iter(turns)
    for section, iid in zip(sections, iids, strict=True):
        if section.is_backend:      # the module's own randrange: it begins anew in a process that is forked
            backend = make_backend(section, iid, configuration.global_, next(own_turns), random.randrange, findings)
            process.backends.append(backend)
    by_name = {backend.name: backend for backend in process.backends}
    for section, iid in zip(sections, iids, strict=True):
        if section.is_frontend:
            process.frontends.append(make_frontend(section, iid, configuration.global_, process.maxconn, by_name))
    plans = resolver_plans(configuration.resolvers, findings)
    process.named_servers = list(named_servers(sections, by_name, plans))
    _plan_logs(process, configuration, findings)
    findings.end()
    _share_fullconn(process, sections)
    _follow_tracks(process, sections)
    _make_board(process, workers, has_successors)
    for backend in process.backends:
        backend.farm = Farm(backend)
    start_states(process.backends, process.start_monotonic_ms)
    return process


def _process(configuration: Configuration, clock: Clock, workers: int) -> Process:
    settings = configuration.global_
    process = Process()
    process.settings = settings
    process.version = __version__
    process.pid = os.getpid()
    process.node = settings.node or socket.gethostname()
    process.description = settings.description
    process.bufsize, process.maxrewrite, process.http_maxhdr = settings.bufsize, settings.maxrewrite, settings.http_maxhdr
    process.may_splice = not (settings.nosplice or settings.splicing_forbidden)
    process.hard_stop_after_ms = settings.hard_stop_after_ms
    process.start_wall_s = clock.wall_s()
    process.start_monotonic_ms = clock.monotonic_ms()
    process.nbthread = workers
    process.maxconn = process.hard_maxconn = settings.maxconn or _maxconn_of_descriptors(configuration, workers)
    return process


def _maxconn_of_descriptors(configuration: Configuration, workers: int) -> int:
    """How many clients the descriptors allow for, two each, when nothing is configured.

    Source: HAProxy configuration manual, "maxconn" (global).
    """
    settings = configuration.global_
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = settings.ulimit_n or (hard if hard != resource.RLIM_INFINITY else soft)
    sections = configuration.proxies
    listeners = sum(len(section.binds) for section in sections)
    checks = sum(line.check for section in sections for line in section.servers)
    fixed = descriptors_besides(workers, listeners, checks, sum(section.is_backend for section in sections))
    return max(1, (limit - fixed) // 2)


def descriptors_besides(workers: int, listeners: int, checks: int, backends: int) -> int:
    """How many descriptors a process has besides its clients' and servers', at the most.

    The master of several workers has the listeners of all of them; a worker has the turns of each backend, and everybody's bells.
    """
    if workers > 1:
        listeners = listeners * workers + backends + 2 + 2 * workers
    return DESCRIPTORS_KEPT + listeners + checks


def _turns(workers: int, count: int) -> list[Turn]:
    """What counts turns, for one process or for all workers together.

    Raises: StartError where the system can not share them among workers.
    """
    if workers == 1:
        return [Turn() for _ in range(count)]
    try:
        return shared_turns(count)
    except OSError as error:
        raise StartError(
            "workers", f"cannot share the count of turns among workers: {error.strerror}",
            "one worker needs none of it: nbthread 1"
        ) from None


def _plan_logs(process: Process, configuration: Configuration, findings: Findings) -> None:
    """Give every log its plan; the engine makes them live."""
    settings = configuration.global_
    planner = LogPlanner(settings, findings, ignore_resolution=settings.ignore_unresolved)
    process.log = planner.for_process()
    fronts = iter(process.frontends)
    backs = iter(process.backends)
    for section in configuration.proxies:
        plan = planner.for_proxy(section)
        if section.is_frontend:
            next(fronts).log = plan
        if section.is_backend:
            next(backs).log = plan


def _share_fullconn(process: Process, sections: Sequence[ProxySection]) -> None:
    """A backend without `fullconn` is full at a tenth of what its frontends may bring it."""
    configured = {section.name: section.fullconn for section in sections if section.is_backend}
    for backend in process.backends:
        asked = configured[backend.name]
        reaching = [frontend.maxconn for frontend in process.frontends if frontend.backend is backend]
        backend.fullconn = asked or (sum(reaching) + 9) // 10 or 1


def _follow_tracks(process: Process, sections: Sequence[ProxySection]) -> None:
    for section in sections:
        for line in section.servers if section.is_backend else ():
            if line.track:
                backend_name, _, server_name = line.track.rpartition("/")
                follower = process.server(section.name, line.name)
                followed = process.server(backend_name or section.name, server_name)
                if follower is None or followed is None:
                    raise AssertionError("the configuration's checks let an unknown tracked server pass")
                follower.track = followed
                followed.tracked_by.append(follower)


def _make_board(process: Process, workers: int, has_successors: bool) -> None:
    """Private memory for one embedded process; otherwise a mapping of a nameless file, made before workers are forked."""
    keys = list(map(row_key, process.counted()))
    columns = 1 if workers == 1 else workers + 1
    octets = Board.octets_needed(len(keys), columns)
    if workers == 1 and not has_successors:
        process.board = board = Board(keys)
    else:
        fd = _nameless_file(octets)
        process.board = board = Board(keys, columns, mmap.mmap(fd, octets))
        board.fd = fd
    for thing in process.counted():
        if isinstance(thing, Backend | Server):
            for row in board.rows(row_key(thing)):
                row[LASTSESS_MS] = NEVER_MS
    process.take_column(MASTER_COLUMN)


def _nameless_file(octets: int) -> int:
    """Raises: StartError where the system has no memory or no descriptor for it."""
    fd = -1
    try:
        fd = os.memfd_create("board", os.MFD_CLOEXEC)
        os.ftruncate(fd, octets)
    except OSError as error:
        if fd >= 0:
            os.close(fd)
        raise StartError("board", f"cannot make the board of counters: {error.strerror}", "see the system's limits") from None
    return fd
