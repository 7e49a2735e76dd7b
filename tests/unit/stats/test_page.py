"""The page as text: what it says, what it keeps back, and that nothing in it can be taken for HTML."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from html.parser import HTMLParser
from typing import Any

import pytest

from proxy.runtime.states import Operational
from proxy.stats.page.columns import COLUMNS, MODULE_COLUMNS
from proxy.stats.page.format import bit_rate, grouped, percent, short_time
from proxy.stats.service import StatsService

HOSTILE = '<b onclick="x">&\'"\n'


def make(lab: Any, process: Any, **settings: Any) -> StatsService:
    clock = lab.StoppedClock()
    return StatsService(process, lab.Settings(**settings), clock, lab.Actions(clock), proxy_name="admin")


class Page(HTMLParser):
    """The rows of the page: id, class and the texts of its slots."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: dict[str, tuple[str, list[str]]] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._row = ""
        self._in_slot = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.append((tag, named))
        if tag == "tr" and "data-r" in named:
            self._row = str(named["data-r"])
            self.rows[self._row] = (str(named["class"]), [])
        elif tag == "section":
            self._row = ""
        if tag == "b" and self._row:
            self._in_slot = True
            self.rows[self._row][1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_slot = self._in_slot and tag != "b"

    def handle_data(self, data: str) -> None:
        if self._in_slot:
            self.rows[self._row][1][-1] += data


@pytest.mark.parametrize("target", ["/admin", "/admin;up", "/admin?scope=tcp"])
def test_live_updates_have_the_slots_of_the_page(lab: Any, process: Any, target: str) -> None:
    lab.checked(process.server("app", "s1"), "L7OK", 200, 4, HOSTILE)
    process.server("app", "b1").track = process.server("app", "s1")
    process.frontend("web").options = frozenset({"socket-stats"})
    service = make(lab, process)
    page = Page(lab.fetch(service, target))
    live = json.loads(lab.fetch(service, target.replace("/admin", "/admin;json;compact")))
    assert {row[0]: (row[1], row[4]) for row in live["rows"]} == page.rows
    assert len(page.rows) >= 4


@pytest.mark.parametrize("place", ["proxy", "server", "description", "check", "cookie", "address", "node"])
def test_nothing_breaks_out_of_its_place(lab: Any, process: Any, place: str) -> None:
    backend = process.backend("app")
    server = backend.server("s1")
    if place == "proxy":
        backend.name = HOSTILE
    elif place == "server":
        server.name = HOSTILE
    elif place == "description":
        backend.description = HOSTILE
    elif place == "check":
        lab.checked(server, "L7OK", 200, 4, HOSTILE)
    elif place == "cookie":
        server.cookie = HOSTILE.encode()
    elif place == "address":
        server.sockaddr = (HOSTILE, 80)
    else:
        process.node = HOSTILE
    plain = Page(lab.fetch(make(lab, lab.make_process(), admin_if="TRUE", show_node=""), "/admin"))
    text = lab.fetch(make(lab, process, admin_if="TRUE", show_node=""), "/admin")
    marked = Page(text)
    assert not any("onclick" in attributes for _, attributes in marked.tags)
    extra = 1 if place == "description" else 0              # the element that shows a description
    assert len(marked.tags) == len(plain.tags) + extra
    assert "&lt;b onclick=" in text


def test_policy_allows_the_pages_own_style_and_script_only(lab: Any, process: Any) -> None:
    response = make(lab, process).respond(lab.request("/admin"))
    policy = dict(response.fields)[b"content-security-policy"].decode()
    text = b"".join(response.body).decode()
    for tag in ("style", "script"):
        inline = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert len(inline) == 1
        digest = b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\s(on[a-z]+|style)=", text.replace(re.findall(r"<script>(.*?)</script>", text, re.DOTALL)[0], ""))
    assert not re.search(r'(src|srcset)="?(https?:)?//', text)


@pytest.mark.parametrize(("modules", "columns"), [(False, COLUMNS), (True, MODULE_COLUMNS)])
def test_every_row_has_every_column(lab: Any, process: Any, modules: bool, columns: Any) -> None:
    text = lab.fetch(make(lab, process, show_modules=modules), "/admin")
    rows = re.findall(r"<tr id=.*?\n", text)
    assert len(rows) == len(Page(text).rows)
    for row in rows:
        assert re.findall(r'data-l="([^"]+)"', row) == [name for name, _, _ in columns]


def test_modules_are_shown_and_updated_when_asked(lab: Any, process: Any) -> None:
    lab.count(process.frontend("web"), h1_total_streams=4711)
    service = make(lab, process, show_modules=True)
    page = Page(lab.fetch(service, "/admin"))
    live = {row[0]: row[4] for row in json.loads(lab.fetch(service, "/admin;json;compact"))["rows"]}
    assert "4\u202f711" in page.rows["F.3.0"][1]
    assert live["F.3.0"] == page.rows["F.3.0"][1]
    assert "4\u202f711" not in Page(lab.fetch(make(lab, process), "/admin")).rows["F.3.0"][1]


def test_versions_are_hidden_when_asked(lab: Any, process: Any) -> None:
    assert "HAProxy 2.6" in lab.fetch(make(lab, process), "/admin").partition("<main>")[0]
    assert "2.6" not in lab.fetch(make(lab, process, hide_version=True), "/admin").partition("<main>")[0]


@pytest.mark.parametrize(("settings", "title"), [
    ({}, "pid 4242"), ({"show_node": ""}, "pid 4242 on lab"),
    ({"show_node": "n1", "show_desc": ""}, "pid 4242 on n1: golden capture"),
    ({"show_desc": "mine"}, "pid 4242: mine"),
])
def test_title(lab: Any, process: Any, settings: dict[str, str], title: str) -> None:
    assert f"<h2>Statistics Report for {title}</h2>" in lab.fetch(make(lab, process, **settings), "/admin")


def test_legends_only_when_asked(lab: Any, process: Any) -> None:
    assert "id: 1, cookie: &#x27;c1&#x27;" in lab.fetch(make(lab, process, show_legends=True), "/admin")
    without = lab.fetch(make(lab, process, show_legends=False), "/admin")
    assert "127.0.0.1" not in without
    assert "roundrobin" not in without


def test_the_form_is_for_administrators(lab: Any, process: Any) -> None:
    assert "method=post" not in lab.fetch(make(lab, process), "/admin")
    text = lab.fetch(make(lab, process, admin_if="TRUE"), "/admin")
    assert text.count("method=post") == 5                   # app, rw, dead, slow, tcp1; nosrv and admin have no servers
    assert '<input type=hidden name=b value="#4">' in text


@pytest.mark.parametrize(("code", "colour"), [("DONE", "active_up"), ("PART", "active_going_down"), ("DENY", "active_down"),
                                               ("XXXX", "active_no_check")])
def test_banner(lab: Any, process: Any, code: str, colour: str) -> None:
    assert f'class="banner {colour}"' in lab.fetch(make(lab, process), f"/admin;st={code}")
    assert "banner active" not in lab.fetch(make(lab, process), "/admin").partition("<main>")[2].partition("<script>")[0]


def test_links_keep_what_was_asked_for(lab: Any, process: Any) -> None:
    text = lab.fetch(make(lab, process, refresh_s=5), "/admin;up;no-maint?scope=a%22b")
    assert '<a href="/admin;no-maint?scope=a%22b">Show all servers</a>' in text
    assert '<a href="/admin;up;no-maint;norefresh?scope=a%22b">Disable refresh</a>' in text
    assert '<a href="/admin;csv;up;no-maint;norefresh?scope=a%22b">CSV export</a>' in text
    assert 'data-live="/admin;json;compact;up;no-maint?scope=a%22b"' in text


def row_classes(lab: Any, process: Any) -> dict[str, str]:
    return {name: found for name, (found, _) in Page(lab.fetch(make(lab, process), "/admin")).rows.items()}


def test_row_colours_tell_states(lab: Any, process: Any) -> None:
    s1, s2, b1 = (process.server("app", name) for name in ("s1", "s2", "b1"))
    assert row_classes(lab, process)["S.4.1"] == "active_up"
    s1.health = 2
    assert row_classes(lab, process)["S.4.1"] == "active_going_down"
    lab.operational(s1, Operational.STOPPED)
    s1.health = 1
    lab.transitions.set_admin(s2, "drain", lab.NOW_MS, lab.SilentEvents())
    lab.operational(b1, Operational.STOPPING)
    classes = row_classes(lab, process)
    assert (classes["S.4.1"], classes["S.4.2"], classes["S.4.3"], classes["S.4.4"]) == (
        "active_going_up", "active_draining", "active_down", "backup_nolb")
    assert (classes["F.3.0"], classes["B.4.0"], classes["S.9.2"]) == ("frontend", "backend", "maintain")


def test_a_tracking_server_names_the_one_it_follows(lab: Any, process: Any) -> None:
    process.server("app", "b1").track = process.server("app", "s1")
    assert "via app/s1" in Page(lab.fetch(make(lab, process), "/admin")).rows["S.4.4"][1]


@pytest.mark.parametrize(("seconds", "text"), [
    (0, "0s"), (8, "8s"), (59, "59s"), (60, "1m0s"), (133, "2m13s"), (3600, "1h0m"), (100_800, "1d4h"),
])
def test_short_time(seconds: int, text: str) -> None:
    assert short_time(seconds) == text


def test_numbers() -> None:
    assert [grouped(value) for value in (None, 0, 999, 1000, -1234567, "text")] == [
        "", "0", "999", "1\u202f000", "-1\u202f234\u202f567", "text"]
    assert [percent(1, 3), percent(0, 0), percent(None, 5)] == ["33%", "0%", "0%"]
    assert [bit_rate(rate) for rate in (0, 100, 86_000, 10**9, 10**12)] == [
        "0 bps", "800 bps", "688.0 kbps", "8.0 Gbps", "8000.0 Gbps"]
