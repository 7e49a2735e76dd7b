"""Cross-checks of servers: names and numbers, checks that could not be made, tracking."""

from __future__ import annotations

from proxy.base.addresses import Family
from proxy.base.errors import Where
from proxy.config.diagnostics import Diagnostics
from proxy.config.drafts import ProxyDraft, ServerDraft
from proxy.config.freeze import tcp_check_port
from proxy.config.keywords.words import place
from proxy.config.suggest import did_you_mean

_WITH_PORT = (Family.IPV4, Family.IPV6, Family.NAME)


def check_servers(proxy: ProxyDraft, resolvers: list[str], diagnostics: Diagnostics) -> None:
    """Everything about the servers of one backend that does not need another one."""
    names: dict[str, ServerDraft] = {}
    numbers: dict[int, ServerDraft] = {}
    complained: set[Where] = set()
    _check_steps(proxy, diagnostics)
    for server in proxy.servers:
        _check_unique(proxy, server, names, numbers, diagnostics)
        if server.settings.get("check") and server.where not in complained and _check_port(proxy, server, diagnostics):
            complained.add(server.where)            # the servers of a template share a line: one complaint is enough
        wanted = server.settings.get("resolvers", "")
        if wanted and wanted not in resolvers:
            diagnostics.alert(
                server.where, f"proxy '{proxy.name}', server '{server.name}': unable to find required resolvers '{wanted}'",
                did_you_mean(wanted, resolvers) or f"write a section: resolvers {wanted}", "resolvers", parsing=False,
            )


def _check_unique(
    proxy: ProxyDraft, server: ServerDraft, names: dict[str, ServerDraft], numbers: dict[int, ServerDraft],
    diagnostics: Diagnostics
) -> None:
    other = names.setdefault(server.name, server)
    if other is not server:
        diagnostics.alert(
            server.where,
            f"{proxy.title}, another server named '{server.name}' was already defined at line {other.where.line}, please use "
            "distinct names.",
            "", "server",
        )
    number = server.settings.get("server_id")
    if number is None:
        return
    first = numbers.setdefault(number, server)
    if first is not server:
        diagnostics.alert(
            server.where,
            f"{place(server.where)} : 'server {proxy.name}/{server.name}' : 'id' : custom id {number} already used at "
            f"{first.where} "
            f"('server {first.name}').", "another number", "id", parsing=False,
        )


def _check_port(proxy: ProxyDraft, server: ServerDraft, diagnostics: Diagnostics) -> bool:
    """Complain, and answer true, when it is not known which port to check."""
    settings, address = server.settings, server.address
    if settings.get("check_port") or tcp_check_port(proxy) or address.family not in _WITH_PORT:
        return False
    if address.port and not address.port_offset:
        return False
    if any(rule.kind == "connect" and rule.port for rule in proxy.http_check_rules) and proxy.check == "http":
        return False
    diagnostics.alert(
        server.where, f"config: proxy '{proxy.name}': server '{server.name}' has neither service port nor check port.",
        f"server {server.name} <address>:<port> check, or: … check port <port>", "check", parsing=False,
    )
    return True


def _check_steps(proxy: ProxyDraft, diagnostics: Diagnostics) -> None:
    """The steps of http-check and tcp-check against the option that would use them."""
    http, tcp = proxy.http_check_rules, proxy.tcp_check_rules
    if http and proxy.check != "http":
        diagnostics.warning(
            http[0].where, f"{proxy.title} uses http-check rules without 'option httpchk', so the rules are ignored.",
            "option httpchk", "http-check",
            parsing=False,
        )
    if tcp and proxy.check != "tcp":
        diagnostics.warning(
            tcp[0].where, f"{proxy.title} uses tcp-check rules without 'option tcp-check', so the rules are ignored.",
            "option tcp-check", "tcp-check",
            parsing=False,
        )
    if proxy.check == "tcp" and len(tcp) > 1:
        diagnostics.alert(
            tcp[1].where, "several 'tcp-check connect' are not supported by this version of pyproxy: one connection is tested",
            "keep one of them", "tcp-check connect", "several tcp-check connect",
        )
    if proxy.check == "http":
        sent = 0
        for step, rule in enumerate(http, 1):
            sent = 0 if rule.kind == "connect" else sent + (rule.kind == "send")
            if sent > 1:
                diagnostics.alert(
                    rule.where, f"'http-check send' : unable to add http-check send rule at step {step} (missing connect rule).",
                    "one 'http-check send' for each 'http-check connect'", "http-check send",
                )


def check_tracking(proxies: list[ProxyDraft], backends: dict[str, ProxyDraft], diagnostics: Diagnostics) -> None:
    """Every `track` leads to a server that is checked, and never in a circle."""
    for proxy in proxies:
        for server in proxy.servers if proxy.is_backend else ():
            if server.settings.get("track"):
                _check_track(proxy, server, backends, diagnostics)


def _tracked(proxy: ProxyDraft, server: ServerDraft, backends: dict[str,
                                                                    ProxyDraft]) -> tuple[ProxyDraft | None, ServerDraft | None]:
    backend, slash, name = server.settings["track"].rpartition("/")
    home = backends.get(backend) if slash else proxy
    return home, next((other for other in home.servers if other.name == name), None) if home else None


def _check_track(proxy: ProxyDraft, server: ServerDraft, backends: dict[str, ProxyDraft], diagnostics: Diagnostics) -> None:
    def alert(message: str, hint: str = "") -> None:
        diagnostics.alert(
            server.where, f"{place(server.where)} : 'server {proxy.name}/{server.name}' : {message}", hint, "track", parsing=False
        )

    if server.settings.get("check"):
        alert("unable to enable checks and tracking at the same time!", "keep 'check' or 'track', not both")
        return
    wanted = server.settings["track"]
    seen = {id(server)}
    home, current = proxy, server
    while current.settings.get("track"):
        next_home, following = _tracked(home, current, backends)
        if next_home is None:
            alert(f"unable to find required proxy '{wanted.rpartition('/')[0]}' for tracking.")
            return
        if following is None:
            alert(
                f"unable to find required server '{wanted.rpartition('/')[2]}' for tracking.",
                did_you_mean(wanted.rpartition("/")[2], [other.name for other in next_home.servers]),
            )
            return
        if id(following) in seen:
            alert(f"unable to track {next_home.name}/{following.name} as it belongs to a tracking chain looping back to "
                  f"{proxy.name}/{server.name}.")
            return
        seen.add(id(following))
        home, current = next_home, following
        wanted = current.settings.get("track", wanted)
    if not current.settings.get("check"):
        alert(f"unable to use {home.name}/{current.name} for tracking as it does not have any check nor agent enabled.",
              f"add 'check' to server {current.name}")
