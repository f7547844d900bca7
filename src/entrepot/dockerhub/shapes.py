"""Repositories, tags and accounts as Docker Hub's API has them."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from entrepot.hub.people.actors import Action
from entrepot.hub.permissions import Rights
from entrepot.kinds.recognition.catalogue import kind_of_id
from entrepot.model.people.accounts import Account, Namespace, NamespaceKind
from entrepot.model.repositories import Repository, Visibility
from entrepot.model.search import Hit
from entrepot.model.tags import TagRow

Document = dict[str, Any]

_IDS: Final = uuid.UUID("5a1c0d9e-6a0b-5d3f-9a53-0e6e1f4f7c11")


def identifier(kind: str, number: int) -> str:
    """A UUID that stands for one of our ids, the same each time."""
    return str(uuid.uuid5(_IDS, f"{kind}:{number}"))


def moment(value: datetime | None) -> str | None:
    """A time as Docker Hub writes it."""
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def listed_repository(hit: Hit) -> Document:
    """A repository in a list."""
    return _repository(
        hit.name, hit.kind, hit.description, hit.visibility, hit.stars, hit.pulls, hit.pushed_at
    )


def found_repository(hit: Hit) -> Document:
    """A repository that a search found."""
    return {
        "repo_name": hit.name,
        "short_description": hit.description,
        "star_count": hit.stars,
        "pull_count": hit.pulls,
        "repo_owner": hit.name.partition("/")[0],
        "is_automated": False,
        "is_official": False,
    }


def whole_repository(repository: Repository, rights: Rights, readme: str) -> Document:
    """A repository by itself."""
    owner, _, _ = repository.name.text.partition("/")
    listed = _repository(
        repository.name.text,
        repository.kind,
        repository.description,
        repository.visibility,
        repository.stars,
        repository.pulls,
        repository.pushed_at or repository.created_at,
    )
    return {
        **listed,
        "user": owner,
        "hub_user": owner,
        "date_registered": moment(repository.created_at),
        "is_automated": False,
        "collaborator_count": 0,
        "has_starred": False,
        "full_description": readme or None,
        "permissions": {
            "read": Action.PULL in rights.actions,
            "write": Action.PUSH in rights.actions,
            "admin": rights.may_administer,
        },
        "storage_size": repository.size,
        "source": None,
    }


def _repository(
    name: str,
    kind: str,
    description: str,
    visibility: Visibility,
    stars: int,
    pulls: int,
    updated: datetime | None,
) -> Document:
    namespace, _, rest = name.partition("/")
    return {
        "name": rest or namespace,
        "namespace": namespace if rest else "",
        "repository_type": "image",
        "status": 1,
        "status_description": "active",
        "description": description,
        "is_private": visibility is Visibility.PRIVATE,
        "star_count": stars,
        "pull_count": pulls,
        "last_updated": moment(updated),
        "last_modified": moment(updated),
        "affiliation": "",
        "media_types": [],
        "content_types": [kind_of_id(kind).hub_type] if kind else [],
        "categories": [],
    }


def tag(row: TagRow, repository: Repository) -> Document:
    """A tag, with an image for each platform of it."""
    artifact = row.artifact
    platforms: Sequence[str] = artifact.platforms if artifact else ()
    size = artifact.size if artifact else row.manifest_size
    return {
        "id": row.manifest_id,
        "name": row.tag,
        "repository": repository.id,
        "creator": 0,
        "last_updated": moment(row.moved_at),
        "last_updater": 0,
        "last_updater_username": row.moved_by or "",
        "full_size": size,
        "v2": True,
        "tag_status": "active",
        "status": "active",
        "tag_last_pulled": moment(row.pulled_at),
        "tag_last_pushed": moment(row.moved_at),
        "digest": row.digest,
        "media_type": row.media_type,
        "content_type": kind_of_id(artifact.kind).hub_type if artifact else "unrecognized",
        "images": [_image(row, each, size, len(platforms)) for each in platforms or ("",)],
    }


def _image(row: TagRow, platform: str, size: int, count: int) -> Document:
    system, _, rest = platform.partition("/")
    architecture, _, variant = rest.partition("/")
    return {
        "architecture": architecture or "unknown",
        "features": "",
        "variant": variant or None,
        # Of an index each image has a digest and a size of its own, which the list does not tell.
        "digest": row.digest if count < 2 else None,
        "os": system or "unknown",
        "os_features": "",
        "os_version": None,
        "size": size if count < 2 else 0,
        "status": "active",
        "last_pulled": moment(row.pulled_at),
        "last_pushed": moment(row.moved_at),
    }


def account_of(account: Account, *, is_own: bool) -> Document:
    """A person; the address of their mail is shown to themselves."""
    return {
        "id": identifier("account", account.id),
        "uuid": identifier("account", account.id),
        "username": account.name,
        "full_name": account.full_name,
        "location": "",
        "company": "",
        "profile_url": "",
        "gravatar_url": "",
        "date_joined": moment(account.created_at),
        "type": "User",
        **({"email": account.email} if is_own else {}),
    }


def organization_of(namespace: Namespace) -> Document:
    """An organization, or the namespace of a person."""
    is_organization = namespace.kind is NamespaceKind.ORGANIZATION
    return {
        "id": identifier("account", namespace.id),
        "uuid": identifier("account", namespace.id),
        "orgname": namespace.name,
        "full_name": namespace.description,
        "location": "",
        "company": "",
        "profile_url": "",
        "date_joined": moment(namespace.created_at),
        "gravatar_url": "",
        "type": "Organization" if is_organization else "User",
    }
