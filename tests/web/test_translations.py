"""Every page speaks each language whole."""

import re
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from entrepot.web.render import environment_of
from entrepot.web.requests import LANGUAGES
from tests.doors.browsers import Browser
from tests.doors.conftest import Open

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import messages  # type: ignore[import-not-found]  # noqa: E402 - a script, and no package

TRANSLATED = [each for each in LANGUAGES if each != "en"]
_PLACES = re.compile(r"%\(\w+\)s")


def catalogue(language: str, kind: str) -> Catalog:
    """A language's catalogue, as it is written or as it is compiled."""
    path = messages.LOCALE / language / "LC_MESSAGES" / f"entrepot.{kind}"
    with path.open("rb") as file:
        return read_po(file, locale=language) if kind == "po" else read_mo(file)


def texts_of(value: object) -> list[str]:
    """A text, or the forms of a plural."""
    return [value] if isinstance(value, str) else [str(each) for each in value]  # type: ignore[attr-defined]


@pytest.mark.parametrize("language", TRANSLATED)
def test_everything_that_a_page_shows_is_translated(language: str) -> None:
    catalog = catalogue(language, "po")
    lacking = [
        message.id
        for message in messages.wanted()
        if message.id
        and not (catalog.get(message.id) and messages.is_translated(catalog[message.id]))
    ]
    assert lacking == []


def test_a_new_text_has_no_translation_yet() -> None:
    catalog = Catalog(locale="zh")
    for text in ("A new text", ("%(num)s text", "%(num)s texts")):
        catalog.add(text)
    added = [message for message in catalog if message.id]
    assert [messages.is_translated(message) for message in added] == [False, False]


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_fill_in_the_same_places(language: str) -> None:
    for message in catalogue(language, "po"):
        due = set(_PLACES.findall(texts_of(message.id)[-1]))
        for text in texts_of(message.string):
            assert set(_PLACES.findall(text)) == due, message.id


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    written, compiled = (catalogue(language, kind) for kind in ("po", "mo"))
    for message in written:
        if message.id and message.string:
            assert texts_of(compiled[message.id].string) == texts_of(message.string)


@pytest.mark.parametrize(
    ("accepted", "chosen", "shown"),
    [
        ("zh-CN,zh;q=0.9", "", "zh-Hans"),
        ("fr,zh;q=0.8", "", "zh-Hans"),
        ("fr", "", "en"),
        ("zh-CN", "en", "en"),
        ("en", "zh", "zh-Hans"),
        ("en", "xx", "en"),
    ],
)
async def test_the_language_is_chosen_by_hand_or_by_the_browser(
    open_doors: Open, accepted: str, chosen: str, shown: str
) -> None:
    headers = {"accept_language": accepted, "cookie": f"entrepot_language={chosen}"}
    answer = await open_doors().ask_with("GET", "/", b"", headers)
    assert answer.header("content-language") == shown
    assert f'lang="{shown}"'.encode() in answer.body
    assert ("登录".encode() in answer.body) == (shown == "zh-Hans")


async def test_a_page_in_a_new_language_says_so(
    open_doors: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LANGUAGES, "fr", "Français")
    answer = await open_doors().ask_with("GET", "/", b"", {"accept_language": "fr"})
    assert answer.header("content-language") == "fr"
    assert b'<html lang="fr"' in answer.body


async def test_a_percent_sign_is_only_a_percent_sign(open_doors: Open) -> None:
    for target in ("/search?q=100%25", "/packages?q=%25s", "/login?next=/%25(x)s"):
        answer = await Browser(open_doors()).get(target)
        assert answer.status == 200


@pytest.mark.parametrize(
    ("count", "text"), [(1, "1 pull"), (30608, "30\u202f608 pulls"), (12_345_678, "12.3 M pulls")]
)
def test_counts_in_sentences_are_written_as_counts(count: int, text: str) -> None:
    template = environment_of("en").from_string(
        "{{ ngettext('%(num)s pull', '%(num)s pulls', count) }}"
    )
    assert template.render(count=count) == text
