"""Takes pictures of the pages of the demo hub: `make screenshots`."""

import base64
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser.browsers import Browser, opened
from tests.browser.demos import PASSWORD, filled

PICTURES: Final = Path(__file__).parents[1] / "docs" / "screenshots"
HEIGHT: Final = 800
SCREENS: Final = {"light": (1280, "light"), "dark": (1280, "dark"), "phone": (390, "light")}
EVERYBODY: Final = {"welcome": "/", "sign-in": "/login"}
IMAGE: Final = "/r/acme/storefront:2.7.2"
CHART: Final = "/r/acme/charts/storefront:2.0.0"
PAGES: Final = {
    "home": "/",
    "explore": "/explore",
    "search": "/search?q=shop",
    "packages": "/packages?q=openssl",
    "help": "/help",
    "profile": "/u/acme",
    "members": "/u/acme/-/members",
    "tokens": "/settings/tokens",
    "security": "/settings/security",
    "repository": "/r/acme/storefront",
    "tags": "/r/acme/storefront/-/tags",
    "history": "/r/acme/storefront/-/history",
    "upload": "/r/acme/storefront/-/upload",
    "delete": "/r/acme/storefront/-/delete?select=2.0.0&whole=1",
    "compare": "/r/acme/storefront/-/compare/2.7.1...2.7.2",
    "image": IMAGE,
    "sbom": f"{IMAGE}/sbom",
    "vulnerabilities": f"{IMAGE}/vulnerabilities",
    "attached": f"{IMAGE}/referrers",
    "signatures": f"{IMAGE}/signatures",
    "chart": CHART,
    "values": f"{CHART}/values",
    "compose": "/r/acme/compose/shop:1.1.0",
    "model": "/r/globex/models/tickets:1.1.0",
    "volume": "/r/initech/backups/ledger:2026-11-27",
    "files": "/r/globex/data/orders:2026-10/files?name=file:orders.csv",
    "administration": "/admin",
    "repositories": "/admin/repositories",
    "users": "/admin/users",
    "audit": "/admin/audit",
}


def main() -> None:
    """Replace every picture."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    with (
        tempfile.TemporaryDirectory() as directory,
        filled(Path(directory) / "data") as url,
        opened(url) as browser,
    ):
        take(browser, EVERYBODY)
        browser.sign_in("admin", PASSWORD)
        take(browser, PAGES)
    print(f"{len(list(PICTURES.glob('*.png')))} pictures in {PICTURES}")


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
