"""A Chromium without a window, and where its pictures go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

OUT = Path(__file__).parent / "out"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
)


class Browser:
    """One tab, driven through ChromeDriver."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def window(self, width: int, height: int, scheme: str = "light") -> None:
        """How large the window is, and which colours the user prefers."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def scripts(self, enabled: bool) -> None:
        """Whether pages may run scripts from now on."""
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not enabled})

    def run(self, script: str, *arguments: Any) -> Any:
        """What a piece of JavaScript returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, timeout_s: float = 20) -> Any:
        """Wait until a JavaScript expression is true; its value."""
        from selenium.webdriver.support.ui import WebDriverWait

        waiting = WebDriverWait(self.driver, timeout_s, poll_frequency=0.1)
        return waiting.until(lambda driver: self.run(f"return {script}"), script)

    def wait_for_address(self, ending: str, timeout_s: float = 20) -> None:
        """Wait until the page shown has an address that ends so; works without scripts too."""
        from selenium.webdriver.support.ui import WebDriverWait

        waiting = WebDriverWait(self.driver, timeout_s, poll_frequency=0.1)
        waiting.until(lambda driver: driver.current_url.endswith(ending), f"an address that ends {ending}")

    def point_at(self, selector: str) -> dict[str, float]:
        """Move the mouse onto the middle of an element; where that element is."""
        find = "JSON.stringify(document.querySelector(" + json.dumps(selector) + ").getBoundingClientRect())"
        found = self.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": find})       # works without scripts too
        where: dict[str, float] = json.loads(found["result"]["value"])
        x, y = where["x"] + where["width"] / 2, where["y"] + where["height"] / 2
        self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y})
        return where

    def text(self, selector: str) -> str:
        """The text of the first element that a CSS selector finds."""
        return str(self.run("return document.querySelector(arguments[0]).textContent", selector))

    def picture(self, name: str) -> Path:
        """Write what the window shows into out/."""
        OUT.mkdir(exist_ok=True)
        path = OUT / f"{name}.png"
        self.driver.save_screenshot(str(path))
        return path

    def problems(self) -> list[str]:
        """What the page complained of: script errors, broken policy, refused resources."""
        return [json.dumps(entry) for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


@pytest.fixture
def browser(peer: Callable[[str], str], tmp_path: Path) -> Iterator[Browser]:
    """A fresh Chromium with an empty profile; the test must be marked peer("chromium", "chromedriver")."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed (pip install selenium)")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = peer("chromium")
    for flag in (*FLAGS, f"--user-data-dir={tmp_path}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service(peer("chromedriver")), options=options)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
