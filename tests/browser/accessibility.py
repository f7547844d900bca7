"""axe-core in the page that is shown, and what it says there."""

import json
from functools import cache
from typing import Final

from tests.browser.browsers import Browser
from tests.support.requirements import TOOLS, missing

_RUN: Final = """
const [kind, values, done] = arguments;
const look = () => axe.run(document,
  {resultTypes: ['violations'], runOnly: {type: kind, values}})
  .then(found => done(JSON.stringify(found.violations.flatMap(rule => rule.nodes.map(
    node => rule.id + ': ' + node.target.join(' ') + ' | ' + node.failureSummary)))));
// The page hears of its new size with the next frame, and only then of what must scroll there.
requestAnimationFrame(() => requestAnimationFrame(look));
"""
_RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_COLOURS: Final = ("color-contrast", "link-in-text-block")
"""The rules that look at colours: a theme changes nothing for the others."""


@cache
def _source() -> str:
    place = TOOLS.parent / "axe" / "axe.min.js"
    if not place.is_file():
        missing("axe-core is not there (scripts/tools.sh)")
    return place.read_text()


def violations(browser: Browser, *, only_colours: bool = False) -> list[str]:
    """Each element of the page that breaks a rule, with the rule and what to do about it."""
    what = ("rule", _COLOURS) if only_colours else ("tag", _RULES)
    if browser.run("return typeof axe") == "undefined":
        browser.run(_source())
    found = json.loads(str(browser.driver.execute_async_script(_RUN, *what)))
    return [str(each) for each in found]
