"""The statistics page in Chromium: with scripts and without, wide and on a phone, light and dark."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.peer("chromium", "chromedriver")
HERE = Path(__file__).parent
README_PICTURE = HERE.parents[1] / "examples" / "stats.png"


def load_harness() -> Any:
    if "stats_harness" not in sys.modules:
        spec = importlib.util.spec_from_file_location("stats_harness", HERE / "harness.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["stats_harness"] = module
        spec.loader.exec_module(module)
    return sys.modules["stats_harness"]


@pytest.fixture
def site() -> Iterator[Any]:
    with load_harness().Site() as running:
        yield running


def address(site: Any, suffix: str = "", user: str = "admin:admin@") -> str:
    return f"http://{user}127.0.0.1:{site.port}/admin{suffix}"


def server_row(name: str) -> str:
    return f"tr[id='app/{name}']"


def test_login_is_asked_for(browser: Any, site: Any) -> None:
    browser.driver.get(address(site, user="admin:wrong@"))
    assert browser.run("return document.querySelectorAll('table').length") == 0
    browser.driver.get(address(site))
    assert "Statistics Report for pid 4242 on lb1" in browser.text("h2")


def test_tables_are_whole(browser: Any, site: Any) -> None:
    browser.driver.get(address(site))
    names = browser.run("return [...document.querySelectorAll('.proxy h3')].map(e => e.textContent)")
    assert names == ["stats", "web", "app", "api", "mysql"]
    rows = browser.run("return [...document.querySelectorAll('[data-name=app] tbody tr')].map(e => [e.id, e.className])")
    assert rows == [
        ["app/app1", "active_up"], ["app/app2", "active_going_down"], ["app/app3", "active_up"], ["app/app4", "active_down"],
        ["app/app5", "maintain"], ["app/spare1", "backup_up"], ["app/spare2", "backup_no_check"], ["app/Backend", "backend"],
    ]
    cells = "return [...document.querySelectorAll('tbody tr')].map(e => e.querySelectorAll('td[data-l]').length)"
    assert set(browser.run(cells)) == {30}
    assert browser.run("return document.querySelectorAll('caption').length") == len(names)
    assert "UP 1/2" in browser.text(f"{server_row('app2')} strong")


def test_server_text_is_shown_as_text(browser: Any, site: Any) -> None:
    browser.driver.get(address(site))
    hostile = '<script>alert("x")</script>'
    assert hostile in browser.text(f"{server_row('app4')} [data-l='Server LastChk'] [role=tooltip]")
    assert browser.run("return document.querySelectorAll('td script').length") == 0
    seen = browser.wait("document.body.dataset.updated")             # and after a live update too
    assert seen
    assert hostile in browser.text(f"{server_row('app4')} [data-l='Server LastChk'] [role=tooltip]")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_server_goes_to_maintenance_and_back(browser: Any, site: Any, scripts: bool) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    browser.scripts(scripts)
    browser.driver.get(address(site, ";norefresh"))
    for action, row_class, word in (("maint", "maintain", "MAINT"), ("ready", "active_going_down", "UP 1/2")):
        section = browser.driver.find_element(By.CSS_SELECTOR, "[data-name=app]")
        section.find_element(By.CSS_SELECTOR, "input[name=s][value=app1]").click()
        Select(section.find_element(By.NAME, "action")).select_by_value(action)
        section.find_element(By.CSS_SELECTOR, ".act button").click()
        browser.wait_for_address("/admin;st=DONE;norefresh")
        assert "Done" in browser.driver.find_element(By.CSS_SELECTOR, ".banner").text
        row = browser.driver.find_element(By.CSS_SELECTOR, server_row("app1"))
        assert row.get_attribute("class") == row_class
        assert word in row.find_element(By.CSS_SELECTOR, "strong").text
        assert site.process.server("app", "app1").in_maintenance is (action == "maint")
        browser.driver.find_element(By.LINK_TEXT, "Dismiss").click()
        browser.wait_for_address("/admin;norefresh")
        assert not browser.driver.find_elements(By.CSS_SELECTOR, ".banner")


def test_values_and_states_change_without_navigation(browser: Any, site: Any) -> None:
    browser.driver.get(address(site))
    browser.run("window.notReloaded = true")
    before = browser.text("[data-name=web] [data-l='Sessions Total'] b")
    lab = load_harness().load_lab()
    lab.transitions.set_admin(site.process.server("app", "app3"), "drain", site.clock.monotonic_ms(), lab.SilentEvents())
    browser.wait(f"document.querySelector(\"{server_row('app3')}\").className === 'active_draining'")
    browser.wait(f"document.querySelector(\"[data-name=web] [data-l='Sessions Total'] b\").textContent !== '{before}'")
    assert "DRAIN" in browser.text(f"{server_row('app3')} strong")
    browser.wait("document.querySelector(\"[data-name=web] .head .line\").getAttribute('d').length > 10")
    assert browser.run("return window.notReloaded") is True
    assert browser.problems() == []


def test_a_new_server_appears(browser: Any, site: Any) -> None:
    browser.driver.get(address(site))
    browser.run("window.notReloaded = true")
    load_harness().load_lab().add_server(site.process.backend("app"), "fresh", 8099)
    browser.wait(f"document.querySelector(\"{server_row('fresh')}\")")
    browser.wait("document.querySelectorAll('[data-name=app] thead button').length")        # it can be sorted again
    assert browser.run("return window.notReloaded") is True


def test_refresh_field_does_not_reload_a_live_page(browser: Any) -> None:
    with load_harness().Site(refresh_s=1) as site:
        browser.driver.get(address(site))
        browser.run("window.notReloaded = true")
        first = browser.wait("document.body.dataset.updated")
        browser.wait(f"document.body.dataset.updated - {first} > 3000")
        assert browser.run("return window.notReloaded") is True


def test_rows_are_filtered_and_sorted(browser: Any, site: Any) -> None:
    browser.driver.get(address(site))
    shown = "return [...document.querySelectorAll('[data-name=app] tbody tr:not([hidden]) th a')].map(e => e.textContent)"
    browser.run("const b = document.querySelector('.tools input'); b.value = 'spare'; b.dispatchEvent(new Event('input'))")
    assert browser.run(shown) == ["spare1", "spare2"]
    browser.run("const b = document.querySelector('.tools input'); b.value = ''; b.dispatchEvent(new Event('input'))")
    heading = "document.querySelectorAll('[data-name=app] thead tr:last-child button')[23]"
    assert browser.run(f"{heading}.click(); return {heading}.textContent") == "Wght"
    assert browser.run(shown)[:3] == ["app4", "app3", "app2"]
    assert browser.run(shown)[-1] == "Backend"


def test_the_head_of_a_tall_table_stays(browser: Any, site: Any) -> None:
    browser.window(1440, 220)
    browser.driver.get(address(site))
    shown = browser.run("""
        const region = document.querySelector("[data-name=app] .scroll"), head = region.querySelector("thead tr");
        region.scrollIntoView();
        region.scrollTop = 90;
        return [region.scrollTop, head.getBoundingClientRect().top - region.getBoundingClientRect().top];
    """)
    assert shown[0] > 30, "it is taller than its region"
    assert abs(shown[1]) < 2


def test_a_tab_tells_how_many_servers_are_down(browser: Any, site: Any) -> None:
    browser.driver.get(address(site))
    browser.wait("document.title.startsWith('(2 down) ')")
    assert browser.text("#info div:nth-child(3) b") == "9 up, 3 down, 1 maint"
    fallen = site.process.server("app", "app1")
    fallen.operational, fallen.health = load_harness().Operational.STOPPED, 0
    browser.wait("document.title.startsWith('(3 down) ')")
    assert browser.text("#info div:nth-child(3) b") == "8 up, 4 down, 1 maint"


def test_details_open_by_keyboard(browser: Any, site: Any) -> None:
    browser.driver.get(address(site))
    cell = f"{server_row('app1')} [data-l='Sessions Total']"
    visible = f"getComputedStyle(document.querySelector(\"{cell} [role=tooltip]\")).display"
    assert browser.run(f"return {visible}") == "none"
    browser.run(f"document.querySelector(\"{cell} button\").focus()")
    assert browser.run(f"return {visible}") == "block"


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("scrolled", [0, 500])
def test_details_are_seen_where_they_belong(browser: Any, site: Any, scripts: bool, scrolled: int) -> None:
    browser.scripts(scripts)
    browser.window(1440, 900)
    browser.driver.get(address(site, ";norefresh"))
    browser.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": f"scrollTo(0, {scrolled})"})
    for cell in ("tr[id='app/app3'] [data-l='Sessions Total']", "tr[id='app/app4'] [data-l='Server LastChk']"):
        at = browser.point_at(cell)
        box = browser.point_at(f"{cell} [role=tooltip]")
        assert box["width"] > 0, "it is shown"
        assert box["left"] >= 0
        assert box["right"] <= 1440
        assert box["top"] >= 0
        assert box["bottom"] <= 900
        if scripts:
            assert abs(box["left"] - at["left"]) < 300
            assert min(abs(box["top"] - at["bottom"]), abs(at["top"] - box["bottom"])) < 10, "beside its cell"


CONTRAST = """
const rgb = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
const light = color => rgb(color).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const body = document.querySelector('[data-name=app] tbody'), found = {};
for (const name of arguments[0]) {
  const row = body.insertRow(), cell = row.insertCell();
  row.className = name;
  row.style.transition = 'none';
  const a = light(getComputedStyle(row).backgroundColor), b = light(getComputedStyle(cell).color);
  found[name] = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  row.remove();
}
return found;
"""
STATES = ("up", "going_down", "going_up", "down", "nolb", "draining", "no_check")
CLASSES = ["frontend", "backend", "socket", "maintain", *(f"{kind}_{state}" for kind in ("active", "backup") for state in STATES)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_row_can_be_read(browser: Any, site: Any, scheme: str) -> None:
    browser.window(1440, 900, scheme)
    browser.driver.get(address(site))
    found = browser.run(CONTRAST, CLASSES)
    assert {name: round(ratio, 1) for name, ratio in found.items() if ratio < 4.5} == {}


def seeded_curves() -> str:
    """A script that gives the page the curves of two minutes, for the picture."""
    rows = {}
    for at, row in enumerate(("F.2.0", "F.3.0", "B.4.0", "S.4.1", "S.4.2", "S.4.3", "B.5.0", "S.5.1", "S.5.4", "F.6.0", "S.6.1")):
        waves = [90 + 50 * math.sin((i + at) / 6) + 18 * math.sin(i * 1.7 + at) for i in range(58)]
        rows[row] = [[wave, 3 if (i + 7 * at) % 31 > 28 else 0] for i, wave in enumerate(waves)]
    return f"sessionStorage.setItem('pyproxy:' + location.pathname, JSON.stringify({{rows: {json.dumps(rows)}}}))"


def test_pictures(browser: Any, site: Any) -> None:
    browser.window(1440, 1080)
    browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": seeded_curves()})
    browser.driver.get(address(site))
    browser.wait("document.body.dataset.updated")
    wide = browser.run("return [...document.querySelectorAll('.scroll')].map(e => e.scrollWidth - e.clientWidth)")
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), wide
    picture = browser.picture("light")
    assert picture.stat().st_size < 400_000
    browser.window(1440, 1080, "dark")
    browser.picture("dark")
    browser.window(390, 844)
    browser.run("document.getElementById('app').scrollIntoView()")
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    box = browser.run(f"return document.querySelector(\"{server_row('app1')} input\").getBoundingClientRect().toJSON()")
    top = browser.run("return document.elementFromPoint(arguments[0], arguments[1]).tagName", box["x"] + 5, box["y"] + 5)
    assert top == "INPUT", "a finger reaches the checkbox"
    browser.picture("phone")
    browser.window(390, 844, "dark")
    browser.picture("phone_dark")
    if not README_PICTURE.exists():
        shutil.copy(picture, README_PICTURE)


class Hostile(BaseHTTPRequestHandler):
    """Another site, whose page sends a form to the statistics as soon as it is looked at."""

    target = ""

    def do_GET(self) -> None:
        page = (
            f'<!doctype html><title>kittens</title><form id=f method=post action="{self.target}"><input name=s value=app1>'
            "<input name=b value=app><input name=action value=maint></form><script>f.submit()</script>"
        ).encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None: ...


def test_another_sites_form_is_denied(browser: Any, site: Any) -> None:
    """Though the browser remembers the password and sends it."""
    hostile = type("Hostile", (Hostile,), {"target": f"http://127.0.0.1:{site.port}/admin"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), hostile)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        browser.driver.get(address(site))
        assert "Statistics Report" in browser.text("h2")
        for host in ("127.0.0.1", "localhost"):         # another port is another origin, another name another site
            browser.driver.get(f"http://{host}:{server.server_address[1]}/")
            browser.wait_for_address(";st=DENY")
            assert browser.run("return document.querySelector('.banner').textContent").startswith("Denied")
            assert browser.run(f"return document.querySelector(\"{server_row('app1')}\").className").startswith("active_up")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
