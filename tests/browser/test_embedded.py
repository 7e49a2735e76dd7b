"""The statistics page of a running proxy in Chromium: the whole way through engine, form, state change and live update."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import proxy

pytestmark = pytest.mark.peer("chromium", "chromedriver")

CONFIG = """
defaults
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 10s
listen stats
    bind 127.0.0.1:0
    stats enable
    stats uri /admin
    stats realm Haproxy\\ Manager
    stats auth admin:secret
    stats admin if TRUE
    stats refresh 30s
listen weblb
    bind 127.0.0.1:0
    balance roundrobin
    server web1 127.0.0.1:{port} check inter 200 rise 1
    server web2 127.0.0.1:{port} check inter 200 rise 1
"""


class Answering(BaseHTTPRequestHandler):
    """A web server with one small page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def web_port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, name="web server")
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def running(web_port: int) -> Iterator[Any]:
    with proxy.Proxy(CONFIG.format(port=web_port)) as balancer:
        yield balancer


def open_page(browser: Any, running: Any) -> None:
    browser.driver.get(f"http://admin:secret@127.0.0.1:{running.port('stats')}/admin")


def test_a_server_goes_to_maintenance_and_back_while_traffic_flows(browser: Any, running: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    open_page(browser, running)
    for action, state in (("maint", "MAINT"), ("ready", "UP")):
        section = browser.driver.find_element(By.CSS_SELECTOR, "[data-name=weblb]")
        section.find_element(By.CSS_SELECTOR, "input[name=s][value=web2]").click()
        Select(section.find_element(By.NAME, "action")).select_by_value(action)
        section.find_element(By.CSS_SELECTOR, ".act button").click()
        browser.wait_for_address("/admin;st=DONE")
        browser.wait(f"document.querySelector(\"tr[id='weblb/web2'] strong\").textContent.includes('{state}')")
        with urllib.request.urlopen(f"http://127.0.0.1:{running.port('weblb')}/") as answer:
            assert answer.read() == b"ok"
        browser.driver.find_element(By.LINK_TEXT, "Dismiss").click()
        browser.wait_for_address("/admin")
    assert browser.problems() == []


def test_requests_show_without_a_reload(browser: Any, running: Any) -> None:
    open_page(browser, running)
    browser.run("window.notReloaded = true")
    total = "document.querySelector(\"tr[id='weblb/Frontend'] [data-l='Sessions Total'] b\").textContent"
    assert browser.run(f"return {total}") == "0"
    for _ in range(3):
        with urllib.request.urlopen(f"http://127.0.0.1:{running.port('weblb')}/") as answer:
            assert answer.status == 200
    browser.wait(f"{total} === '3'")
    assert browser.run("return window.notReloaded") is True


def test_a_stranger_is_asked_for_a_password(running: Any) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{running.port('stats')}/admin")
    with refused.value as answer:
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == 'Basic realm="Haproxy Manager"'
