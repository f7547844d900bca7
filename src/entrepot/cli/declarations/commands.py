"""`entrepot apply` and `entrepot org export`: organizations as code."""

from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from entrepot.cli.common.output import (
    Data,
    Json,
    Yes,
    confirm,
    counted,
    fail,
    print_json,
    printable,
)
from entrepot.cli.declarations.changes import Change, list_changes
from entrepot.cli.declarations.form import Organization, read_organization, write_organization
from entrepot.cli.declarations.state import ListedWebhook, find_organization
from entrepot.cli.hubs.choice import HubOption, open_hub
from entrepot.cli.hubs.hub import Hub
from entrepot.cli.hubs.login import Me


class _Made(Struct):
    """A new webhook's secret."""

    secret: str = ""


def export(
    name: Annotated[str, typer.Argument(help="The organization's name.")],
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Print an organization as a file for `entrepot apply`: people, teams, repositories, rules."""
    with open_hub(hub, data) as it:
        found = find_organization(it, name, None)
    if found is None:
        fail(f"no such organization: {name}")
    if as_json:
        print_json(found)
    else:
        print(write_organization(found), end="")


def apply(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The file, in YAML.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what the file's sections leave out.")
    ] = False,
    yes: Yes = False,
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make an organization what a file declares; a second time changes nothing."""
    wanted = read_organization(path)
    with open_hub(hub, data) as it:
        found, changes = _plan(it, wanted)
        kept = [] if prune else [each.text for each in changes if each.sign == "-"]
        # Deletions last: what takes the place of something is there before that goes.
        chosen = [each for each in changes if each.sign != "-"]
        chosen += [each for each in changes if each.sign == "-" and prune]
        if not as_json:
            _print_plan(found, chosen, kept)
        if not dry_run:
            removed = sum(each.sign == "-" for each in chosen)
            if removed and not yes:
                confirm(f"Remove {counted(removed, 'entry', 'entries')}{it.suffix}?")
            secrets = _apply(it, chosen)
        else:
            secrets = {}
    if as_json:
        shown = [{"sign": each.sign, "change": each.text} for each in chosen]
        head = {"organization": wanted.organization, "changes": shown, "kept": kept}
        print_json({**head, "secrets": secrets, "dry_run": dry_run})
        return
    for url, secret in secrets.items():
        print(f"The secret of the webhook {url} is {secret}")
    if chosen:
        print(f"{counted(len(chosen), 'change')}{' to make' if dry_run else ' made'}.")


def _plan(hub: Hub, wanted: Organization) -> tuple[str, list[Change]]:
    """The sentence about the organization as it is, and all changes, deletions included."""
    name = wanted.organization
    repositories = wanted.repositories if isinstance(wanted.repositories, dict) else {}
    now = find_organization(hub, name, repositories)
    if now is not None:
        return f"{name}{hub.suffix}", list(list_changes(now, wanted))
    members = wanted.members if isinstance(wanted.members, dict) else {}
    owners = sorted(member for member, role in members.items() if role == "owner")
    if not owners:
        fail(f"{name} is new: declare at least one owner among its members")
    # Far away the organization is made by whoever asks, who may own it only meanwhile.
    owner = hub.get("/me", Me).name if hub.host else owners[0]
    made = Organization(entrepot=1, organization=name, members={owner: "owner"})
    body = {"name": name, "owner": owner}
    first = Change("+", f"organization {name}", "POST", "/organisations", body)
    return f"{name}{hub.suffix} is new", [first, *list_changes(made, wanted)]


def _print_plan(found: str, changes: list[Change], kept: list[str]) -> None:
    print(f"{found}: {'' if changes else 'as the file says'}".rstrip())
    for each in changes:
        print(f"  {each.sign} {printable(each.text)}")
    if kept:
        print("Not in the file, and kept without --prune:")
        for text in kept:
            print(f"    {printable(text)}")


def _apply(hub: Hub, changes: list[Change]) -> dict[str, str]:
    """Make the changes; return the secrets of new webhooks by URL."""
    secrets: dict[str, str] = {}
    for each in changes:
        if each.url:
            (found,) = [
                webhook.id
                for webhook in hub.list_all(each.path, ListedWebhook)
                if webhook.url == each.url
            ][:1]
            hub.act(each.method, f"{each.path}/{found}", each.body)
        elif each.method == "POST" and each.path.endswith("/webhooks"):
            url = str((each.body or {})["url"])
            secrets[url] = hub.ask(each.method, each.path, _Made, each.body).secret
        else:
            hub.act(each.method, each.path, each.body)
    return secrets
