"""`entrepot repo`: repositories."""

from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.common.output import (
    USAGE,
    Data,
    Json,
    confirm,
    fail,
    print_json,
    print_table,
    with_app,
)
from entrepot.errors import InvalidName

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.model.repositories import Repository
    from entrepot.oci.names import RepositoryName

app = typer.Typer(no_args_is_help=True, help="Manage repositories.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="The repository's name, such as docker/demo.")]
_TAGS_SHOWN = 100


@app.command("list")
def list_repos(data: Data = None, as_json: Json = False) -> None:
    """List the repositories."""
    found = with_app(data, lambda it: it.repositories.list_all())
    if as_json:
        print_json([_described(each) for each in found])
        return
    rows = [(each.name, each.visibility, each.pulls) for each in found]
    print_table(("NAME", "VISIBILITY", "PULLS"), rows, "There are no repositories yet.")


@app.command("show")
def show(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Show a repository and its first tags."""
    parsed = parse_name(name)

    async def work(hub: "App") -> "tuple[Repository, list[str]]":
        repository = await hub.repositories.get(parsed)
        tags = await hub.manifests.list_tags(repository, "", _TAGS_SHOWN + 1)
        return repository, tags

    repository, tags = with_app(data, work)
    more = len(tags) > _TAGS_SHOWN
    if as_json:
        print_json({**_described(repository), "tags": tags[:_TAGS_SHOWN], "more_tags": more})
        return
    print(f"Name        {repository.name}")
    print(f"Visibility  {repository.visibility}")
    print(f"Created     {repository.created_at:%Y-%m-%d %H:%M}")
    print(f"Pulls       {repository.pulls}")
    print(f"Tags        {', '.join(tags[:_TAGS_SHOWN]) or 'none'}{' and more' if more else ''}")


@app.command("visibility")
def visibility(
    name: Name,
    value: Annotated[str, typer.Argument(metavar="public|private", help="public or private.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a repository public or private."""
    from entrepot.model.repositories import Visibility

    parsed = parse_name(name)
    if value not in set(Visibility):
        fail(f"invalid visibility {value}: use public or private", USAGE)
    with_app(data, lambda it: it.repositories.set_visibility(parsed, Visibility(value)))
    if as_json:
        print_json({"name": name, "visibility": value})
    else:
        print(f"{name} is now {value}.")


@app.command("delete")
def delete(
    name: Name,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", "--force", help="Do not ask for confirmation.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Delete a repository with all its tags and manifests."""
    parsed = parse_name(name)
    if not yes:
        confirm(f"Delete {name} with all its tags and manifests?")
    with_app(data, lambda it: it.repositories.delete(parsed))
    if as_json:
        print_json({"name": name, "deleted": True})
    else:
        print(f"Deleted {name}.")


def parse_name(name: str) -> "RepositoryName":
    """Return the repository's name; exit with status 2 if it is invalid."""
    from entrepot.oci.names import RepositoryName

    try:
        return RepositoryName(name)
    except InvalidName:
        fail(f"invalid repository name: {name}", USAGE)


def _described(repository: "Repository") -> dict[str, object]:
    return {
        "name": repository.name.text,
        "visibility": str(repository.visibility),
        "created_at": repository.created_at.isoformat(),
        "pulls": repository.pulls,
    }
