"""`If-Match` and `If-None-Match` on pushes and deletions of manifests."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_INDEX
from tests.doors.conftest import INDEX, INDEX_DIGEST, Town
from tests.doors.doors import Answer
from tests.wire.content import index

NEW = index(annotations={"a": "new one"})
NEW_DIGEST = Digest.of(NEW)
THERE, OTHER = f'"{INDEX_DIGEST}"', f'"{NEW_DIGEST}"'


async def put(
    town: Town,
    name: str,
    reference: object,
    content: bytes = NEW,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Answer:
    """Push an index."""
    target = f"/v2/{name}/manifests/{reference}"
    auth = town.auth["owner"]
    return await town.doors.ask(
        "PUT", target, content, auth=auth, content_type=OCI_INDEX, **headers
    )


async def delete(town: Town, name: str, reference: object, headers: Mapping[str, str]) -> Answer:
    """Delete a tag or a manifest."""
    target = f"/v2/{name}/manifests/{reference}"
    given = {"authorization": town.auth["owner"] or "", **headers}
    return await town.doors.ask_with("DELETE", target, b"", given)


async def digest_at(town: Town, name: str, reference: object) -> str | None:
    """What a reference points at."""
    target = f"/v2/{name}/manifests/{reference}"
    answer = await town.doors.ask("HEAD", target, auth=town.auth["owner"])
    return answer.header("docker-content-digest")


CONDITIONS = [
    ("if_match", THERE, True),
    ("if_match", "*", True),
    ("if_match", " * ", True),
    ("if_match", f"{OTHER}, {THERE}", True),
    ("if_match", f"{OTHER},{THERE}", True),
    ("if_match", str(INDEX_DIGEST), True),
    ("if_match", OTHER, False),
    ("if_match", f"W/{THERE}", False),
    ("if_match", f"W/{THERE}, {OTHER}", False),
    ("if_match", "", False),
    ("if_match", '"*"', False),
    ("if_none_match", "*", False),
    ("if_none_match", THERE, False),
    ("if_none_match", f"W/{THERE}", False),
    ("if_none_match", f'"x", {THERE}', False),
    ("if_none_match", OTHER, True),
    ("if_none_match", "", True),
    ("if_none_match", '"x,y"', True),
]
"""A header, and whether it holds where the old manifest is there."""


@pytest.mark.parametrize(("header", "value", "holds"), CONDITIONS)
async def test_a_tag_moves_where_the_condition_holds(
    town: Town, header: str, value: str, holds: bool
) -> None:
    name = await town.build(Visibility.PRIVATE)
    answer = await put(town, name, "v1", headers={header: value})
    assert answer.status == (201 if holds else 412)
    assert await digest_at(town, name, "v1") == str(NEW_DIGEST if holds else INDEX_DIGEST)
    if not holds:
        assert answer.codes == ["PRECONDITION_FAILED"]
        assert await digest_at(town, name, NEW_DIGEST) is None


@pytest.mark.parametrize(("header", "value", "holds"), CONDITIONS)
@pytest.mark.parametrize("reference", ["v1", INDEX_DIGEST])
async def test_a_deletion_happens_where_the_condition_holds(
    town: Town, header: str, value: str, holds: bool, reference: object
) -> None:
    name = await town.build(Visibility.PRIVATE)
    answer = await delete(town, name, reference, headers={header: value})
    assert answer.status == (202 if holds else 412)
    assert (await digest_at(town, name, reference) is None) is holds


@pytest.mark.parametrize(
    ("header", "value", "holds"),
    [
        ("if_none_match", "*", True),
        ("if_none_match", THERE, True),
        ("if_match", "*", False),
        ("if_match", THERE, False),
    ],
)
@pytest.mark.parametrize("reference", ["v2", NEW_DIGEST])
async def test_what_is_not_there_matches_nothing(
    town: Town, header: str, value: str, holds: bool, reference: object
) -> None:
    name = await town.build(Visibility.PRIVATE)
    assert (await delete(town, name, reference, headers={header: value})).status == (
        404 if holds else 412
    )
    answer = await put(town, name, reference, headers={header: value})
    assert answer.status == (201 if holds else 412)
    again = await put(town, name, reference, headers={"if_none_match": "*"})
    assert again.status == (412 if holds else 201)


async def test_a_repository_is_not_made_by_a_push_whose_condition_fails(town: Town) -> None:
    name = await town.build(None)
    assert (await put(town, name, "v1", headers={"if_match": "*"})).status == 412
    target = f"/v2/{name}/tags/list"
    assert (await town.doors.ask("GET", target, auth=town.auth["owner"])).status == 404
    assert (await put(town, name, "v1", headers={"if_none_match": "*"})).status == 201


async def test_both_conditions_must_hold(town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    assert (
        await put(town, name, "v1", headers={"if_match": THERE, "if_none_match": THERE})
    ).status == 412
    assert (
        await put(town, name, "v1", headers={"if_match": THERE, "if_none_match": OTHER})
    ).status == 201
    assert (await put(town, name, "v1", INDEX, headers={"if_match": THERE})).status == 412


async def test_of_two_who_push_a_new_tag_at_once_one_is_refused(town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    contents = [index(annotations={"n": str(number)}) for number in range(8)]
    answers = await asyncio.gather(
        *(put(town, name, "once", content, headers={"if_none_match": "*"}) for content in contents)
    )
    assert sorted(answer.status for answer in answers) == [201, *[412] * 7]
