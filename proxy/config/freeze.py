"""Drafts that passed every check, into the frozen model."""

from __future__ import annotations

from typing import Any

from proxy.config.drafts import GlobalDraft, GlobalLog, ProxyDraft, ResolversDraft, ServerDraft
from proxy.config.keywords.http_check import completed
from proxy.config.load_options import LoadOptions
from proxy.config.model import CheckRule, Global, LogTarget, ProxySection, ResolversSection, ServerLine, Timeouts

DEFAULT_REQUEST = CheckRule("send")


def freeze_global(draft: GlobalDraft, options: LoadOptions) -> Global:
    """The global section, with what the command line says over it."""
    settings: dict[str, Any] = {name: value for name, value in draft.settings.items() if name != "default_path"}
    if options.maxconn is not None:
        settings["maxconn"] = options.maxconn
    if options.localpeer:
        settings["localpeer"] = options.localpeer
    if options.zero_warning:
        settings["zero_warning"] = True
    return Global(
        log_targets=tuple(draft.log_targets), stats_sockets=tuple(draft.stats_sockets), proxy_maxconn=options.proxy_maxconn,
        ignore_unresolved=options.ignore_unresolved, splicing_forbidden=options.splicing_forbidden, where=draft.where, **settings,
    )


def freeze_resolvers(draft: ResolversDraft) -> ResolversSection:
    """A resolvers section."""
    return ResolversSection(draft.name, tuple(draft.nameservers), where=draft.where, **draft.settings)


def log_targets(proxy: ProxyDraft, global_targets: tuple[LogTarget, ...]) -> tuple[LogTarget, ...]:
    """Where a proxy logs, `log global` replaced by the global targets."""
    targets: list[LogTarget] = []
    for target in proxy.logs:
        if isinstance(target, GlobalLog):
            targets.extend(global_targets)
        else:
            targets.append(target)
    return tuple(targets)


def check_rules(proxy: ProxyDraft) -> tuple[CheckRule, ...]:
    """The steps of an HTTP check in order.

    What a `send` leaves out comes from `option httpchk`; where there is no `send`, one is put in.
    """
    if proxy.check != "http":
        return ()
    request = proxy.check_request or DEFAULT_REQUEST
    steps = [completed(rule, request) if rule.kind == "send" else rule for rule in proxy.http_check_rules]
    if not any(rule.kind == "send" for rule in steps):
        steps.insert(1 if steps and steps[0].kind == "connect" else 0, request)
    if proxy.disable_on_404 is not None:
        steps.append(CheckRule("disable-on-404", where=proxy.disable_on_404))
    if proxy.send_state is not None:
        steps.append(CheckRule("send-state", where=proxy.send_state))
    return tuple(steps)


def tcp_check_port(proxy: ProxyDraft) -> int | None:
    """The port of the `tcp-check connect` in force, which goes before the servers' own."""
    if proxy.check == "tcp" and proxy.tcp_check_rules:
        return proxy.tcp_check_rules[0].port
    return None


def _server(server: ServerDraft, proxy: ProxyDraft, port: int | None) -> ServerLine:
    settings = server.settings
    line = ServerLine(server.name, server.address, where=server.where, **settings)
    changes: dict[str, Any] = {}
    if line.minconn > line.maxconn:
        changes["maxconn"] = line.minconn
    if port is not None and line.check:
        changes["check_port"] = port
    if proxy.check == "tcp" and proxy.tcp_check_rules:
        changes["check_connect"] = proxy.tcp_check_rules[0]
    return line._replace(**changes) if changes else line


def freeze_proxy(proxy: ProxyDraft, global_: Global) -> ProxySection:
    """One frontend, backend or listen section."""
    port = tcp_check_port(proxy)
    return ProxySection(
        kind=proxy.kind, name=proxy.name, where=proxy.where, options=frozenset(proxy.options),
        timeouts=Timeouts(**{name: value or None for name, value in proxy.timeouts.items()}),
        binds=tuple(proxy.binds), servers=tuple(_server(server, proxy, port) for server in proxy.servers),
        balance=proxy.balance, cookie=proxy.cookie, forwardfor=proxy.forwardfor, originalto=proxy.originalto,
        log_targets=log_targets(proxy, global_.log_targets), error_pages=tuple(proxy.error_pages.values()), stats=proxy.stats,
        use_services=tuple(proxy.use_services), httpchk=proxy.check == "http",
        check_service=proxy.check_service, check_rules=check_rules(proxy),
        capture_request_headers=tuple(proxy.capture_request_headers),
        capture_response_headers=tuple(proxy.capture_response_headers), request_fields=tuple(proxy.request_fields),
        response_fields=tuple(proxy.response_fields), **proxy.settings,
    )
