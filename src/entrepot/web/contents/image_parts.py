"""An image as its page shows it: the layers of one platform beside their sizes, and its config."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from entrepot.hub.contents.artifact_views import OpenedArtifact
from entrepot.kinds.recognition.kind import Fact, Tab
from entrepot.web.contents.artifact_parts import LayerLine, facts_of_artifact, layers_of

_KEYWORDS: Final = frozenset(
    {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK"}
    | {"LABEL", "MAINTAINER", "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME"}
    | {"WORKDIR"}
)
_MOST_BARS: Final = 30
_MOST_STEPS: Final = 8
_MOST_LINES: Final = 60
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class LayerBar:
    """A layer with its Dockerfile keyword; `width` is its percentage of the largest layer.

    `start` and `share` place it in a bar of all layers, in percent.
    """

    number: int
    line: LayerLine
    keyword: str
    text: str
    width: float
    start: float
    share: float
    is_base: bool


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image of one platform; `steps` are build steps that made no layer."""

    platform: str
    digest: str
    size: int
    created: str
    layer_count: int
    bars: list[LayerBar]
    steps: list[str]
    base: str
    base_size: int
    own_size: int
    facts: list[Fact]
    environment: list[tuple[str, str]]
    labels: list[tuple[str, str]]


def image_of(opened: OpenedArtifact) -> ImagePart | None:
    """Return the image's layers and config; `None` of what has no layers of an image."""
    described = opened.described
    artifact = described.artifact
    if Tab.LAYERS not in described.kind.tabs or not described.manifest.layers:
        return None
    lines = layers_of(described)
    layers = [line for line in lines if line.digest]
    base = described.description.base_name
    based = _base_layers(lines) if base else 0
    config = described.view.config.get("config")
    said = config if isinstance(config, dict) else {}
    return ImagePart(
        platform=artifact.platforms[0] if artifact.platforms else "",
        digest=described.stored.digest,
        size=artifact.size,
        created=artifact.created,
        layer_count=len(layers),
        bars=_bars(layers, based)[:_MOST_BARS],
        steps=[line.instruction[:_LONGEST] for line in lines if not line.digest][:_MOST_STEPS],
        base=base,
        base_size=sum(line.size for line in layers[:based]),
        own_size=sum(line.size for line in layers[based:]),
        facts=facts_of_artifact(opened),
        environment=_environment(said.get("Env")),
        labels=_labels(said.get("Labels")),
    )


def _bars(layers: Sequence[LayerLine], based: int) -> list[LayerBar]:
    largest = max((line.size for line in layers), default=0) or 1
    total = sum(line.size for line in layers) or 1
    bars, before = [], 0
    for number, line in enumerate(layers, 1):
        keyword, text = _instruction(line)
        bars.append(
            LayerBar(
                number=number,
                line=line,
                keyword=keyword,
                text=text,
                width=round(100 * line.size / largest, 2),
                start=round(100 * before / total, 2),
                share=round(100 * line.size / total, 2),
                is_base=number <= based,
            )
        )
        before += line.size
    return bars


def _instruction(line: LayerLine) -> tuple[str, str]:
    """The keyword of the step that made the layer, and the rest of the step."""
    keyword, _, text = line.instruction.partition(" ")
    if keyword not in _KEYWORDS:
        return "", (line.instruction or line.title)[:_LONGEST]
    return keyword, text.removeprefix("/bin/sh -c ").strip()[:_LONGEST]


def _base_layers(lines: Sequence[LayerLine]) -> int:
    """How many layers came with the base image: its own build ended with a CMD, as bases do.

    Configs do not tell where the base ends; 0 where no CMD comes before another layer.
    """
    count, based = 0, 0
    waiting = 0
    for line in lines:
        if line.digest:
            based = waiting or based
            count += 1
        elif line.instruction.startswith("CMD"):
            waiting = count
    return based


def _environment(value: object) -> list[tuple[str, str]]:
    lines = value[:_MOST_LINES] if isinstance(value, list) else []
    pairs = (str(line)[: 2 * _LONGEST].partition("=") for line in lines)
    return [(name, text) for name, _, text in pairs]


def _labels(value: object) -> list[tuple[str, str]]:
    labels: Mapping[object, object] = value if isinstance(value, dict) else {}
    return [
        (str(name)[:_LONGEST], str(text)[: 2 * _LONGEST])
        for name, text in list(labels.items())[:_MOST_LINES]
    ]
