"""The map of the architecture and the recipes name what is there."""

import re
import sys

import pytest

from tests.house.sources import ROOT, SOURCE

sys.path.insert(0, str(ROOT / "scripts"))
import architecture  # type: ignore[import-not-found]

RECIPES = (ROOT / "CONTRIBUTING.md").read_text().partition("## Recipes")[2].partition("\n## ")[0]
NEEDED = (
    "kind",
    "page field",
    "setting",
    "API endpoint",
    "webhook event",
    "storage backend",
    "query",
    "retention rule",
    "migration",
    "text",
    "translation",
    "wrong answer",
)


def test_the_table_of_packages_is_that_of_the_layer_contract() -> None:
    assert architecture.written() == architecture.MAP.read_text()
    assert all(f"| `{each}` |" in architecture.table() for each in ("cli", "registry", "errors"))


def test_the_map_names_files_that_exist() -> None:
    text = architecture.MAP.read_text()
    named = {*re.findall(r"`([a-z0-9_]+/[a-z0-9_/]*(?:\.(?:py|html))?)`", text)}
    assert named
    assert sorted(each for each in named if not (SOURCE / each).exists()) == []


@pytest.mark.parametrize("change", NEEDED)
def test_there_is_a_recipe_for_each_change_that_newcomers_make(change: str) -> None:
    assert f"### A {change}".replace("A A", "An A") in RECIPES


def test_recipes_name_files_that_exist() -> None:
    paths = set(
        re.findall(r"`((?:src|tests|docs|scripts)/[^`\s]+|CHANGELOG\.md|justfile)`", RECIPES)
    )
    concrete = {each for each in paths if not re.search(r"[A-Z]{3,}\.|NOUN|NUMBER", each)}
    assert len(concrete) > 20
    assert sorted(each for each in concrete if not (ROOT / each).exists()) == []
