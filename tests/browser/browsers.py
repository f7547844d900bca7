"""Chromium as a person has it, and what a test may ask of the page that it shows."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.wait import WebDriverWait

from tests.support.tools import tool

# A name that is not this machine's, so that the browser sees a plain-HTTP page as others do.
FAR_HOST: Final = "hub.test"
_FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    f"--host-resolver-rules=MAP {FAR_HOST} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost",
)


class Browser:
    """One window; addresses are paths of the hub it was opened for."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, path: str) -> None:
        """Go to a path of the hub, and wait until the page has loaded."""
        self.driver.get(self.url + path)

    def sign_in(self, name: str, password: str) -> None:
        """Sign in by the page made for it."""
        self.open("/login")
        self.type("[name=name]", name)
        self.type("main [name=password]", password)
        self.follow("main form button")
        assert self.all("header .menu"), self.text("main")

    def follow(self, selector: str) -> None:
        """Click what leads to another page, and wait until that has loaded."""
        self._leave(self.find(selector).click)

    def enter(self, selector: str, text: str) -> None:
        """Type into a field, press Enter, and wait until the next page has loaded."""
        self._leave(lambda: self.type(selector, f"{text}\n"))

    def _leave(self, act: Callable[[], None]) -> None:
        before = self.find("html")
        act()
        self._until(staleness_of(before))
        self._until(lambda _: self.run("return document.readyState") == "complete")

    def _until(self, condition: Callable[[webdriver.Chrome], bool]) -> None:
        # Between two pages the driver may fail in ways that mean nothing.
        between = (WebDriverException,)
        WebDriverWait(self.driver, 20, 0.02, ignored_exceptions=between).until(condition)

    def find(self, selector: str) -> WebElement:
        """The first element that the CSS selector fits."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """Every element that the CSS selector fits."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """All text in the element, seen or not."""
        return str(self.find(selector).get_property("textContent"))

    def type(self, selector: str, text: str) -> None:
        """Type into a field."""
        self.find(selector).send_keys(text)

    def press(self, key: str) -> None:
        """Press a key wherever the focus is."""
        self.driver.switch_to.active_element.send_keys(key)

    def run(self, script: str, *arguments: object) -> object:
        """What a script of the test's own returns."""
        return self.driver.execute_script(script, *arguments)

    def path(self) -> str:
        """The path and query of the page that is shown."""
        return str(self.run("return location.pathname + location.search"))

    def show_as(self, width: int, *, theme: str = "light", height: int = 800) -> None:
        """Be a screen of this width, of somebody who prefers this theme."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.command("Emulation.setDeviceMetricsOverride", **screen)
        # Without motion a theme is there at once, and not after a fading.
        wanted = {"prefers-color-scheme": theme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in wanted.items()]
        self.command("Emulation.setEmulatedMedia", features=features)

    @contextmanager
    def without_scripts(self) -> Iterator[None]:
        """Run no script of any page."""
        self.command("Emulation.setScriptExecutionDisabled", value=True)
        try:
            yield
        finally:
            self.command("Emulation.setScriptExecutionDisabled", value=False)

    def complaints(self) -> list[str]:
        """What the browser complained of since it was asked last."""
        return self._log("browser")

    def requests(self) -> list[str]:
        """Every address that the browser asked for since it was asked last."""
        events = [json.loads(each)["message"] for each in self._log("performance")]
        sent = [each["params"] for each in events if each["method"] == "Network.requestWillBeSent"]
        return [str(each["request"]["url"]) for each in sent]

    def _log(self, kind: str) -> list[str]:
        answer = self.driver.execute("getLog", {"type": kind})
        return [str(each["message"]) for each in answer["value"]]

    def command(self, name: str, **parameters: object) -> dict[str, object]:
        """Speak to Chromium's own debugging protocol."""
        found = self.driver.execute_cdp_cmd(name, parameters)
        return dict(found)


@contextmanager
def opened(url: str) -> Iterator[Browser]:
    """A new browser with an empty profile; it remembers what it asks for and complains of."""
    options = webdriver.ChromeOptions()
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    options.binary_location = str(tool("chromium"))
    for flag in _FLAGS:
        options.add_argument(flag)
    driver_program = webdriver.ChromeService(str(tool("chromedriver")))
    driver = webdriver.Chrome(options, driver_program)
    driver.set_page_load_timeout(30)
    try:
        yield Browser(driver, url)
    finally:
        driver.quit()
