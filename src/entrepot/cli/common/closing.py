"""Shared steps of `entrepot user delete`, `org delete` and `mirror remove`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from entrepot.cli.common.output import confirm, counted, print_json, with_app

if TYPE_CHECKING:
    from entrepot.model.people.accounts import NamespaceKind

_SHOWN: Final = 5


def delete_namespace(
    name: str, kind: "NamespaceKind", data: Path | None, *, yes: bool, as_json: bool
) -> None:
    """Show what will be deleted, ask, and delete it."""
    found = with_app(data, lambda it: it.closing.preview(name, kind))
    if not yes:
        confirm(f"Delete {describe_belongings(name, found.repositories, found.members)}, for good?")
    gone = with_app(data, lambda it: it.closing.delete(name, kind))
    if as_json:
        print_json({"name": name, "deleted": True, "repositories": gone.repositories})
    else:
        print(f"Deleted {describe_belongings(name, gone.repositories, gone.members)}.")


def describe_belongings(name: str, repositories: Sequence[str], members: int) -> str:
    """Describe the belongings of a namespace, for a question or a sentence."""
    shown = ", ".join(repositories[:_SHOWN])
    more = ", …" if len(repositories) > _SHOWN else ""
    names = f" ({shown}{more})" if shown else ""
    held = counted(len(repositories), "repository", "repositories")
    of_people = f", {counted(members, 'member')}" if members else ""
    return f"{name} with {held}{names}{of_people} and all its tokens, teams and webhooks"
