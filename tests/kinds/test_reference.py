"""The reference tells of every kind, as the code has it."""

import re
from pathlib import Path

from entrepot.kinds.recognition.catalogue import all_kinds
from entrepot.kinds.recognition.predicates import deciding_types

_DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "kinds.md"


def _rows() -> dict[str, tuple[str, set[str]]]:
    rows = re.findall(r"^\| (.+?) \| `([^`]+)` \| (.*) \|$", _DOCUMENT.read_text(), re.MULTILINE)
    return {id_: (name, set(re.findall(r"`([^`]+)`", types))) for name, id_, types in rows}


def test_every_kind_is_in_the_reference_and_nothing_else() -> None:
    assert _rows() == {
        kind.id: (
            kind.name + (" (attached)" if kind.is_attachment else ""),
            set(deciding_types(kind.recognizes)),
        )
        for kind in all_kinds()
    }
