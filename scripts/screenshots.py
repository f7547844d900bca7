"""Takes pictures of the pages of a hub with something in it: `make screenshots`."""

import base64
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser.browsers import Browser, opened
from tests.browser.hubs import Seeded, seeded
from tests.support.server import ADMIN_PASSWORD

PICTURES: Final = Path(__file__).parents[1] / "docs" / "screenshots"
HEIGHT: Final = 800
SCREENS: Final = {"light": (1280, "light"), "dark": (1280, "dark"), "phone": (390, "light")}
EVERYBODY: Final = {"welcome": "/", "sign-in": "/login"}
PAGES: Final = {
    "home": "/",
    "explore": "/explore",
    "search": "/search?q=demo",
    "packages": "/packages?q=openssl",
    "help": "/help",
    "profile": "/u/docker",
    "members": "/u/docker/-/members",
    "tokens": "/settings/tokens",
    "security": "/settings/security",
    "repository": "/r/docker/demo",
    "tags": "/r/docker/demo/-/tags",
    "history": "/r/docker/demo/-/history",
    "upload": "/r/docker/demo/-/upload",
    "delete": "/r/docker/demo/-/delete?select=0.1.0&whole=1",
    "chart": "/r/docker/demo:0.10.0",
    "values": "/r/docker/demo:0.10.0/values",
    "sbom": "/r/docker/demo:0.10.0/sbom",
    "vulnerabilities": "/r/docker/demo:0.10.0/vulnerabilities",
    "attached": "/r/docker/demo:0.10.0/referrers",
    "signatures": "/r/docker/demo:0.10.0/signatures",
    "volume": "/r/docker/demo:0.0.1",
    "files": "/r/docker/demo:0.0.2",
    "image": "/r/docker/app:1.0",
    "administration": "/admin",
}


def main() -> None:
    """Replace every picture."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    with tempfile.TemporaryDirectory() as directory, seeded(Path(directory) / "hub") as hub:
        describe(hub)
        with opened(hub.hub.url) as browser:
            take(browser, EVERYBODY)
            browser.sign_in("admin", ADMIN_PASSWORD)
            take(browser, PAGES)
    print(f"{len(list(PICTURES.glob('*.png')))} pictures in {PICTURES}")


def describe(hub: Seeded) -> None:
    """Pull a few times, so that the numbers are not all zero."""
    for _ in range(3):
        hub.client("crane")("export", f"{hub.hub.host}/docker/app:single", "-")


def take(browser: Browser, pages: Mapping[str, str]) -> None:
    """One picture of each page for each screen."""
    for screen, (width, theme) in SCREENS.items():
        browser.show_as(width, theme=theme, height=HEIGHT)
        for name, path in pages.items():
            browser.open(path)
            found = browser.command("Page.captureScreenshot", format="png")
            place = PICTURES / f"{name}-{screen}.png"
            place.write_bytes(base64.b64decode(str(found["data"])))


if __name__ == "__main__":
    main()
