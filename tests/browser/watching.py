"""Looks at pages for anything that a stranger's text could have done there."""

import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from selenium.common.exceptions import UnexpectedAlertPresentException

from tests.browser.browsers import Browser

# Elements that no page of the hub has, and what an element of a page may have to do with others.
_LOOK: Final = r"""
const bad = [];
const never = /^(iframe|object|embed|style|base|math|template|video|audio|marquee|x|noscript)$/;
const leads = /^(href|src|srcset|action|formaction|xlink:href|data|poster|ping|background)$/;
// Pictures that lie beside a README are within its page: nothing is asked for them.
const within = (name, key, value) => name === 'img' && key === 'src'
  && /^data:image\/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=]*$/.test(value);
const mine = value => new URL(value, location.href).origin === location.origin;
for (const each of document.querySelectorAll('*')) {
  const name = each.localName;
  if (never.test(name) || (name === 'meta' && each.httpEquiv)) bad.push(each.outerHTML);
  if (name === 'script' && !(each.src && mine(each.src))) bad.push(each.outerHTML);
  for (const {name: key, value} of each.attributes) {
    if (/^on|^srcdoc$|^style$/i.test(key)) bad.push(each.outerHTML);
    if (!leads.test(key)) continue;
    if (within(name, key, value)) continue;
    let ok = name === 'a';
    try { ok = mine(value) || (ok && /^(https?|mailto):$/.test(new URL(value).protocol)); }
    catch { /* no address at all: a link that leads nowhere is harmless, all else is not */ }
    if (!ok) bad.push(each.outerHTML);
  }
}
return JSON.stringify([typeof window.__xss, bad.map(each => each.slice(0, 300))]);
"""


@dataclass(frozen=True, slots=True)
class Watch:
    """Opens pages, and remembers what went wrong there."""

    browser: Browser
    wrong: list[str]

    def open(self, path: str) -> None:
        """Open a page, and look at it."""
        try:
            self.browser.open(path)
            self.look(path)
        except UnexpectedAlertPresentException as error:
            self.wrong.append(f"{path}: a dialog: {error.alert_text}")

    def look(self, path: str) -> None:
        """Look at the page that is open."""
        seen, bad = json.loads(str(self.browser.run(_LOOK)))
        if seen != "undefined":
            self.wrong.append(f"{path}: a script ran")
        self.wrong.extend(f"{path}: {each}" for each in bad)
        refused = [each for each in self.browser.complaints() if "Security Policy" in each]
        self.wrong.extend(f"{path}: {each}" for each in refused)
        hosts = {urlsplit(each).netloc for each in self.browser.requests()}
        here = urlsplit(self.browser.url).netloc
        self.wrong.extend(f"{path}: asked {each}" for each in hosts - {here, ""})
