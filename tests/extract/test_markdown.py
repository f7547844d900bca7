"""Markdown of strangers: GitHub's in full, and no harm in it."""

import base64
import time
from html.parser import HTMLParser
from typing import Final

import pytest

from entrepot.extract.limits import InputTooLarge
from entrepot.extract.readmes.emoji import with_emoji
from entrepot.extract.readmes.links import HERE, Surroundings
from entrepot.extract.readmes.markdown import MAX, render
from entrepot.extract.readmes.rewriting import PREFIX
from tests.browser.payloads import PAYLOADS
from tests.extract.hostile_markdown import HOSTILE

PNG: Final = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
AROUND: Final = Surroundings(
    path="docs/README.md",
    files=frozenset({"docs", "docs/setup.md", "docs/logo.png", "src", "src/main.py"}),
    previews=frozenset({"docs/setup.md"}),
    pictures={"docs/logo.png": PNG},
    source="https://github.com/acme/demo.git",
)
_NAMES: Final = (
    "script style svg math iframe form object embed base link meta button select textarea video "
    "audio frame frameset template noscript source picture body html"
)
_HARMFUL: Final = frozenset(_NAMES.split())
_OPEN: Final = ("http:", "https:", "mailto:", f"#{PREFIX}", HERE)


class Watch(HTMLParser):
    """Notes whatever could run, style, load, lead elsewhere or be taken for the page's own."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag with its attributes."""
        said = {name: value or "" for name, value in attrs}
        if tag in _HARMFUL or (tag == "input" and said.get("type") != "checkbox"):
            self.found.append(tag)
        for name, value in said.items():
            text = value.strip().lower()
            if name.startswith("on") or name in ("style", "srcset", "formaction", "background"):
                self.found.append(name)
            if name == "href" and not text.startswith(_OPEN):
                self.found.append(text)
            if name == "src" and value != PNG:
                self.found.append(text)
            if name in ("id", "name") and not value.startswith(PREFIX):
                self.found.append(value)


def watched(html: str) -> list[str]:
    """Whatever is wrong with some HTML."""
    watch = Watch()
    watch.feed(html)
    return watch.found


def test_no_attack_survives_in_any_place_of_a_readme() -> None:
    assert len(PAYLOADS) >= 500
    shapes = (
        "{}",
        "[x]({})",
        "![x]({})",
        "![{}](logo.png)",
        "# {}",
        "`{}`",
        "```{}\n{}\n```",
        "| {} |\n|---|\n| {} |",
        "<{}>",
        "> [!NOTE]\n> {}",
        "- [ ] {}",
        "x[^1]\n\n[^1]: {}",
        '<a href="{}" id="{}">x</a>',
        "<img src='{}' alt='{}'>",
        "<details><summary>{}</summary>\n\n{}\n\n</details>",
    )
    for payload in PAYLOADS:
        for text in ("\n\n".join(shapes).replace("{}", payload), payload):
            assert watched(render(text, AROUND)) == [], text


def test_classes_are_the_hub_s_own() -> None:
    html = render('<div class="dialog alert"><span class="chip k">x</span></div>\n\n<p class="x">y')
    assert 'class="dialog' not in html
    assert "chip" not in html
    assert 'class="x"' not in html


@pytest.mark.parametrize("name", HOSTILE)
def test_what_means_to_be_slow_ends_soon_or_is_refused(name: str) -> None:
    began = time.process_time()
    try:
        html = render(HOSTILE[name][:200_000], AROUND)
    except InputTooLarge:
        html = ""
    assert time.process_time() - began < 20
    assert len(html) <= 3 * MAX
    assert watched(html) == []


def test_what_is_longer_than_the_limit_is_refused() -> None:
    with pytest.raises(InputTooLarge, match="1,000,000"):
        render("a" * (MAX + 1))


def test_what_scrolls_is_reached_with_the_keyboard() -> None:
    html = render("```\nhelm install\n```\n\n| a | b |\n| - | - |\n| 1 | 2 |\n")
    assert '<pre tabindex="0">' in html
    assert '<table tabindex="0">' in html


def test_headings_are_below_the_page_s_own_and_have_anchors_as_on_github() -> None:
    html = render("# Title :rocket:\n\n## Über `x` & y!\n\n## A\n\n## A\n\n[jump](#title-rocket)")
    assert f'<h2 id="{PREFIX}title-rocket">Title 🚀' in html
    assert f'<h3 id="{PREFIX}über-x--y">' in html
    assert f'<h3 id="{PREFIX}a">' in html
    assert f'<h3 id="{PREFIX}a-1">' in html
    assert f'<a href="#{PREFIX}title-rocket"' in html
    assert f'<a class="anchor" href="#{PREFIX}a-1" aria-label="#A"' in html


HTML: Final = {
    "details": ("<details open><summary>More</summary>\n\n**b**\n\n</details>", "<details open"),
    "line break": ("a<br>b", "a<br>b"),
    "keys": ("<kbd>Ctrl</kbd>", "<kbd>Ctrl</kbd>"),
    "subscript": ("H<sub>2</sub>O x<sup>2</sup>", "H<sub>2</sub>O x<sup>2</sup>"),
    "heading": ('<h1 align="center">Demo</h1>', 'align="center">Demo'),
    "paragraph": ('<p align="center">x</p>', '<p align="center">x</p>'),
    "list of terms": ("<dl><dt>a</dt><dd>b</dd></dl>", "<dl><dt>a</dt><dd>b</dd></dl>"),
    "cells": ('<table><tr><td align="right">1</td></tr></table>', '<td align="right">1</td>'),
    "alignment": ("| a |\n|:-:|\n| 1<br>2 |", '<td align="center">1<br>2</td>'),
    "strikethrough": ("~~gone~~", "<del>gone</del>"),
    "autolink": ("www.example.com", '<a href="http://www.example.com"'),
    "mail": ("user@example.com", '<a href="mailto:user@example.com"'),
    "comment": ("<!-- hidden -->\nseen", "seen"),
    "emoji": (":tada: :+1: :no_such_thing:", "🎉 👍 :no_such_thing:"),
    "emoji in code": ("`:tada:`", "<code>:tada:</code>"),
    "entity": ("&copy; &amp;", "© &amp;"),
    "done": ("- [x] done", '<input type="checkbox" disabled="" checked="" aria-label="done">'),
    "to do": ("- [ ] later", '<input type="checkbox" disabled="" aria-label="to do"> later'),
    "footnote": ("x[^n]\n\n[^n]: note", f'<li id="{PREFIX}fn-n">'),
    "to the footnote": ("x[^n]\n\n[^n]: note", f'href="#{PREFIX}fn-n"'),
    "anchor": ('<a name="here"></a>', f'<a name="{PREFIX}here"'),
    "note": ("> [!NOTE]\n> Text", '<div class="alert alert-note"><p class="alert-title">Note</p>'),
    "caution": ("> [!caution]\n> Text", '<div class="alert alert-caution">'),
    "quote": ("> [!NOTHING]\n> Text", "<blockquote>"),
    "late mark": ("> a\n> [!NOTE]", "<blockquote>"),
    "diff": ("```diff\n- a\n+ b\n```", '<span class="gd">- a</span>'),
    "language": ("```python\nimport os\n```", '<span class="kn">import</span>'),
    "no language": ("```nolanguage\n<b>\n```", "<code>&lt;b&gt;\n</code>"),
    "diagram": ("```mermaid\ngraph TD; A-->B;\n```", "<figcaption>Mermaid</figcaption><pre"),
    "formula": ("$E=mc^2$", "$E=mc^2$"),
}


@pytest.mark.parametrize("name", HTML)
def test_what_github_shows_is_shown(name: str) -> None:
    text, expected = HTML[name]
    html = render(text)
    assert expected in html
    assert "hidden" not in html


LINKS: Final = {
    "beside": ("[x](setup.md)", f'href="{HERE}files?name=file%3Adocs%2Fsetup.md"'),
    "with a fragment": ("[x](./setup.md#top)", f'href="{HERE}files?name=file%3Adocs%2Fsetup.md"'),
    "from the root": ("[x](/docs/setup.md)", f'href="{HERE}files?name=file%3Adocs%2Fsetup.md"'),
    "above": ("[x](../src/main.py)", f'href="{HERE}files?q=src%2Fmain.py"'),
    "a directory": ("[x](../src/)", f'href="{HERE}files?q=src"'),
    "in the source code": (
        "[x](../LICENSE)",
        'href="https://github.com/acme/demo/blob/HEAD/LICENSE"',
    ),
    "above the root": (
        "[x](../../../etc/passwd)",
        'href="https://github.com/acme/demo/blob/HEAD/etc/passwd"',
    ),
    "another host": ("[x](//example.com/y)", 'href="https://example.com/y"'),
    "a picture": ("![logo](logo.png)", f'<img src="{PNG}" alt="logo"'),
    "a picture in HTML": ('<img src="./logo.png" width="90">', f'<img src="{PNG}" width="90"'),
    "a remote picture": (
        "![badge](https://example.com/b.svg)",
        '<a class="picture" href="https://example.com/b.svg"',
    ),
    "a linked picture": (
        "[![badge](https://example.com/b.svg)](https://example.com/ci)",
        '<span class="picture">badge</span></a>',
    ),
    "of several": (
        '<picture><source srcset="dark.png"><img src="logo.png" alt="l"></picture>',
        f'<img src="{PNG}" alt="l">',
    ),
}


@pytest.mark.parametrize("name", LINKS)
def test_what_is_relative_leads_into_the_artifact(name: str) -> None:
    text, expected = LINKS[name]
    assert expected in render(text, AROUND)


def test_what_leads_nowhere_is_no_link() -> None:
    assert "<a" not in render("[words](missing.md) [x](javascript:a) [y](data:text/html,x)")
    assert "words" in render("[words](missing.md)")


def test_a_repository_s_own_readme_links_below_its_page() -> None:
    html = render("[tags](-/tags)", Surroundings(is_repository=True))
    assert f'href="{HERE}-/tags"' in html


def test_a_picture_that_is_shown_often_does_not_make_the_page_endless() -> None:
    large = Surroundings(pictures={"a.png": "data:image/png;base64," + "A" * 200_000})
    html = render("![a](a.png)" * 1000, large)
    assert len(html) < 4 * MAX
    assert html.count("<img") == 6


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: x\n---\n# Demo",
        "\ufeff---\r\ntitle: x\r\n---\r\n# Demo",
        "+++\ntitle = 'x'\n+++\n# Demo",
        "---\ntitle: a: b: [\n---\n# Demo",
        "---\n---\n# Demo",
        "---\ntags:\n- a\n...\n# Demo",
    ],
)
def test_what_stands_in_front_is_no_text(text: str) -> None:
    html = render(text)
    assert html.startswith(f'<h2 id="{PREFIX}demo">Demo')


def test_rules_around_text_are_text() -> None:
    assert "Hello" in render("---\nHello\n---\n# Demo")


def test_emoji_are_known_by_github_s_names() -> None:
    assert with_emoji(":rocket::heart:") == "🚀❤️"


def test_a_text_that_is_nested_deeper_than_pages_can_be_is_too_large() -> None:
    assert "<blockquote>" in render(">" * 100 + " deep")
    for text in (">" * 250 + " deep", "<div>\n" * 250 + "deep"):
        with pytest.raises(InputTooLarge, match="nested"):
            render(text)
