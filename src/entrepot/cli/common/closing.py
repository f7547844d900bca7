"""Shared steps of `entrepot user delete` and `entrepot org delete`."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from entrepot.cli.common.output import confirm, counted, print_json, with_app

if TYPE_CHECKING:
    from entrepot.hub.people.closing import Belongings
    from entrepot.model.people.accounts import NamespaceKind

_SHOWN: Final = 5


def delete_namespace(
    name: str, kind: "NamespaceKind", data: Path | None, *, yes: bool, as_json: bool
) -> None:
    """Show what will be deleted, ask, and delete it."""
    found = with_app(data, lambda it: it.closing.preview(name, kind))
    if not yes:
        confirm(f"Delete {_described(found)}, for good?")
    gone = with_app(data, lambda it: it.closing.delete(name, kind))
    if as_json:
        print_json({"name": name, "deleted": True, "repositories": gone.repositories})
    else:
        print(f"Deleted {_described(gone)}.")


def _described(found: "Belongings") -> str:
    shown = ", ".join(found.repositories[:_SHOWN])
    more = ", …" if len(found.repositories) > _SHOWN else ""
    names = f" ({shown}{more})" if shown else ""
    held = counted(len(found.repositories), "repository", "repositories")
    members = f", {counted(found.members, 'member')}" if found.members else ""
    return f"{found.name} with {held}{names}{members} and all its tokens, teams and webhooks"
