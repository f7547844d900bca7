"""Model cards of CycloneDX's ML-BOMs (1.5 and later): what a model is for, and how good."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from entrepot.extract.limits import cut
from entrepot.extract.texts import as_items, as_mapping, as_text

MODEL: Final = "machine-learning-model"
_MOST: Final = 20


def facts_of(component: Mapping[str, Any]) -> dict[str, str]:
    """Return the facts of a component's model card, line by line; none without a card."""
    card = as_mapping(component.get("modelCard"))
    parameters = as_mapping(card.get("modelParameters"))
    analysis = as_mapping(card.get("quantitativeAnalysis"))
    considerations = as_mapping(card.get("considerations"))
    return {
        "Task": as_text(parameters.get("task"), 200),
        "Architecture": _both(parameters, "architectureFamily", "modelArchitecture"),
        "Learning": as_text(as_mapping(parameters.get("approach")).get("type"), 100),
        "Data sets": _joined(map(_dataset, as_items(parameters.get("datasets")))),
        "Inputs": _joined(_formats(parameters.get("inputs"))),
        "Outputs": _joined(_formats(parameters.get("outputs"))),
        "Metrics": _joined(map(_metric, as_items(analysis.get("performanceMetrics")))),
        "Users": _joined(_texts(considerations.get("users"))),
        "Use cases": _joined(_texts(considerations.get("useCases"))),
        "Limitations": _joined(_texts(considerations.get("technicalLimitations"))),
        "Trade-offs": _joined(_texts(considerations.get("performanceTradeoffs"))),
        "Ethical considerations": _joined(_texts(considerations.get("ethicalConsiderations"))),
    }


def _joined(texts: Iterator[str]) -> str:
    found = [text for _, text in zip(range(_MOST), texts, strict=False) if text]
    return cut("; ".join(found))


def _both(said: Mapping[str, Any], one: str, other: str) -> str:
    return " ".join(text for key in (one, other) if (text := as_text(said.get(key), 200)))


def _dataset(value: object) -> str:
    said = as_mapping(value)
    return as_text(said.get("name") or said.get("ref") or said.get("type"), 200)


def _formats(value: object) -> Iterator[str]:
    return (as_text(as_mapping(each).get("format"), 100) for each in as_items(value))


def _metric(value: object) -> str:
    said = as_mapping(value)
    text = " ".join(as_text(said.get(key), 100) for key in ("type", "value")).strip()
    part = as_text(said.get("slice"), 100)
    return f"{text} ({part})" if part and text else text


def _texts(value: object) -> Iterator[str]:
    """Texts, or objects that have a name: ethical considerations are those."""
    for each in as_items(value):
        yield as_text(as_mapping(each).get("name") if isinstance(each, dict) else each, 500)
