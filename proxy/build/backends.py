"""The back side of a section, and its servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy.base.addresses import Family
from proxy.base.octets import octets_of
from proxy.build.checks import check_plan
from proxy.build.fields import address_field, edits
from proxy.build.findings import Findings
from proxy.build.numbering import places
from proxy.build.pages import error_pages
from proxy.build.resolving import FAMILY_OF, initial_address, required, title
from proxy.config.model import BalanceSettings, CookieSettings, Global, ProxySection, ServerLine
from proxy.core.balance import make_balancer
from proxy.core.cookies import CookiePolicy
from proxy.runtime.backend import Backend
from proxy.runtime.server import Server
from proxy.runtime.turn import Turn

INIT_ADDR_DEFAULT = ("last", "libc")
CONNECTION_FAILURE = "conn-failure"
LOSSES = frozenset((CONNECTION_FAILURE, "empty-response", "response-timeout"))


def make_backend(
    section: ProxySection, iid: int, settings: Global, turn: Turn, randrange: Callable[[int], int], findings: Findings
) -> Backend:
    """A backend with its servers, their checks planned; states, queues and counters are still empty.

    `findings` gets what does not resolve.
    """
    backend = Backend(section.name, iid)
    backend.kind = section.kind
    backend.is_http = section.mode == "http"
    backend.disabled = section.disabled
    backend.description = section.description
    backend.options = section.options
    _set_options(backend, section)
    _set_timeouts(backend, section)
    backend.retries = section.retries
    backend.retry_on = frozenset(section.retry_on)
    backend.retries_l7 = bool(backend.retry_on - {CONNECTION_FAILURE, "none"})
    backend.redispatch_after = section.redispatch_after or 0
    backend.http_reuse = _reuse(section)
    backend.prefer_last = "prefer-last-server" in section.options
    backend.connection_mode = section.connection_mode
    backend.forwardfor = address_field(section.forwardfor)
    backend.originalto = address_field(section.originalto)
    backend.request_fields = edits(section.request_fields)
    backend.response_fields = edits(section.response_fields)
    backend.error_pages = error_pages(section.error_pages)
    backend.stats = section.stats
    backend.turn = turn
    backend.balancer = _balancer(section.balance, turn, randrange)
    backend.cookie = _cookie(section.cookie) if backend.is_http else None
    sids = places([line.server_id for line in section.servers])
    for index, (line, sid) in enumerate(zip(section.servers, sids, strict=True)):
        backend.servers.append(_server(backend, section, line, sid, index, settings, findings))
    return backend


def _reuse(section: ProxySection) -> str:
    """The strategy of `http-reuse`; first requests may go to idle connections where whatever loses them there is retried."""
    if section.http_reuse != "never" and LOSSES.issubset(section.retry_on):
        return "always"
    return section.http_reuse


def _set_options(backend: Backend, section: ProxySection) -> None:
    options = section.options
    backend.backup_all = "allbackups" in options
    backend.persist = "persist" in options
    backend.abortonclose = "abortonclose" in options
    backend.pretend_keepalive = "http-pretend-keepalive" in options
    backend.tcpka = "srvtcpka" in options or "tcpka" in options
    backend.log_health_checks = "log-health-checks" in options


def _set_timeouts(backend: Backend, section: ProxySection) -> None:
    timeouts = section.timeouts
    backend.timeout_connect_ms = timeouts.connect or 0
    backend.timeout_server_ms = timeouts.server or 0
    backend.timeout_http_request_ms = timeouts.http_request or 0
    backend.timeout_queue_ms = timeouts.queue or 0
    backend.timeout_tunnel_ms = timeouts.tunnel or 0
    backend.timeout_server_fin_ms = timeouts.server_fin or 0
    backend.check_timeout_ms = timeouts.check or 0


def _balancer(settings: BalanceSettings, turn: Turn, randrange: Callable[[int], int]) -> Any:
    return make_balancer(
        settings.algorithm,
        argument=settings.argument,
        hash_type=settings.hash_type,
        hash_function=settings.hash_function,
        hash_modifier=settings.hash_modifier,
        hash_balance_factor=settings.hash_balance_factor,
        uri_len=settings.uri_len,
        uri_depth=settings.uri_depth,
        uri_whole=settings.uri_whole,
        uri_path_only=settings.uri_path_only,
        check_post=settings.check_post,
        hdr_use_domain_only=settings.hdr_use_domain_only,
        random=randrange,
        turn=turn,
    )


def _cookie(settings: CookieSettings | None) -> CookiePolicy | None:
    if settings is None:
        return None
    return CookiePolicy(
        settings.name,
        settings.mode,
        indirect=settings.indirect,
        nocache=settings.nocache,
        postonly=settings.postonly,
        preserve=settings.preserve,
        httponly=settings.httponly,
        secure=settings.secure,
        domains=settings.domains,
        maxidle_s=settings.maxidle_s,
        maxlife_s=settings.maxlife_s,
        attrs=settings.attrs,
    )


def _server(
    backend: Backend, section: ProxySection, line: ServerLine, sid: int, index: int, settings: Global, findings: Findings
) -> Server:
    server = Server(backend, line.name, sid, line.address)
    server.index = index
    server.cookie = octets_of(line.cookie)
    server.is_backup = line.backup
    server.disabled = line.disabled
    server.maxconn, server.minconn, server.maxqueue = line.maxconn, line.minconn, line.maxqueue
    server.slowstart_ms = line.slowstart_ms
    server.send_proxy = line.send_proxy
    server.configured_weight = server.user_weight = line.weight
    server.rise, server.fall = line.rise, line.fall
    server.health = line.rise + line.fall - 1
    server.observe, server.error_limit, server.on_error = line.observe, line.error_limit, line.on_error
    server.on_marked_down, server.on_marked_up = line.on_marked_down, line.on_marked_up
    server.pool_max_conn, server.pool_low_conn = line.pool_max_conn, line.pool_low_conn
    server.pool_purge_delay_ms = line.pool_purge_delay_ms
    server.max_reuse = line.max_reuse
    if line.address.port_offset:
        server.port_offset = line.address.port
    server.per_client = bool(line.send_proxy) or line.address.port_offset
    _place(server, line, settings, findings)
    source = line.source or section.source
    if source is not None:
        if source.family is Family.NAME and source.only is None and server.socket_family in FAMILY_OF:
            source = source._replace(only=FAMILY_OF[server.socket_family])
        server.source = required(source, line, backend.name, f"'source {source.host}'", findings)[1]
    server.check = check_plan(section, line, server, findings)
    return server


def _place(server: Server, line: ServerLine, settings: Global, findings: Findings) -> None:
    """Where the server is: an address now, or none yet, which starts it in maintenance (resolution).

    HAProxy refuses to start for a name that does not resolve, unless told otherwise; here that takes an `init-addr` that was
    written without `none`.
    """
    start = initial_address(line.address, line.init_addr)
    if start.found is not None:
        server.socket_family, server.sockaddr = start.found
    else:
        server.resolve_error = start.unresolved or "no method of init-addr gives an address"
    if not start.unresolved:
        return
    told = f"{title(line, server.backend.name)} : could not resolve address '{line.address.host}'"
    if start.found is not None:
        findings.warning(f"{told}, falling back to configured address.", start.unresolved)
    elif start.may_be_without or settings.ignore_unresolved or line.init_addr == INIT_ADDR_DEFAULT:
        findings.warning(
            f"{told}, disabling server.",
            f"{start.unresolved}: it stays in maintenance (resolution) until the name resolves; correct it, or see 'init-addr'",
        )
    else:
        findings.fault(
            line.where, f"{told}.",
            f"{start.unresolved}: write an IP address, fix the name, or let the server start without an address: "
            "init-addr last,libc,none",
        )
