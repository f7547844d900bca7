"""One hub and one browser for all tests of pages; each test begins signed in, on a wide screen."""

from collections.abc import Iterator

import pytest

from tests.browser.browsers import Browser, opened
from tests.browser.hubs import Seeded, seeded
from tests.support.server import ADMIN_PASSWORD


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    """The seeded hub; its log holds no accident at the end."""
    directory = tmp_path_factory.mktemp("browser")
    with seeded(directory) as made:
        yield made
    assert "request failed" not in (directory / "data.log").read_text()


@pytest.fixture(scope="session")
def window(hub: Seeded) -> Iterator[Browser]:
    """The one window, of the administrator, who signed in by the page."""
    with opened(hub.hub.url) as browser:
        browser.sign_in("admin", ADMIN_PASSWORD)
        yield browser


@pytest.fixture
def browser(window: Browser) -> Browser:
    """The window as a person has it on a desk."""
    window.show_as(1280)
    return window


@pytest.fixture
def owner(hub: Seeded) -> Iterator[Browser]:
    """A window of their own for somebody who owns an organization and administers nothing."""
    with opened(hub.hub.url) as browser:
        browser.sign_in(hub.hub.username, hub.hub.password)
        browser.show_as(1280)
        yield browser


@pytest.fixture
def stranger(hub: Seeded) -> Iterator[Browser]:
    """A second window, of somebody who is not signed in."""
    with opened(hub.hub.url) as browser:
        yield browser
