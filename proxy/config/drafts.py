"""The model while it is being read: the same names as in `proxy.config.model`, still mutable.

A defaults section is a draft of its own; a proxy starts as a copy of it (`proxy.config.defaults`). `freeze` turns drafts
into the model once every check has passed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from proxy.base.addresses import Address
from proxy.base.errors import NOWHERE, Where
from proxy.config.model import (
    AddressField,
    BalanceSettings,
    Bind,
    CheckRule,
    CookieSettings,
    ErrorPage,
    LogTarget,
    Nameserver,
    ServiceCheck,
    StatsSettings,
    StatsSocket,
    UseService,
)


class GlobalLog(NamedTuple):
    """`log global`: the place of the global targets in a proxy's list."""

    where: Where = NOWHERE


@dataclass(slots=True, eq=False)
class GlobalDraft:
    """`settings` are fields of `Global` by name; what grows line by line has a field of its own."""

    settings: dict[str, Any] = field(default_factory=dict)
    set_at: dict[str, Where] = field(default_factory=dict)
    log_targets: list[LogTarget] = field(default_factory=list)
    stats_sockets: list[StatsSocket] = field(default_factory=list)
    unix_bind: dict[str, Any] = field(default_factory=dict)
    where: Where = NOWHERE


@dataclass(slots=True, eq=False)
class ResolversDraft:
    """A `resolvers` section; `settings` are fields of `ResolversSection` by name."""

    name: str
    where: Where
    settings: dict[str, Any] = field(default_factory=dict)
    nameservers: list[Nameserver] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class ServerDraft:
    """One `server` line; `settings` are fields of `ServerLine` by name, `set_at` where its words stand."""

    name: str
    address: Address
    where: Where
    settings: dict[str, Any]


@dataclass(slots=True, eq=False)
class ProxyDraft:
    """A defaults, frontend, backend or listen section. Fields without a comment are those of `ProxySection`."""

    kind: str
    name: str
    where: Where
    settings: dict[str, Any] = field(default_factory=dict)      # plain values of ProxySection by field name
    set_at: dict[str, Where] = field(default_factory=dict)      # where a setting was written, for the cross-checks
    options: set[str] = field(default_factory=set)
    timeouts: dict[str, int] = field(default_factory=dict)
    binds: list[Bind] = field(default_factory=list)
    servers: list[ServerDraft] = field(default_factory=list)
    default_server: dict[str, Any] = field(default_factory=dict)
    balance: BalanceSettings = field(default_factory=BalanceSettings)
    cookie: CookieSettings | None = None
    forwardfor: AddressField | None = None
    originalto: AddressField | None = None
    logs: list[LogTarget | GlobalLog] = field(default_factory=list)
    stats: StatsSettings | None = None
    stats_inherited: bool = False                               # `stats` is still the defaults section's own
    stats_lost: StatsSettings | None = None                     # what was inherited before `stats` began anew
    error_pages: dict[int, ErrorPage] = field(default_factory=dict)
    use_services: list[UseService] = field(default_factory=list)
    check: str = ""                                             # what `option …chk` asked for: "", "http", "tcp", "mysql", …
    check_service: ServiceCheck | None = None
    check_request: CheckRule | None = None                      # the request of `option httpchk`
    http_check_rules: list[CheckRule] = field(default_factory=list)
    tcp_check_rules: list[CheckRule] = field(default_factory=list)
    disable_on_404: Where | None = None
    send_state: Where | None = None
    capture_request_headers: list[tuple[str, int]] = field(default_factory=list)
    capture_response_headers: list[tuple[str, int]] = field(default_factory=list)
    request_fields: list[tuple[str, str, str]] = field(default_factory=list)
    response_fields: list[tuple[str, str, str]] = field(default_factory=list)
    backend_rule: tuple[str, Where] | None = None               # an unconditional `use_backend`

    @property
    def is_frontend(self) -> bool:
        return self.kind in ("frontend", "listen")

    @property
    def is_backend(self) -> bool:
        return self.kind in ("backend", "listen")

    @property
    def mode(self) -> str:
        mode: str = self.settings.get("mode", "tcp")
        return mode

    @property
    def title(self) -> str:
        """How HAProxy names it in messages: a listen section is a "proxy"."""
        return f"{'proxy' if self.kind == 'listen' else self.kind} '{self.name}'"

    def put(self, name: str, value: Any, where: Where) -> None:
        """Set a plain field and remember where."""
        self.settings[name] = value
        self.set_at[name] = where
