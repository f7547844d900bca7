"""READMEs are shown with all that GitHub shows, and nothing that a stranger wrote in one runs."""

from collections.abc import Iterator
from typing import Final

import pytest
from selenium.webdriver.common.by import By

from tests.browser import attacks
from tests.browser.browsers import Browser
from tests.browser.hubs import Seeded
from tests.browser.payloads import PAYLOADS
from tests.browser.watching import Watch

pytestmark = pytest.mark.browser

_NAME: Final = "docker/readmes"
_EACH: Final = 60


@pytest.fixture(scope="module")
def readmes(hub: Seeded) -> list[str]:
    """The addresses of pages that show READMEs of nothing but attacks."""
    repository = hub.repository(_NAME)
    parts = [PAYLOADS[at : at + _EACH] for at in range(0, len(PAYLOADS), _EACH)]
    for number, part in enumerate(parts):
        attacks.push_readme(repository, f"{number}", part)
    found = [f"{_NAME}:{number}" for number in range(len(parts))]
    hub.wait_until_read(found)
    return [f"/r/{each}" for each in found]


@pytest.fixture
def watch(browser: Browser) -> Iterator[Watch]:
    """Somebody who looks; at the end nothing has happened, and the server has not failed."""
    browser.complaints()
    browser.requests()
    made = Watch(browser, [])
    yield made
    assert made.wrong == []


def test_no_readme_runs_or_loads_anything(readmes: list[str], watch: Watch) -> None:
    assert len(readmes) > 5
    for path in readmes:
        watch.open(path)
        # It was drawn: what is shown as plain text would prove nothing.
        assert watch.browser.driver.find_elements(By.CSS_SELECTOR, ".prose .alert-note")
        assert watch.browser.driver.find_elements(By.CSS_SELECTOR, ".prose img[src^='data:']")
    watch.open(f"/r/{_NAME}")
