"""`entrepot export` and `entrepot import`: repositories as OCI image layouts."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.common.output import Data, Json, counted, print_json, with_app
from entrepot.cli.common.progress import showing
from entrepot.cli.common.references import parse_artifact, parse_name
from entrepot.errors import RepositoryUnknown

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.oci.names import Reference, RepositoryName


def export(
    reference: Annotated[
        str, typer.Argument(help="A repository, or one artifact of it with :TAG or @DIGEST.")
    ],
    path: Annotated[Path, typer.Argument(help="A new directory, or a new file ending in .tar.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Export a repository as an OCI image layout, with all tags, children and referrers."""
    name, which = parse_artifact(reference)
    count = with_app(data, lambda hub: _export(hub, name, which, path))
    if as_json:
        print_json({"path": str(path), "manifests": count})
    else:
        print(f"Wrote {counted(count, 'manifest')} to {path}.")


def import_(
    path: Annotated[Path, typer.Argument(help="A layout: a directory, or a plain tar archive.")],
    name: Annotated[str, typer.Argument(help="The repository, such as docker/demo.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Import an OCI image layout into a repository; can be repeated."""
    parsed = parse_name(name)
    tags = with_app(data, lambda hub: _import(hub, path, parsed))
    if as_json:
        print_json({"name": name, "tags": tags})
    else:
        print(f"Imported into {name}: {', '.join(tags) or 'no tags'}.")


async def _export(hub: "App", name: "RepositoryName", which: "Reference | None", path: Path) -> int:
    repository = await hub.repositories.get(name)
    found = await hub.exports.gather(repository, which)
    total = await hub.exports.measure(found)
    with showing("Writing", total, in_bytes=True) as bar:
        await hub.exports.write(found, path, bar.advance)
    return len(found.manifests)


async def _import(hub: "App", path: Path, name: "RepositoryName") -> dict[str, str]:
    from dataclasses import replace

    from entrepot.hub.events.audit import audit_and_notify
    from entrepot.hub.people.actors import OPERATOR
    from entrepot.registry.maintenance.layouts import open_layout

    rights = await hub.permissions.rights(OPERATOR.identity, name)
    if rights.target is None:
        raise RepositoryUnknown(f"no such user or organization: {name.namespace}")
    target = replace(rights.target, listener=audit_and_notify(OPERATOR, hub.now))
    layout = open_layout(path)
    with showing("Reading", layout.size, in_bytes=True) as bar:
        return await hub.imports.read(layout, target, bar.advance)
