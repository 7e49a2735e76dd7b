"""`stats …`: the statistics page of a proxy, and the runtime socket of the global section."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from proxy.config.drafts import GlobalDraft, ProxyDraft
from proxy.config.keywords.bind import read_stats_socket
from proxy.config.keywords.row import ANY_PROXY, GLOBAL, PROXIES, Acts, Keyword, Line, Refusal, not_yet
from proxy.config.keywords.values import integer, time_ms
from proxy.config.model import StatsSettings

Row = Keyword[ProxyDraft]
Change = Callable[[Line, ProxyDraft, StatsSettings], dict[str, Any]]

_NODE = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_EXPECTS = (
    "expects 'admin', 'uri', 'realm', 'auth', 'scope', 'enable', 'hide-version', 'show-node', 'show-desc' or "
    "'show-legends'."
)


def unknown(got: str) -> str:
    """HAProxy's words for a `stats` keyword that does not exist."""
    return f"unknown stats parameter '{got}', {_EXPECTS}" if got else f"missing keyword in 'stats', {_EXPECTS}"


def unknown_global(got: str) -> str:
    """The same, in the global section."""
    return f"'stats' only supports 'socket', 'maxconn', 'bind-process' and 'timeout' (got '{got}')"


def _changing(change: Change) -> Callable[[Line, ProxyDraft], None]:
    """A reader that enables the page with what `change` makes of it.

    A page inherited from a defaults section is begun anew, as HAProxy does: nothing of it is kept, its users neither.
    """

    def read(line: Line, proxy: ProxyDraft) -> None:
        if proxy.stats_inherited:
            proxy.stats_lost, proxy.stats = proxy.stats, None
        settings = proxy.stats or StatsSettings()
        proxy.stats = settings._replace(enabled=True, where=line.where, **change(line, proxy, settings))
        proxy.stats_inherited = False
        proxy.set_at["stats"] = line.where

    return read


def _ignore_rest(line: Line, count: int) -> None:
    if len(line.arguments) > count:
        line.remark(
            f"'{line.keyword}' takes {count or 'no'} argument{'s' if count > 1 else ''}; '{' '.join(line.texts(count))}' ignored",
            line.at(count), f"escape spaces with a backslash: {line.keyword} " + "\\ ".join(line.texts()) if count else "",
        )


def _enable(line: Line, proxy: ProxyDraft, settings: StatsSettings) -> dict[str, Any]:
    _ignore_rest(line, 0)
    return {}


def _uri(line: Line, proxy: ProxyDraft, settings: StatsSettings) -> dict[str, Any]:
    _ignore_rest(line, 1)
    return {"uri": line.text(0)}


def _realm(line: Line, proxy: ProxyDraft, settings: StatsSettings) -> dict[str, Any]:
    _ignore_rest(line, 1)
    return {"realm": line.text(0)}


def _auth(line: Line, proxy: ProxyDraft, settings: StatsSettings) -> dict[str, Any]:
    if len(line.arguments) > 1:             # nothing is quoted: it may be the rest of a password
        line.remark("'stats auth' takes 1 argument; what follows it is ignored", line.at(1),
                    "escape the spaces of a password with a backslash")
    user, _, password = line.text(0).partition(":")
    if any(user == known for known, _ in settings.users):
        line.warn(f"uri auth: ignoring duplicated user '{user}'.", line.at(0), parsing=False)
        return {}
    return {"users": (*settings.users, (user, password))}


def _refresh(line: Line, proxy: ProxyDraft, settings: StatsSettings) -> dict[str, Any]:
    _ignore_rest(line, 1)
    milliseconds = time_ms(line, 0, "in argument to stats refresh interval.", "s")
    return {"refresh_s": -(-milliseconds // 1000)}         # a Refresh field has whole seconds; a part of one counts as one


def _hide_version(line: Line, proxy: ProxyDraft, settings: StatsSettings) -> dict[str, Any]:
    return {"hide_version": True}


def _show_legends(line: Line, proxy: ProxyDraft, settings: StatsSettings) -> dict[str, Any]:
    return {"show_legends": True}


def _show_modules(line: Line, proxy: ProxyDraft, settings: StatsSettings) -> dict[str, Any]:
    return {"show_modules": True}


def _show_node(line: Line, proxy: ProxyDraft, settings: StatsSettings) -> dict[str, Any]:
    if line.arguments and not _NODE.fullmatch(line.text(0)):
        raise Refusal(
            "'stats show-node' invalid node name - should be a stringwith digits(0-9), letters(A-Z, a-z), hyphen(-) or "
            "underscode(_).", line.at(0),
        )
    return {"show_node": line.text(0)}


def _show_desc(line: Line, proxy: ProxyDraft, settings: StatsSettings) -> dict[str, Any]:
    return {"show_desc": " ".join(line.texts())}


def _scope(line: Line, proxy: ProxyDraft, settings: StatsSettings) -> dict[str, Any]:
    _ignore_rest(line, 1)
    scope = proxy.name if line.text(0) == "." and proxy.kind != "defaults" else line.text(0)
    return {"scopes": tuple(dict.fromkeys((*settings.scopes, scope)))}


def _admin(line: Line, proxy: ProxyDraft, settings: StatsSettings) -> dict[str, Any]:
    test, condition = line.text(0), line.text(1)
    if test not in ("if", "unless") or not condition:
        raise Refusal(
            "'stats admin' requires either 'if' or 'unless' followed by a condition.", line.at(0), "stats admin if LOCALHOST"
        )
    wanted = (test, condition) if len(line.arguments) == 2 else ("", "")
    if wanted in (("if", "TRUE"), ("unless", "FALSE")):
        return {"admin_if": "TRUE"}
    if wanted == ("if", "LOCALHOST"):
        return {"admin_if": settings.admin_if or "LOCALHOST"}
    if wanted in (("if", "FALSE"), ("unless", "TRUE")):
        return {}
    raise line.unsupported(
        "stats admin with an ACL",
        f"'stats admin {test} {condition} …' is not supported by this version of pyproxy: rules and ACLs are not evaluated yet",
        "stats admin if LOCALHOST, or stats admin if TRUE together with 'stats auth'", line.at(1),
    )


def _http_request(line: Line, proxy: ProxyDraft) -> None:
    raise line.unsupported(
        "stats http-request",
        "'stats http-request' is not supported by this version of pyproxy: rules and ACLs are not evaluated yet",
        "stats auth <user>:<password>",
    )


def _global_timeout(line: Line, draft: GlobalDraft) -> None:
    value = time_ms(line, 0)
    if value == 0:
        raise Refusal("'stats timeout' expects a positive value", line.at(0))
    draft.settings["stats_timeout_ms"] = value


def _global_maxconn(line: Line, draft: GlobalDraft) -> None:
    draft.settings["stats_maxconn"] = integer(line, 0, 1, refusal="'stats maxconn' expects a positive value")


def _bind_process(line: Line, draft: GlobalDraft) -> None:
    line.remark("'stats bind-process' has no effect any more", hint="remove the line")


GLOBAL_ROWS: tuple[Keyword[GlobalDraft], ...] = (
    Keyword("stats socket", GLOBAL, "<address> [level { user | operator | admin }] [mode <mode>] [user <user>] [group <group>] "
            "[expose-fd listeners]", read_stats_socket, "3.1", least=1,
            missing="'stats socket' in global section expects an address or a path to a UNIX socket",
            loads=("stats socket /run/haproxy.sock mode 660 level admin expose-fd listeners",),
            fails=("stats socket", "stats socket /run/haproxy.sock level root", "stats socket /run/haproxy.sock mode 999",
                   "stats socket /run/haproxy.sock loud")),
    Keyword("stats timeout", GLOBAL, "<time>", _global_timeout, "3.1", "10s", least=1, most=1,
            missing="'stats timeout' expects a positive value", loads=("stats timeout 30s",),
            fails=("stats timeout", "stats timeout 0", "stats timeout long")),
    Keyword("stats maxconn", GLOBAL, "<connections>", _global_maxconn, "3.1", "10", least=1, most=1,
            missing="'stats maxconn' expects a positive value", loads=("stats maxconn 20",),
            fails=("stats maxconn", "stats maxconn 0", "stats maxconn many")),
    Keyword("stats bind-process", GLOBAL, "[ all | odd | even | <process> ]...", _bind_process, "3.1", least=1, acts=Acts.OLD,
            missing="'stats bind-process' expects a process number.", loads=("stats bind-process 1",),
            fails=("stats bind-process",)),
)

ROWS: tuple[Row, ...] = (
    Row("stats enable", ANY_PROXY, "", _changing(_enable), default="off", loads=("stats enable",), fails=("stats enabled",)),
    Row("stats uri", ANY_PROXY, "<prefix>", _changing(_uri), default="/haproxy?stats", least=1,
        missing="'uri' needs an URI prefix.",
        loads=("stats uri /admin",), fails=("stats uri",)),
    Row("stats realm", ANY_PROXY, "<realm>", _changing(_realm), default="HAProxy Statistics", least=1,
        missing="'realm' needs an realm name.", loads=("stats realm Load\\ balancer", "stats realm Load balancer"),
        fails=("stats realm",)),
    Row("stats auth", ANY_PROXY, "<user>:<password>", _changing(_auth), least=1, missing="'auth' needs a user:password account.",
        loads=("stats auth admin:secret", "stats auth admin:with:colon"), fails=("stats auth",)),
    Row("stats refresh", ANY_PROXY, "<delay>", _changing(_refresh), default="none", least=1,
        missing="'refresh' needs a delay, in seconds.", loads=("stats refresh 30s", "stats refresh 5"),
        fails=("stats refresh", "stats refresh often")),
    Row("stats hide-version", ANY_PROXY, "", _changing(_hide_version), default="off", loads=("stats hide-version",),
        fails=("stats hide-versions",)),
    Row("stats show-legends", ANY_PROXY, "", _changing(_show_legends), default="off", loads=("stats show-legends",),
        fails=("stats show-legend",)),
    Row("stats show-modules", ANY_PROXY, "", not_yet(_changing(_show_modules)), default="off", acts=Acts.IGNORED,
        loads=("stats show-modules",),
        fails=("stats show-module",)),
    Row("stats show-node", ANY_PROXY, "[<name>]", _changing(_show_node), default="off",
        loads=("stats show-node", "stats show-node lb1"), fails=("stats show-node lb/1",)),
    Row("stats show-desc", ANY_PROXY, "[<text>]", _changing(_show_desc), default="off",
        loads=("stats show-desc", "stats show-desc the front door"), fails=("stats show-description",)),
    Row("stats scope", ANY_PROXY, "{ <proxy> | \".\" }", _changing(_scope), default="all", least=1,
        missing="'scope' needs a proxy name.", loads=("stats scope .", "stats scope other"), fails=("stats scope",)),
    Row("stats admin", PROXIES, "{ if | unless } { TRUE | FALSE | LOCALHOST }", _changing(_admin),
        loads=("stats admin if TRUE", "stats admin if LOCALHOST", "stats admin unless FALSE"),
        fails=("stats admin", "stats admin TRUE", "stats admin if is_office", "stats admin unless LOCALHOST")),
    Row("stats http-request", PROXIES, "{ allow | deny | auth } [if <condition>]", _http_request, acts=Acts.UNSUPPORTED,
        feature="stats http-request", fails=("stats http-request deny",)),
)
