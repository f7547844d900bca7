"""Kinds that other packages add, as the documentation tells them to."""

import logging
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from entrepot.kinds.recognition import catalogue
from entrepot.kinds.recognition.kind import Description
from entrepot.kinds.recognition.manifest_view import ManifestView
from tests.kinds import places
from tests.kinds.corpus import view

_DOCUMENT = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-kind.md"


def _blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$", _DOCUMENT.read_text(), re.DOTALL | re.MULTILINE
    )


def _install(directory: Path, name: str, modules: dict[str, str], points: dict[str, str]) -> None:
    """What an installer leaves: modules, and what the package says of itself."""
    for module, source in modules.items():
        (directory / f"{module}.py").write_text(source)
    told = directory / f"{name}-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{key} = {value}" for key, value in points.items()]
    (told / "entry_points.txt").write_text(f"[{catalogue.GROUP}]\n" + "\n".join(lines) + "\n")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place where packages are installed for this test only."""
    monkeypatch.syspath_prepend(tmp_path)
    known = set(sys.modules)
    _forget()
    yield tmp_path
    for name in set(sys.modules) - known:
        if (tmp_path / f"{name}.py").exists():
            del sys.modules[name]
    _forget()


def _forget() -> None:
    catalogue.third_party_kinds.cache_clear()
    catalogue._by_id.cache_clear()


def _of_type(media_type: str) -> ManifestView:
    found = view("unknown-artifact")
    return replace(found, manifest=replace(found.manifest, artifact_type=media_type))


def test_the_kind_of_the_documentation_is_recognised(packages: Path) -> None:
    (source,) = _blocks("python")
    (project,) = _blocks("toml")
    points = tomllib.loads(project)["project"]["entry-points"][catalogue.GROUP]
    assert len(source.splitlines()) <= 30
    _install(packages, "acme_widgets", {"acme_widgets": source}, points)
    widget = replace(
        _of_type("application/vnd.acme.widget.v1"), config={"size": 3, "look": {"colour": "red"}}
    )
    kind = catalogue.recognize(widget)
    assert (kind.id, kind.name) == ("acme-widget", "Acme widget")
    assert catalogue.find_kind("acme-widget") is kind
    assert kind.commands(places.PUBLIC, widget)[0].text == f"widget run {places.PUBLIC.reference}"
    assert [(each.label, each.value) for each in kind.facts(widget)] == [
        ("Size", "3"),
        ("Colour", "red"),
    ]


def test_without_the_package_it_is_not() -> None:
    assert catalogue.recognize(_of_type("application/vnd.acme.widget.v1")).id == "unknown"


_FAILING = """
from dataclasses import replace
from entrepot.kinds.files import FILES

def fail(*words):
    raise RuntimeError("a stranger's mistake")

ASKED = replace(FILES, id="fails-when-asked", name="a", recognizes=fail)
SPEAKS = replace(
    FILES,
    id="fails-when-it-speaks",
    name="b",
    recognizes=lambda evidence: evidence.manifest.artifact_type == "application/vnd.acme.speaks",
    commands=fail,
    describe=fail,
    facts=fail,
)
BOTH = [ASKED, "no kind at all", SPEAKS]
NEITHER = 5
"""


def test_a_kind_that_fails_is_passed_over(packages: Path, caplog: pytest.LogCaptureFixture) -> None:
    points = {
        "broken": "no_such_module:KIND",
        "number": "strangers:NEITHER",
        "all": "strangers:BOTH",
    }
    _install(packages, "strangers", {"strangers": _FAILING}, points)
    with caplog.at_level(logging.ERROR, "entrepot.kinds.recognition.catalogue"):
        assert catalogue.recognize(view("helm-chart")).id == "helm-chart"
    failed = [each.message for each in caplog.records]
    assert sorted(failed) == [
        "a kind could not be loaded",
        "a kind could not be loaded",
        "a kind failed to look at an artifact",
    ]


def test_a_kind_that_fails_to_speak_says_nothing(packages: Path) -> None:
    _install(packages, "strangers", {"strangers": _FAILING}, {"all": "strangers:BOTH"})
    found = _of_type("application/vnd.acme.speaks")
    kind = catalogue.recognize(found)
    assert kind.id == "fails-when-it-speaks"
    assert kind.commands(places.PUBLIC, found) == ()
    assert kind.facts(found) == ()
    assert kind.describe(found) == Description()
