"""Cross-checks: what can only be judged once the whole configuration is read. Texts and order are HAProxy's.

`check_all` works on the drafts and settles what HAProxy settles at this point too: an HTTP log format in TCP mode becomes the
TCP one, a hash over the request becomes round robin, an unconditional `use_backend` becomes the default backend.
"""

from __future__ import annotations

from proxy.base.errors import Where
from proxy.base.log_format_text import TCPLOG, LogFormatError, parse_log_format
from proxy.config.checks_mode import check_mode
from proxy.config.checks_servers import check_servers, check_tracking
from proxy.config.diagnostics import Diagnostics
from proxy.config.drafts import ProxyDraft
from proxy.config.freeze import log_targets
from proxy.config.sections import Drafts
from proxy.config.suggest import did_you_mean

_TIMEOUTS = """missing timeouts for {title}.
   | While not properly invalid, you will certainly encounter various problems
   | with such a configuration. To fix this, please ensure that all following
   | timeouts are set to a non-zero value: 'client', 'connect', 'server'."""


def check_all(drafts: Drafts, diagnostics: Diagnostics) -> None:
    """Find everything that is wrong between sections."""
    _check_names(drafts.proxies, diagnostics)
    _check_global(drafts, diagnostics)
    backends = {proxy.name: proxy for proxy in reversed(drafts.proxies) if proxy.is_backend}
    for proxy in drafts.proxies:
        if not proxy.settings.get("disabled"):
            _check_proxy(proxy, drafts, backends, diagnostics)
    check_tracking(drafts.proxies, backends, diagnostics)


def _check_proxy(proxy: ProxyDraft, drafts: Drafts, backends: dict[str, ProxyDraft], diagnostics: Diagnostics) -> None:
    if proxy.is_frontend and not proxy.binds:
        diagnostics.warning(
            proxy.where, f"{proxy.title} has no 'bind' directive. Please declare it as a backend if this was intended.",
            "bind <address>:<port>", parsing=False,
        )
    if proxy.is_frontend:
        _check_default_backend(proxy, backends, diagnostics)
    check_mode(proxy, diagnostics)
    _check_timeouts(proxy, diagnostics)
    _check_logs(proxy, drafts, diagnostics)
    _check_stats(proxy, drafts, diagnostics)
    if proxy.is_backend:
        check_servers(proxy, [section.name for section in drafts.resolvers], diagnostics)


# ---- names ----


def _check_names(proxies: list[ProxyDraft], diagnostics: Diagnostics) -> None:
    seen: dict[tuple[str, str], ProxyDraft] = {}
    numbers: dict[int, ProxyDraft] = {}
    for proxy in proxies:
        sides = [side for side, has in (("front", proxy.is_frontend), ("back", proxy.is_backend)) if has]
        other = next((seen[side, proxy.name] for side in sides if (side, proxy.name) in seen), None)
        if other is not None:
            diagnostics.alert(
                proxy.where, f"Parsing [{proxy.where}]: {proxy.title} has the same name as {other.title} declared at "
                             f"{other.where}.",
                "rename one of the two", proxy.kind, parsing=False,
            )
        for side in sides:
            seen.setdefault((side, proxy.name), proxy)
        number = proxy.settings.get("proxy_id")
        if number is not None and number in numbers:
            first = numbers[number]
            diagnostics.alert(
                proxy.set_at["proxy_id"],
                f"{proxy.kind} {proxy.name} reuses same custom id as {first.kind} {first.name} (declared at {first.where}).",
                "another number", "id",
            )
        elif number is not None:
            numbers[number] = proxy


def _check_global(drafts: Drafts, diagnostics: Diagnostics) -> None:
    settings = drafts.global_.settings
    if settings.get("maxrewrite", 1024) >= settings.get("bufsize", 16384) // 2:
        settings["maxrewrite"] = settings.get("bufsize", 16384) // 2
    if settings.get("quiet") and settings.get("zero_warning"):
        diagnostics.diag(drafts.global_.where, "'quiet' hides the warnings that 'zero-warning' makes fatal")


# ---- where traffic goes ----


def _check_default_backend(proxy: ProxyDraft, backends: dict[str, ProxyDraft], diagnostics: Diagnostics) -> None:
    for keyword, name, where in _targets(proxy):
        target = backends.get(name)
        if target is None:
            diagnostics.alert(
                where, f"Proxy '{proxy.name}': unable to find required {keyword}: '{name}'.",
                did_you_mean(name, list(backends)) or f"write a section: backend {name}", keyword, parsing=False,
            )
        elif target is proxy:
            diagnostics.alert(
                where, f"Proxy '{proxy.name}': loop detected for {keyword}: '{name}'.",
                "remove the line: a listen section has its own servers",
                keyword, parsing=False,
            )
        elif proxy.mode == "http" and target.mode != "http":
            as_what = "as its default backend" if keyword == "default_backend" else "in a 'use_backend' rule"
            diagnostics.alert(
                where,
                f"http {proxy.title} ({proxy.where}) tries to use incompatible {target.mode} {target.title} ({target.where}) "
                f"{as_what} (see 'mode').",
                f"write 'mode http' in {target.kind} '{target.name}', or 'mode tcp' in {proxy.kind} '{proxy.name}'", keyword,
                parsing=False,
            )
        if proxy.servers and target is not proxy:
            diagnostics.warning(
                where, f"In proxy '{proxy.name}', the '{keyword}' rule always has precedence over the servers, which will "
                       "never be used.",
                "remove one of the two", keyword, parsing=False,
            )
    if proxy.backend_rule is not None:
        proxy.settings["default_backend"] = proxy.backend_rule[0]


def _targets(proxy: ProxyDraft) -> list[tuple[str, str, Where]]:
    """(keyword, backend, place) of every line that names where the traffic goes."""
    targets: list[tuple[str, str, Where]] = []
    if proxy.backend_rule is not None:
        targets.append(("use_backend", *proxy.backend_rule))
    name = proxy.settings.get("default_backend", "")
    if name:
        targets.append(("default_backend", name, proxy.set_at["default_backend"]))
    return targets


# ---- timeouts, logs, statistics ----


def _check_timeouts(proxy: ProxyDraft, diagnostics: Diagnostics) -> None:
    missing = [] if not proxy.is_frontend or proxy.timeouts.get("client") else ["client"]
    if proxy.is_backend and proxy.servers:
        missing += [name for name in ("connect", "server") if not proxy.timeouts.get(name)]
    if missing:
        diagnostics.warning(
            proxy.where, _TIMEOUTS.format(title=proxy.title),
            "for example: " + ", ".join(f"timeout {name} {_GOOD[name]}" for name in missing),
            "timeout", parsing=False,
        )


_GOOD = {"client": "30s", "connect": "5s", "server": "30s"}


def _check_logs(proxy: ProxyDraft, drafts: Drafts, diagnostics: Diagnostics) -> None:
    settings = proxy.settings
    kind = settings.get("log_format_kind", "")
    if kind in ("httplog", "clf", "httpslog") and proxy.mode != "http":
        option = "httpslog" if kind == "httpslog" else "httplog"
        diagnostics.warning(
            proxy.set_at["log_format"],
            f"'option {option}' not usable with {proxy.title} (needs 'mode http'). Falling back to 'option tcplog'.",
            "option tcplog", f"option {option}",
        )
        settings["log_format"], settings["log_format_kind"] = TCPLOG, "tcplog"
    if proxy.is_frontend and kind and not log_targets(proxy, tuple(drafts.global_.log_targets)):
        diagnostics.warning(
            proxy.set_at["log_format"], f"log format ignored for {proxy.title} since it has no log address.",
            "'log global' here and 'log <address> <facility>' in 'global'", "log", parsing=False,
        )
    for field, keyword in (("log_format", "log-format"), ("error_log_format", "error-log-format"),
                           ("unique_id_format", "unique-id")):
        if field in settings and (field != "log_format" or kind == "custom"):
            _check_format(proxy, field, keyword, diagnostics)


def _check_format(proxy: ProxyDraft, field: str, keyword: str, diagnostics: Diagnostics) -> None:
    where = proxy.set_at[field]
    try:
        parsed = parse_log_format(proxy.settings[field], http=proxy.mode == "http")
    except LogFormatError as error:
        diagnostics.alert(
            where, f"Parsing [{where}]: failed to parse {keyword} : {error.message}", error.hint, keyword, error.feature,
            parsing=False
        )
        return
    for text in parsed.warnings:
        diagnostics.warning(where, f"Parsing [{where}]: {text}", "", keyword, parsing=False)


def _check_stats(proxy: ProxyDraft, drafts: Drafts, diagnostics: Diagnostics) -> None:
    stats, lost = proxy.stats, proxy.stats_lost
    if stats is None:
        return
    if lost is not None and lost.users and not stats.users:
        diagnostics.warning(
            stats.where, f"'stats' in {proxy.title} begins anew: nothing of the defaults section's applies, its users neither.",
            f"stats auth {lost.users[0][0]}:<password>", "stats", parsing=False, ours=True,
        )
    if stats.show_desc == "" and not drafts.global_.settings.get("description"):
        diagnostics.warning(
            stats.where, "'show-desc' requires a parameter or 'desc' to be set in the global section.", "stats show-desc <text>",
            "stats show-desc"
        )
