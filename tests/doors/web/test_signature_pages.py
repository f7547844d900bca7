"""Pages tell verified, valid and invalid signatures apart, also where none is good."""

import pytest

from entrepot.metadata.contents import artifacts
from entrepot.metadata.registry.manifests import find_manifest
from entrepot.model.artifacts import AttachmentCounts
from entrepot.model.repositories import Visibility
from entrepot.oci.names import parse_reference
from tests.doors.browsers import Browser
from tests.doors.conftest import Town


async def page_of(town: Town, marks: AttachmentCounts, tab: str = "") -> tuple[int, str]:
    """The page of an artifact with such marks, or a tab of it."""
    name = await town.build(Visibility.PUBLIC)
    app = town.doors.app
    (repository,) = (each for each in await app.repositories.list_all() if each.name.text == name)
    stored = await find_manifest(app.metadata.reader, repository.id, parse_reference("v1"))
    assert stored is not None
    described = await app.artifacts.describe(repository.id, stored)
    async with app.metadata.begin() as tx:
        await artifacts.write_artifact(tx, described.artifact)
        await artifacts.set_marks(tx, stored.id, marks)
    answer = await Browser(town.doors).get(f"/r/{name}:v1{tab}")
    return answer.status, answer.body.decode()


@pytest.mark.parametrize(
    ("marks", "shown", "hidden"),
    [
        (AttachmentCounts(signatures=1, verified=1), "</svg>verified<", "</svg>signed<"),
        (AttachmentCounts(signatures=1, valid=1), "</svg>signed<", "</svg>verified<"),
        (AttachmentCounts(signatures=1), "</svg>signature not checked<", "</svg>signed<"),
        (AttachmentCounts(invalid=1), "</svg>invalid signature<", "</svg>signed<"),
        (
            AttachmentCounts(signatures=2, verified=1, invalid=1),
            "</svg>invalid signature<",
            "</svg>signed<",
        ),
    ],
    ids=["verified", "valid", "not checked", "invalid", "both"],
)
async def test_a_badge_says_what_came_of_checking(
    town: Town, marks: AttachmentCounts, shown: str, hidden: str
) -> None:
    status, body = await page_of(town, marks)
    assert (status, shown in body, hidden in body) == (200, True, False)


async def test_invalid_signatures_have_a_tab_too(town: Town) -> None:
    status, body = await page_of(town, AttachmentCounts(invalid=1), "/signatures")
    assert status == 200
    assert "There are no signatures" in body
