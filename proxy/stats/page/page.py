"""The page itself: head, general information, a table for each proxy, the admin form.

It needs no script, no image and no address but its own; style and script are read when this module is imported, put into the
page, and allowed by their hashes alone in its Content-Security-Policy.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Protocol

from proxy import __version__
from proxy.base.version import HAPROXY_VERSION
from proxy.runtime.process import Process
from proxy.runtime.states import MAINT, Operational
from proxy.stats.admin_form import ACTIONS, BANNERS, UNKNOWN
from proxy.stats.info import LoadMeter, ProcessReading, uptime_text
from proxy.stats.page.columns import HEADINGS, MODULE_HEADINGS, NAME_TIP, Headings, layout_of, row_class, row_id, trend
from proxy.stats.page.format import bit_rate, grouped, html
from proxy.stats.readings import Kind
from proxy.stats.request_options import RequestOptions
from proxy.stats.snapshot import ROWS_AT_ONCE, Row, Section, Selection, readings, row_of, sections_shown

_STYLE = files(__package__).joinpath("style.css").read_text("utf-8")
_SCRIPT = files(__package__).joinpath("live.js").read_text("utf-8")


def _hash(text: str) -> str:
    return "'sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


_POLICY = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; connect-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# With "no-referrer" browsers would say `Origin: null` of the page's own forms (`stats.same_origin`).
PAGE_FIELDS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", _POLICY.encode()), (b"x-frame-options", b"DENY"), (b"referrer-policy", b"same-origin"),
)

LEGEND: tuple[tuple[str, str], ...] = (
    ("active_up", "active UP"), ("backup_up", "backup UP"), ("active_going_down", "active UP, going down"),
    ("backup_going_down", "backup UP, going down"), ("active_going_up", "active DOWN, going up"),
    ("backup_going_up", "backup DOWN, going up"), ("active_down", "active or backup DOWN"), ("active_no_check", "not checked"),
    ("maintain", "in maintenance (MAINT)"), ("active_draining", "active, draining (DRAIN)"),
    ("backup_draining", "backup, draining (DRAIN)"), ("active_nolb", "load balancing disabled (NOLB)"),
)


class PageSettings(Protocol):
    """The `stats` lines that shape the page."""

    @property
    def uri(self) -> str: ...
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


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One request for the page: what to show, to whom, at which moment."""

    process: Process
    settings: PageSettings
    options: RequestOptions
    selection: Selection
    now_ms: int
    meter: LoadMeter
    admin: bool

    def link(self, lead: str = "", up: bool | None = None, norefresh: bool | None = None, scope: bool = True) -> str:
        """A link to this page with some options changed, safe in an attribute."""
        return html(self.settings.uri + self.options.suffix(lead=lead, up=up, norefresh=norefresh, scope=scope))


# -- general information ---------------------------------------------------------------------------------------------------

_INFO_LABELS: tuple[tuple[str, str], ...] = (
    ("Process", "pid"), ("Uptime", "since the start"), ("Servers", "by state"), ("Connections", "now / limit"),
    ("Connection rate", "now / peak"),
    ("Requests", "since the start"), ("Sent", "rate"), ("Idle", "time spent waiting"), ("Limits", "open files"),
)


def info_texts(page: PageRequest) -> list[str]:
    """The texts of the general information, in the order of its labels."""
    process = page.process
    now = ProcessReading(process, page.now_ms, page.meter)
    return [
        f"{process.pid} (process #1, nbproc = 1, nbthread = {process.nbthread})", uptime_text(now.uptime_s),
        _servers_text(page),
        f"{grouped(now.connections)} / {grouped(process.maxconn)}",
        f"{grouped(now.conn_rate)}/s, peak {grouped(now.conn_rate_max)}/s", grouped(now.requests), bit_rate(now.octets_per_s),
        f"{now.idle_percent}%", f"ulimit-n {grouped(now.fd_limit)}",
    ]


def _servers_text(page: PageRequest) -> str:
    """How many servers of the proxies shown are up, and how many not."""
    up = down = aside = 0
    for section in sections_shown(page.process, page.selection):
        for server in section.backend.servers if section.backend is not None else ():
            if server.admin & MAINT:
                aside += 1
            elif server.operational is Operational.STOPPED:
                down += 1
            else:
                up += 1
    return f"{grouped(up)} up, {grouped(down)} down" + (f", {grouped(aside)} maint" if aside else "")


def _title(page: PageRequest) -> str:
    process, settings = page.process, page.settings
    node = "" if settings.show_node is None else f" on {settings.show_node or process.node}"
    description = "" if settings.show_desc is None else f": {settings.show_desc or process.description}"
    return f"Statistics Report for pid {process.pid}{node}{description}"


def _head(page: PageRequest) -> str:
    settings = page.settings
    version = "" if settings.hide_version else f" <small>version {__version__}, compatible with HAProxy {HAPROXY_VERSION}</small>"
    title = html(_title(page))
    live = page.link(lead=";json;compact")
    refresh = 0 if page.options.norefresh else settings.refresh_s
    return (
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width,initial-scale=1"><meta name=color-scheme content="light dark">'
        f'<title>{title}</title><link rel=icon href="data:,"><style>{_STYLE}</style></head>\n'
        f'<body data-live="{live}" data-refresh={refresh}>\n'
        f"<header><h1>pyproxy{version}</h1><h2>{title}</h2></header>\n<main>\n"
    )


def _general(page: PageRequest) -> str:
    facts = "".join(
        f"<div><dt>{label}<dd><b>{html(text)}</b> <small>{note}</small></div>"
        for (label, note), text in zip(_INFO_LABELS, info_texts(page), strict=True)
    )
    swatches = "".join(f'<li><span class="swatch {name}"></span>{text}' for name, text in LEGEND)
    return (
        f'<section class=general aria-labelledby=general><h3 id=general>General process information</h3><dl id=info>{facts}</dl>'
        f"<div class=bar>{_options(page)}</div><details class=legend><summary>Colours of the rows</summary><ul>{swatches}</ul>"
        '<p>"NOLB" and "DRAIN" mean UP with load balancing disabled.</p></details></section>\n'
    )


def _options(page: PageRequest) -> str:
    options = page.options
    shown = html(options.scope)
    hide = (
        f'<a href="{page.link(up=False)}">Show all servers</a>' if options.up
        else f'<a href="{page.link(up=True)}">Hide \'DOWN\' servers</a>'
    )
    refresh = ""
    if page.settings.refresh_s:
        refresh = (
            f'<li><a href="{page.link(norefresh=False)}">Enable refresh</a>' if options.norefresh
            else f'<li><a href="{page.link(norefresh=True)}">Disable refresh</a>'
        )
    return (
        f'<nav aria-label="Display options"><form method=get action="{page.link(scope=False)}" class=scope>'
        f'<label>Scope <input name=scope value="{shown}" size=10 maxlength=20 autocomplete=off></label> '
        "<button>Show</button></form>"
        f'<ul><li>{hide}{refresh}<li><a href="{page.link()}">Refresh now</a>'
        f'<li><a href="{page.link(lead=";csv", norefresh=True)}">CSV export</a>'
        f'<li><a href="{page.link(lead=";json", norefresh=True)}">JSON export</a> '
        f'(<a href="{html(page.settings.uri)};json-schema">schema</a>)</ul></nav>'
    )


def _banner(page: PageRequest) -> str:
    code = page.options.status_code
    if not code:
        return ""
    state, text = BANNERS.get(code, BANNERS[UNKNOWN])
    return f'<p class="banner active_{state}" role=status>{html(text)} <a href="{page.link()}">Dismiss</a></p>\n'


# -- tables ----------------------------------------------------------------------------------------------------------------



def _head_rows(headings: Headings) -> tuple[str, str]:
    """The two rows of a table's head: groups, and the columns in them."""
    groups = "".join(f"<th colspan={len(columns)} scope=colgroup>{group}" for group, columns in headings)
    columns = "".join(
        f'<th scope=col{"" if phone else " class=m"}><abbr title="{meaning}">{name}</abbr>'
        for _, columns in headings for name, meaning, phone in columns
    )
    return groups, columns


_HEADS = {False: _head_rows(HEADINGS), True: _head_rows(MODULE_HEADINGS)}
_ACTION_OPTIONS = '<option value="">' + "".join(f"<option value={word}>{label}" for word, (label, _) in ACTIONS.items())


def _table_start(page: PageRequest, section: Section, with_form: bool) -> str:
    name = html(section.name)
    mode = "http" if section.is_http else "tcp"
    kind = "proxy" if section.kind == "listen" else section.kind
    legends = f"cap: {kind}, mode: {mode}, id: {section.iid}" if page.settings.show_legends else f"{kind}, {mode}"
    description = f"<span class=desc>{html(section.description)}</span>" if section.description else ""
    groups, columns = _HEADS[page.settings.show_modules]
    form = f'<form method=post action="{page.link()}">' if with_form else ""
    choose = '<th rowspan=2 class=x><span class=vh>Choose</span>' if with_form else ""
    return (
        f'<section class=proxy data-name="{name}"><div class=head><h3 id="{name}"><a href="#{name}">{name}</a></h3>'
        f"<span class=cap>{legends}</span>{description}</div>{form}"
        f'<div class=scroll tabindex=0 role=region aria-label="Table of {name}">'
        f"<table><caption class=vh>{name}: {legends}</caption>"
        f'<thead><tr>{choose}<th rowspan=2 scope=col class=n>Name{groups}<tr>{columns}</thead><tbody>'
    )


def _table_end(section: Section, with_form: bool) -> str:
    form = (
        f"</table></div><p class=act><label>Do with the checked servers <select name=action>{_ACTION_OPTIONS}</select></label>"
        f'<input type=hidden name=b value="#{section.iid}"> <button>Apply</button></p></form>' if with_form else "</table></div>"
    )
    return f"{form}</section>\n"


_SHOWN_NAME = {Kind.FRONTEND: "Frontend", Kind.BACKEND: "Backend"}


def _row(row: Row, with_form: bool, modules: bool) -> str:
    proxy, kind = html(row.reading.proxy.name), row.kind
    name = _SHOWN_NAME.get(kind) or html(row.reading.service_name)
    anchor = f"{proxy}/{'+' if kind is Kind.LISTENER else ''}{name}"
    tip = html(NAME_TIP(row))
    choose = ""
    if with_form:
        box = f'<input type=checkbox name=s value="{name}" aria-label="{name}">' if kind is Kind.SERVER else ""
        choose = f"<td class=x>{box}"
    layout = layout_of(row, modules)
    slots = layout.html % tuple([html(slot(row)) for slot in layout.slots])
    count, errors = trend(row)
    title = f' title="{tip}"' if tip else ""
    return (
        f'<tr id="{anchor}" class={row_class(row)} data-r={row_id(row)} data-c={count} data-e={errors}>{choose}'
        f'<th scope=row class=n><a href="#{anchor}"{title}>{name}</a>{slots}\n'
    )


def _section_chunks(page: PageRequest, section: Section) -> Iterator[bytes]:
    with_form = page.admin and section.backend is not None and bool(section.backend.servers)
    parts = [_table_start(page, section, with_form)]
    for number, reading in enumerate(readings(page.process, section, page.now_ms, page.selection), start=1):
        parts.append(_row(row_of(reading, page.selection), with_form, page.settings.show_modules))
        if number % ROWS_AT_ONCE == 0:
            yield _octets("".join(parts))
            parts = []
    parts.append(_table_end(section, with_form))
    yield _octets("".join(parts))


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def page_chunks(page: PageRequest) -> Iterator[bytes]:
    """The whole page, some rows at a time."""
    yield _octets(_head(page) + _banner(page) + _general(page))
    for section in sections_shown(page.process, page.selection):
        yield from _section_chunks(page, section)
    yield _octets(
        "</main>\n<footer><p>Written with HAProxy's columns and words. "
        '<a href="https://docs.haproxy.org/2.6/management.html#9.1">What each column means</a></p></footer>'
        f"<script>{_SCRIPT}</script></body></html>\n"
    )
