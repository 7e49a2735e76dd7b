"""The statistics as a service of a frontend: page, CSV, JSON, typed output and admin form under one URI.

Each document is an iterator that reads and renders some rows at a time, so that a long one never holds the event loop.
Source: HAProxy configuration manual, "stats uri" and the other "stats" keywords.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from proxy.base.clock import Clock
from proxy.runtime.backend import Backend
from proxy.runtime.process import Process
from proxy.runtime.service import ServiceRequest, ServiceResponse
from proxy.stats.admin_form import DENIED, ServerActions, answer_form
from proxy.stats.auth import UNAUTHORIZED_BODY, BasicUsers
from proxy.stats.csv_output import csv_chunks
from proxy.stats.info import LoadMeter
from proxy.stats.json_output import SCHEMA, json_chunks
from proxy.stats.page.live import live_chunks
from proxy.stats.page.page import PAGE_FIELDS, PageRequest, page_chunks
from proxy.stats.request_options import RequestOptions, parse_options, path_of
from proxy.stats.snapshot import Row, Selection, batches
from proxy.stats.typed_output import typed_chunks

_METHODS = frozenset((b"GET", b"HEAD", b"POST"))
_ALWAYS = ((b"cache-control", b"no-cache"), (b"x-content-type-options", b"nosniff"))
_TYPES = {
    "html": b"text/html", "csv": b"text/plain", "typed": b"text/plain", "json": b"application/json",
    "json-schema": b"application/json", "live": b"application/json",
}


class StatsSettings(Protocol):
    """The `stats` lines of one proxy, as `proxy.config.model.StatsSettings` has them."""

    @property
    def uri(self) -> str: ...
    @property
    def realm(self) -> str: ...
    @property
    def users(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def refresh_s(self) -> int: ...
    @property
    def hide_version(self) -> bool: ...
    @property
    def show_legends(self) -> bool: ...
    @property
    def show_modules(self) -> bool: ...
    @property
    def show_node(self) -> str | None: ...
    @property
    def show_desc(self) -> str | None: ...
    @property
    def scopes(self) -> tuple[str, ...]: ...
    @property
    def admin_if(self) -> str: ...


class StatsService:
    """Answers what comes to `stats uri`.

    `proxy_name` is the proxy that has the `stats` lines, which `stats scope .` stands for. Without `actions` nobody may
    administrate, whatever `stats admin` says.
    """

    __slots__ = ("_actions", "_clock", "_meter", "_process", "_proxy_name", "_scopes", "_settings", "_uri", "_users", "name")

    def __init__(
        self, process: Process, settings: StatsSettings, clock: Clock, actions: ServerActions | None = None, proxy_name: str = "",
        meter: LoadMeter | None = None,
    ) -> None:
        self.name = "<STATS>"
        self._process = process
        self._settings = settings
        self._clock = clock
        self._actions = actions
        self._proxy_name = proxy_name
        self._meter = meter or LoadMeter()
        self._uri = settings.uri.encode("utf-8", "surrogateescape")
        self._users = BasicUsers(settings.users, settings.realm)
        self._scopes = frozenset(proxy_name if scope == "." else scope for scope in settings.scopes)

    def matches(self, method: bytes, target: bytes) -> bool:
        """Whether a request is for the statistics: its path begins with the URI, and it is GET, HEAD or POST."""
        return method in _METHODS and path_of(target).startswith(self._uri)

    def respond(self, request: ServiceRequest) -> ServiceResponse:
        """The answer to a request that matched."""
        if not self._users.allows(request.field(b"authorization")):
            challenge = (b"www-authenticate", self._users.challenge)
            return ServiceResponse(401, (*_ALWAYS, (b"content-type", b"text/html"), challenge), UNAUTHORIZED_BODY)
        options = parse_options(path_of(request.target)[len(self._uri) :])
        if request.method == b"POST":
            return self._redirect(request, options)
        fields = [*_ALWAYS, (b"content-type", _TYPES[options.format])]
        if self._settings.refresh_s and not options.norefresh and options.format != "live":
            fields.append((b"refresh", b"%d" % self._settings.refresh_s))
        if options.format == "html":
            fields.extend(PAGE_FIELDS)
        return ServiceResponse(200, tuple(fields), self._body(request, options))

    def _redirect(self, request: ServiceRequest, options: RequestOptions) -> ServiceResponse:
        if self._actions is None or not self.may_administrate(request.client_address):
            code = DENIED
        else:
            code = answer_form(self._process, request, self._actions, self._in_scope)
        location = f"{self._settings.uri}{options.suffix(lead=f';st={code}')}".encode("utf-8", "surrogateescape")
        return ServiceResponse(303, (*_ALWAYS, (b"content-type", b"text/plain"), (b"location", location)), b"")

    def may_administrate(self, client_address: str) -> bool:
        """Whether `stats admin if …` lets that client change the state of servers."""
        if self._settings.admin_if == "LOCALHOST":
            return client_address.startswith("127.") or client_address in ("::1", "::ffff:127.0.0.1")
        return self._settings.admin_if == "TRUE"

    def _in_scope(self, backend: Backend) -> bool:
        return not self._scopes or backend.name in self._scopes

    def _body(self, request: ServiceRequest, options: RequestOptions) -> bytes | Iterator[bytes]:
        if options.format == "json-schema":
            return SCHEMA
        selection = Selection(
            scopes=self._scopes, text=options.scope, hide_down=options.up, hide_maint=options.no_maint,
            legends=self._settings.show_legends,
        )
        now_ms = self._clock.monotonic_ms()
        render = _DOCUMENTS.get(options.format)
        if render is not None:
            return render(batches(self._process, now_ms, selection))
        page = PageRequest(
            process=self._process, settings=self._settings, options=options, selection=selection, now_ms=now_ms,
            meter=self._meter,
            admin=self._actions is not None and self.may_administrate(request.client_address),
        )
        return live_chunks(page) if options.format == "live" else page_chunks(page)


_DOCUMENTS: dict[str, Callable[[Iterator[list[Row]]], Iterator[bytes]]] = {
    "csv": csv_chunks, "typed": typed_chunks, "json": json_chunks,
}
