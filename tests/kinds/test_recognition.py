"""Recognition: every kind by what its specification says, and never more than is proven."""


import pytest

from entrepot.kinds.catalogue import (
    all_kinds,
    recognize,
)
from tests.kinds.corpus import evidence, expected, names


@pytest.mark.parametrize("name", names())
def test_a_specimen_is_what_its_specification_says(name: str) -> None:
    assert recognize(evidence(name)).id == expected(name)


def test_the_corpus_shows_all_kinds_but_those_that_nobody_specified() -> None:
    shown = {expected(name) for name in names()}
    assert len(shown) >= 75
    assert {kind.id for kind in all_kinds()} - shown == {
        "grype-report",
        "harbor-report",
        "trivy-report",
    }
