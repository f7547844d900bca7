"""The form of a file that declares an organization. A section that is left out stays as it is."""

from pathlib import Path
from typing import Final, Literal

from msgspec import UNSET, Struct, UnsetType, ValidationError, convert, field, to_builtins

from entrepot.cli.common.output import USAGE, fail

_LARGEST: Final = 1024 * 1024

Role = Literal["owner", "editor", "member"]
Permission = Literal["read", "write", "admin"]
Visibility = Literal["public", "private"]


class _Section(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A part of the file; what it does not know is refused."""


class Retention(_Section):
    """Rules that keep tags, as the API has them; without a number all tags are kept."""

    tags: list[str] = field(default_factory=lambda: ["*"])
    keep: list[str] = []
    newest: int | None = None
    pushed_within: int | None = None
    pulled_within: int | None = None


class Policies(_Section):
    """Patterns of immutable tags, and retention rules."""

    immutable: list[str] = []
    retention: Retention | None = None


class Webhook(_Section):
    """A webhook, known by its URL; its secret and its header are in no file."""

    url: str
    events: list[str] = []
    format: str = "cloudevents"
    active: bool = True


class Team(_Section):
    """A team; `rights` are permissions by pattern of repositories."""

    description: str = ""
    members: list[str] = []
    rights: dict[str, Permission] = {}


class Repository(_Section):
    """A repository of the organization."""

    description: str | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    policies: Policies | UnsetType = UNSET
    webhooks: list[Webhook] | UnsetType = UNSET


class Organization(_Section):
    """An organization. Names of repositories are those without the organization's."""

    entrepot: Literal[1]
    organization: str
    description: str | UnsetType = UNSET
    default_visibility: Visibility | UnsetType = UNSET
    members: dict[str, Role] | UnsetType = UNSET
    teams: dict[str, Team] | UnsetType = UNSET
    policies: Policies | UnsetType = UNSET
    webhooks: list[Webhook] | UnsetType = UNSET
    repositories: dict[str, Repository] | UnsetType = UNSET


def read_organization(path: Path) -> Organization:
    """Read the file; exit with status 2 where it is not of this form."""
    import yaml

    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        fail(f"{path} is larger than 1 MiB", USAGE)
    try:
        found = convert(yaml.safe_load(content), Organization)
    except (yaml.YAMLError, ValidationError, RecursionError) as error:
        fail(f"{path}: {' '.join(str(error).split())}", USAGE)
    _check(path, found)
    return found


def _check(path: Path, found: Organization) -> None:
    """Exit where the hub would take something for another thing than the file says."""
    people = [found.organization, *(found.members or ())]
    for name in people:
        if name != name.lower():
            fail(f"{path}: write {name} in lower case", USAGE)
    repositories = (found.repositories or {}).values()
    for webhooks in (found.webhooks, *(each.webhooks for each in repositories)):
        urls = [each.url for each in webhooks or ()]
        if len(urls) != len(set(urls)):
            fail(f"{path}: a webhook is known by its URL, and one URL is there twice", USAGE)


def write_organization(found: Organization) -> str:
    """The text of a file that declares it."""
    import yaml

    return yaml.safe_dump(to_builtins(found), sort_keys=False, allow_unicode=True)
