"""Brings the catalogues of translations up to date: `just messages`.

Extracts what templates show, and what kinds are called; keeps the translations that are there, and
compiles them. What lacks a translation is listed.
"""

import re
import sys
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from entrepot.kinds.recognition.catalogue import all_kinds
from entrepot.web import errors

WEB: Final = Path(errors.__file__).parent
LOCALE: Final = WEB / "locale"
_KEYWORDS: Final = {"_": None, "gettext": None, "ngettext": (1, 2)}
_METHODS: Final = [("**.html", "jinja2")]
_OPTIONS: Final = {"**.html": {"extensions": "jinja2.ext.i18n"}}


def wanted() -> Catalog:
    """Every message that a page may show."""
    catalog = Catalog(charset="utf-8")
    found = extract_from_dir(
        str(WEB / "templates"), _METHODS, _OPTIONS, keywords=_KEYWORDS, comment_tags=()
    )
    for _, _, message, _, _ in found:
        catalog.add(message)
    for text in [*_of_kinds(), *_of_modules()]:
        catalog.add(text)
    return catalog


def _of_kinds() -> list[str]:
    return [name for kind in all_kinds() for name in (kind.name, kind.plural)]


def _of_modules() -> list[str]:
    """Titles of pages, and of what can go wrong."""
    texts: list[str] = []
    for path in sorted(WEB.rglob("*.py")):
        texts += re.findall(r'\btitle="([^"]+)"', path.read_text())
    return [*texts, *errors.TITLES.values()]


def update(language: str) -> list[str]:
    """Bring one language up to date; return what it lacks."""
    folder = LOCALE / language / "LC_MESSAGES"
    with (folder / "entrepot.po").open("rb") as file:
        catalog = read_po(file, locale=language)
    fresh = wanted()
    for message in fresh:
        if message.id and message.id not in catalog:
            catalog.add(message.id)
    with (folder / "entrepot.po").open("wb") as file:
        write_po(file, catalog, sort_output=True, omit_header=False, no_location=True, width=0)
    with (folder / "entrepot.mo").open("wb") as file:
        write_mo(file, catalog)
    return [str(message.id) for message in catalog if message.id and not is_translated(message)]


def is_translated(message: Message) -> bool:
    """Whether the message has a text, and each form of its plural."""
    texts = message.string
    # A message that was just added has `None`.
    return all(texts) if isinstance(texts, list | tuple) else bool(texts)


if __name__ == "__main__":
    for each in sorted(LOCALE.iterdir()):
        for text in update(each.name):
            print(f"{each.name}: {text}", file=sys.stderr)
