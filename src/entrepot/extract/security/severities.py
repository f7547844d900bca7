"""The severity of a finding, in one of six words for the words of all scanners."""

import math
from collections.abc import Iterable
from typing import Final

from entrepot.extract.findings import SEVERITIES
from entrepot.extract.texts import as_text

UNKNOWN: Final = "unknown"
_BANDS: Final = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
_WORDS: Final = {
    "critical": "critical",
    "defcon1": "critical",
    "blocker": "critical",
    "high": "high",
    "important": "high",
    "severe": "high",
    "error": "high",
    "major": "high",
    "medium": "medium",
    "moderate": "medium",
    "warning": "medium",
    "warn": "medium",
    "low": "low",
    "minor": "low",
    "note": "low",
    "negligible": "negligible",
    "unimportant": "negligible",
    "none": "negligible",
    "info": "negligible",
    "information": "negligible",
    "informational": "negligible",
}


def severity_of(value: object) -> str:
    """The word for a scanner's word or score; `unknown` for anything else."""
    text = as_text(value, 100).strip().lower()
    found = _WORDS.get(text)
    if found is None and (score := score_of(value)) is not None:
        return band_of(score)
    return found or UNKNOWN


def score_of(value: object) -> float | None:
    """A score from 0 to 10, also of a number that is written as a text; `None` for the rest."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        score = float(value)
    except (ValueError, OverflowError):
        return None
    return score if math.isfinite(score) and 0 <= score <= 10 else None


def band_of(score: float) -> str:
    """The word for a score, as CVSS has it."""
    return next((name for least, name in _BANDS if score >= least), "negligible")


def best_score(values: Iterable[object]) -> float:
    """The highest of the scores; 0 where there is none."""
    return max((score for value in values if (score := score_of(value)) is not None), default=0.0)


def severity_or_score(word: object, score: float) -> str:
    """Return the severity of the word, else that of the score."""
    found = severity_of(word)
    return band_of(score) if found == UNKNOWN and score else found


def worst(severities: Iterable[str]) -> str:
    """The worst of them that is known."""
    known = [each for each in severities if each in SEVERITIES]
    return min(known, key=SEVERITIES.index, default=UNKNOWN)
