"""Repositories as their owners see them."""

import pytest

from entrepot.errors import RepositoryUnknown
from entrepot.hub.repositories import Repositories
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName
from tests.metadata.rows import add_manifest, add_repository

NAME = RepositoryName("a/b")


async def test_repositories_are_listed_by_name(
    repositories: Repositories, metadata: Metadata
) -> None:
    for name in ("b", "a/b", "a"):
        await add_repository(metadata, name)
    assert [str(each.name) for each in await repositories.list_all()] == ["a", "a/b", "b"]


async def test_a_repository_is_opened_and_closed(
    repositories: Repositories, metadata: Metadata
) -> None:
    await add_repository(metadata, NAME.text)
    for visibility in (Visibility.PUBLIC, Visibility.PRIVATE):
        await repositories.set_visibility(NAME, visibility)
        assert (await repositories.get(NAME)).visibility is visibility


async def test_a_deleted_repository_is_gone(repositories: Repositories, metadata: Metadata) -> None:
    await add_manifest(metadata, await add_repository(metadata, NAME.text))
    await repositories.delete(NAME)
    assert await repositories.list_all() == []


async def test_a_repository_that_is_not_there_is_named(repositories: Repositories) -> None:
    for work in (
        repositories.get(NAME),
        repositories.delete(NAME),
        repositories.set_visibility(NAME, Visibility.PUBLIC),
    ):
        with pytest.raises(RepositoryUnknown, match="a/b"):
            await work
