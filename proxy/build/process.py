"""A whole configuration becomes a process at rest."""

from __future__ import annotations

import os
import random
import resource
import socket
from collections.abc import Sequence

from proxy import __version__
from proxy.base.clock import Clock
from proxy.build.backends import make_backend
from proxy.build.findings import Findings, Warn, tell_nobody
from proxy.build.frontends import make_frontend
from proxy.build.logs import LogPlanner
from proxy.build.numbering import numbers
from proxy.config.model import Configuration, ProxySection
from proxy.core.balance import Farm
from proxy.runtime.backend import Backend
from proxy.runtime.board import Board, RowKey
from proxy.runtime.cells import LASTSESS_MS
from proxy.runtime.frontend import Frontend
from proxy.runtime.process import PROCESS_ROW, Process
from proxy.runtime.server import Server
from proxy.runtime.transitions import start_states

DESCRIPTORS_KEPT = 20           # standard streams, log sockets, the event loop's own


def build(configuration: Configuration, clock: Clock, warn: Warn = tell_nobody) -> Process:
    """Make the objects that run from a configuration that has passed its checks.

    Raises: StartError where the machine lacks what the configuration names: a resolvable server, a log host; all of them at once.
    """
    findings = Findings(warn)
    process = _process(configuration, clock)
    sections = configuration.proxies
    first = 1 + bool(configuration.global_.stats_sockets)
    iids = numbers([section.proxy_id for section in sections], first)
    rng = random.Random()
    for section, iid in zip(sections, iids, strict=True):
        if section.is_backend:
            process.backends.append(make_backend(section, iid, configuration.global_, rng.randrange, findings))
    by_name = {backend.name: backend for backend in process.backends}
    for section, iid in zip(sections, iids, strict=True):
        if section.is_frontend:
            process.frontends.append(make_frontend(section, iid, configuration.global_, process.maxconn, by_name))
    _plan_logs(process, configuration, findings)
    findings.end()
    _share_fullconn(process, sections)
    _follow_tracks(process, sections)
    _make_board(process)
    for backend in process.backends:
        backend.farm = Farm(backend)
    start_states(process.backends, process.start_monotonic_ms)
    return process


def _process(configuration: Configuration, clock: Clock) -> Process:
    settings = configuration.global_
    process = Process()
    process.settings = settings
    process.version = __version__
    process.pid = os.getpid()
    process.node = settings.node or socket.gethostname()
    process.description = settings.description
    process.bufsize, process.maxrewrite, process.http_maxhdr = settings.bufsize, settings.maxrewrite, settings.http_maxhdr
    process.hard_stop_after_ms = settings.hard_stop_after_ms
    process.start_wall_s = clock.wall_s()
    process.start_monotonic_ms = clock.monotonic_ms()
    process.maxconn = settings.maxconn or _maxconn_of_descriptors(configuration)
    return process


def _maxconn_of_descriptors(configuration: Configuration) -> int:
    """How many clients the descriptors allow for, two each, when nothing is configured.

    Source: HAProxy configuration manual, "maxconn" (global).
    """
    settings = configuration.global_
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = settings.ulimit_n or (hard if hard != resource.RLIM_INFINITY else soft)
    fixed = DESCRIPTORS_KEPT + sum(len(section.binds) for section in configuration.proxies)
    fixed += sum(line.check for section in configuration.proxies for line in section.servers)
    return max(1, (limit - fixed) // 2)


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


def row_key(thing: Frontend | Backend | Server) -> RowKey:
    """The board's name for the counters of a proxy's side or a server."""
    if isinstance(thing, Server):
        return RowKey("server", thing.backend.name, thing.name)
    return RowKey("frontend" if isinstance(thing, Frontend) else "backend", thing.name)


def _make_board(process: Process) -> None:
    keys = [PROCESS_ROW]
    for frontend in process.frontends:
        keys.append(row_key(frontend))
        keys.extend(RowKey("listener", frontend.name, str(listener.lid)) for listener in frontend.listeners)
    for backend in process.backends:
        keys.append(row_key(backend))
        keys.extend(map(row_key, backend.servers))
    process.board = board = Board(keys)
    process.counters = board.row(PROCESS_ROW)
    for frontend in process.frontends:
        frontend.counters = board.row(row_key(frontend))
        for listener in frontend.listeners:
            listener.counters = board.row(RowKey("listener", frontend.name, str(listener.lid)))
    for backend in process.backends:
        backend.counters = board.row(row_key(backend))
        backend.counters[LASTSESS_MS] = -1
        for server in backend.servers:
            server.counters = board.row(row_key(server))
            server.counters[LASTSESS_MS] = -1
