"""The front side of a section."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.base.log_format_text import parse_log_format
from proxy.base.octets import octets_of
from proxy.build.fields import address_field, edits
from proxy.build.numbering import numbers
from proxy.build.pages import error_pages
from proxy.config.model import Bind, Global, ProxySection
from proxy.core.address_fields import in_force
from proxy.runtime.backend import Backend
from proxy.runtime.frontend import Frontend, Listener, UniqueId


def make_frontend(
    section: ProxySection, iid: int, settings: Global, process_maxconn: int, backends: Mapping[str, Backend]
) -> Frontend:
    """A frontend with its listeners, not yet bound."""
    frontend = Frontend(section.name, iid)
    frontend.kind = section.kind
    frontend.is_http = section.mode == "http"
    frontend.is_health = section.mode == "health"
    frontend.disabled = section.disabled
    frontend.description = section.description
    frontend.options = section.options
    frontend.backend = backends.get(section.default_backend) if section.default_backend else None
    if frontend.backend is None and section.is_backend:
        frontend.backend = backends[section.name]
    frontend.maxconn = section.maxconn or settings.proxy_maxconn or process_maxconn
    frontend.backlog = section.backlog or 0
    frontend.rate_limit_sessions = section.rate_limit_sessions
    frontend.connection_mode = section.connection_mode
    _set_timeouts(frontend, section)
    frontend.forwardfor, frontend.originalto = address_field(section.forwardfor), address_field(section.originalto)
    if frontend.backend is not None:
        # one backend, one policy: what both sides ask for is settled here, not for each request
        frontend.forwardfor = in_force(frontend.forwardfor, frontend.backend.forwardfor)
        frontend.originalto = in_force(frontend.originalto, frontend.backend.originalto)
    if not section.is_backend:
        frontend.request_fields = edits(section.request_fields)
        frontend.response_fields = edits(section.response_fields)
    frontend.capture_request_headers = _captures(section.capture_request_headers)
    frontend.capture_response_headers = _captures(section.capture_response_headers)
    if section.capture_cookie is not None:
        frontend.capture_cookie = (octets_of(section.capture_cookie[0]), section.capture_cookie[1])
    frontend.error_pages = error_pages(section.error_pages)
    frontend.monitor_uri = octets_of(section.monitor_uri)
    frontend.stats = section.stats
    if section.unique_id_format:
        items = parse_log_format(section.unique_id_format, http=frontend.is_http).items
        frontend.unique_id = UniqueId(items, octets_of(section.unique_id_header).lower())
    _set_options(frontend, section)
    lids = numbers([bind.listener_id for bind in section.binds], 1)
    frontend.listeners = [_listener(frontend, lid, bind) for lid, bind in zip(lids, section.binds, strict=True)]
    return frontend


def _set_timeouts(frontend: Frontend, section: ProxySection) -> None:
    timeouts = section.timeouts
    frontend.timeout_client_ms = timeouts.client or 0
    frontend.timeout_client_fin_ms = timeouts.client_fin or 0
    frontend.timeout_tunnel_ms = timeouts.tunnel or 0
    frontend.timeout_http_request_ms = timeouts.http_request or 0
    frontend.timeout_http_keep_alive_ms = timeouts.http_keep_alive or 0


def _set_options(frontend: Frontend, section: ProxySection) -> None:
    options = section.options
    frontend.logasap = "logasap" in options
    frontend.dontlognull = "dontlognull" in options
    frontend.dontlog_normal = "dontlog-normal" in options
    frontend.log_separate_errors = "log-separate-errors" in options
    frontend.tcpka = "clitcpka" in options or "tcpka" in options
    text = section.log_format or ""
    frontend.log_backend_source = "bi" in text or "bp" in text


def _captures(wanted: tuple[tuple[str, int], ...]) -> tuple[tuple[bytes, int], ...]:
    return tuple((octets_of(name).lower(), length) for name, length in wanted)


def _listener(frontend: Frontend, lid: int, bind: Bind) -> Listener:
    listener = Listener(frontend, lid, bind.address)
    listener.name = bind.name
    listener.bind = bind
    listener.accept_proxy = bind.accept_proxy
    listener.maxconn = bind.maxconn or 0
    listener.backlog = bind.backlog or 0
    return listener
