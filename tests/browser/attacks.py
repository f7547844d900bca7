"""Artifacts whose every text is an attack: each place that a page shows, filled with payloads."""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from typing import Final

from tests.wire.content import (
    CONFIG,
    EMPTY,
    EMPTY_TYPE,
    IMAGE,
    INDEX,
    LAYER,
    descriptor,
    digest_of,
    encode,
    image,
    index,
)
from tests.wire.repositories import Repository

_TITLE: Final = "org.opencontainers.image.title"
_WORDS: Final = ("title", "description", "version", "vendor", "authors", "licenses", "base.name")
_LINKS: Final = ("url", "source", "documentation", "revision")
CHART: Final = "application/vnd.cncf.helm.config.v1+json"
_CHART_LAYER: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


class Texts:
    """Payloads handed out one after the other, and again from the first after the last."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._at = 0

    def one(self) -> str:
        """The next payload."""
        self._at += 1
        return self._texts[self._at % len(self._texts)]

    def several(self, count: int) -> list[str]:
        """The next few payloads."""
        return [self.one() for _ in range(count)]

    def all(self) -> list[str]:
        """Every payload."""
        return list(self._texts)


def annotations(texts: Texts) -> dict[str, str]:
    """What OCI gives a meaning to, and one annotation for every payload, in key and value."""
    known = {f"org.opencontainers.image.{each}": texts.one() for each in (*_WORDS, *_LINKS)}
    return known | {f"x.{number}.{text}": text for number, text in enumerate(texts.all())}


def archive(files: Mapping[str, str]) -> bytes:
    """A compressed tar; names may be anything."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, text in files.items():
            content = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return gzip.compress(buffer.getvalue())


def push_image(repository: Repository, tag: str, texts: Texts) -> str:
    """An image with payloads in its config, its history, its labels and its files' names."""
    layer = archive({f"{number}/{text}.": "x" for number, text in enumerate(texts.all())})
    config = {
        "architecture": "amd64",
        "os": "linux",
        "variant": texts.one(),
        "author": texts.one(),
        "created": "2026-01-01T00:00:00Z",
        "config": {
            "Labels": annotations(texts),
            "Env": [f"X={each}" for each in texts.several(10)],
            "Cmd": texts.several(3),
            "Entrypoint": texts.several(3),
            "User": texts.one(),
            "WorkingDir": texts.one(),
            "ExposedPorts": {each: {} for each in texts.several(3)},
            "Volumes": {each: {} for each in texts.several(3)},
        },
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [
            {"created_by": each, "comment": texts.one(), "author": texts.one(), "empty_layer": True}
            for each in texts.all()
        ],
    }
    layers = [descriptor(layer, LAYER, annotations={_TITLE: each}) for each in texts.several(30)]
    return _push(repository, tag, encode(config), CONFIG, layers, [layer], texts)


def push_chart(repository: Repository, tag: str, texts: Texts) -> str:
    """A chart with payloads in all that its pages show."""
    words = ("description", "home", "icon", "appVersion", "kubeVersion", "type", "condition")
    chart: dict[str, object] = {
        "apiVersion": "v2",
        "name": "xss",
        "version": "1.0.0",
        **{each: texts.one() for each in words},
        "keywords": texts.several(20),
        "sources": texts.several(20),
        "maintainers": [{"name": each, "url": texts.one()} for each in texts.several(20)],
        "dependencies": [
            {"name": each, "version": texts.one(), "repository": texts.one()}
            for each in texts.several(20)
        ],
        "annotations": {"artifacthub.io/changes": "\n".join(texts.several(20))}
        | {text: text for text in texts.several(50)},
    }
    everything = "\n\n".join(texts.all())
    values = {f"key {text}": text for text in texts.all()} | {"image": texts.one()}
    files = {
        "xss/Chart.yaml": json.dumps(chart),
        "xss/README.md": everything,
        "xss/values.yaml": "".join(f"# {each!r}\n" for each in texts.all()) + json.dumps(values),
        "xss/values.schema.json": json.dumps({"title": texts.one(), "description": everything}),
        "xss/templates/NOTES.txt": everything,
        "xss/CHANGELOG.md": everything,
        **{f"xss/templates/{each}.yaml": everything for each in texts.several(10)},
    }
    content = archive(files)
    layers = [descriptor(content, _CHART_LAYER)]
    return _push(repository, tag, json.dumps(chart).encode(), CHART, layers, [content], texts)


def push_files(repository: Repository, tag: str, texts: Texts) -> str:
    """Plain files: documents full of payloads, under names that are payloads."""
    everything = "\n\n".join(texts.all())
    kinds = {
        "README.md": "text/markdown",
        "page.html": "text/html",
        "picture.svg": "image/svg+xml",
        "data.json": "application/json",
        "code.js": "text/javascript",
    }
    document = everything.encode()
    layers = [
        descriptor(document, kind, annotations={_TITLE: name, **_notes(texts)})
        for name, kind in kinds.items()
    ]
    layers += [descriptor(document, each, annotations={_TITLE: each}) for each in texts.all()]
    return _push(repository, tag, EMPTY, EMPTY_TYPE, layers, [document], texts)


SHAPES: Final = (
    "{}",
    "[x]({})",
    "![x]({})",
    "![{}](logo.svg)",
    "# {}",
    "`{}`",
    "```{}\n{}\n```",
    "```mermaid\n{}\n```",
    "| {} |\n|---|\n| {} |",
    "> [!NOTE]\n> {}",
    "- [ ] {}",
    '<a href="{}" id="{}">x</a>',
    "<img src='{}' alt='{}'>",
    "<p align='{}'>x</p>",
    "<details><summary>{}</summary>\n\n{}\n\n</details>",
)
"""Places in a README in which a text can stand."""
_DRAWN_ATTACK: Final = (
    "<svg xmlns='http://www.w3.org/2000/svg' onload='window.__xss=1'>"
    "<script>window.__xss=1</script><image href='//evil.test/x.png'/></svg>"
)


def push_readme(repository: Repository, tag: str, texts: Sequence[str]) -> str:
    """A README with these texts in every place, and a picture beside it that means harm."""
    notes = "".join(f"\n[^{number}]: {text}\n" for number, text in enumerate(texts))
    marks = " ".join(f"[^{number}]" for number in range(len(texts)))
    parts = [shape.replace("{}", text) for text in texts for shape in SHAPES]
    front = json.dumps({"title": texts[0], "license": texts[-1], "tags": list(texts)})
    harmless = "![logo](logo.svg)\n\n> [!NOTE]\n> Drawn."
    readme = "\n\n".join([f"---\n{front}\n---", harmless, *parts, marks, notes]).encode()
    contents = {"README.md": readme, "logo.svg": _DRAWN_ATTACK.encode()}
    layers = [
        descriptor(content, "text/plain", annotations={_TITLE: name})
        for name, content in contents.items()
    ]
    return _push(repository, tag, EMPTY, EMPTY_TYPE, layers, [*contents.values()], Texts(texts))


def push_index(repository: Repository, tag: str, texts: Texts, child: bytes) -> str:
    """An index that names an image once for every payload, each time for another platform."""
    children = [
        descriptor(child, IMAGE, annotations={"note": text}, platform=_platform(texts, text))
        for text in texts.all()
    ]
    return repository.tag(tag, index(*children, annotations=annotations(texts)), INDEX)


def _platform(texts: Texts, text: str) -> dict[str, object]:
    return {"os": texts.one(), "architecture": text, "variant": texts.one(), "os.version": text}


def manifest_at(repository: Repository, tag: str) -> bytes:
    """The bytes of a manifest."""
    return repository.client.get(repository.manifest(tag), accept="*/*").expect(200).body


def attach(
    repository: Repository,
    subject: bytes,
    kind: str,
    document: object,
    layer: str = "",
    **notes: str,
) -> str:
    """Attach a document to a manifest, in a layer of this type or of the artifact's own."""
    content = json.dumps(document).encode()
    repository.lay(content)
    manifest = image(
        artifactType=kind,
        config=descriptor(EMPTY, EMPTY_TYPE),
        layers=[descriptor(content, layer or kind, annotations=notes)],
        subject=descriptor(subject, IMAGE),
    )
    return repository.tag(digest_of(manifest), manifest)


def _notes(texts: Texts) -> dict[str, str]:
    return {f"note.{number}": text for number, text in enumerate(texts.several(5))}


def _push(
    repository: Repository,
    tag: str,
    config: bytes,
    kind: str,
    layers: Sequence[Mapping[str, object]],
    blobs: Sequence[bytes],
    texts: Texts,
) -> str:
    repository.lay(config, *blobs)
    described = descriptor(config, kind)
    manifest = image(config=described, layers=layers, annotations=annotations(texts))
    return repository.tag(tag, manifest)
