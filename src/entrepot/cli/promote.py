"""`entrepot promote`: artifacts given to another repository of this hub."""

from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.common.output import USAGE, Data, Json, counted, fail, print_json, with_app
from entrepot.cli.maintenance.layouts import parse_artifact

if TYPE_CHECKING:
    from entrepot.model.copies import Copied
    from entrepot.oci.names import RepositoryName


Source = Annotated[
    str, typer.Argument(metavar="FROM:TAG", help="The artifact, such as dev/app:1.4-rc3.")
]
Target = Annotated[
    str, typer.Argument(metavar="TO:TAG", help="Where it goes, such as prod/app:1.4.")
]
NoAttachments = Annotated[
    bool, typer.Option("--no-attachments", help="Leave signatures, SBOMs and the like behind.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be copied.")]


def promote(
    source: Source,
    target: Target,
    no_attachments: NoAttachments = False,
    dry_run: DryRun = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Copy an artifact into another repository, with all that is attached; no bytes are copied."""
    from entrepot.oci.names import Tag

    name, reference = parse_artifact(source)
    into, tag = parse_artifact(target)
    if reference is None:
        fail(f"say which artifact: {source}:TAG or {source}@DIGEST", USAGE)
    if tag is not None and not isinstance(tag, Tag):
        fail(f"{target} is no tag: write TO:TAG", USAGE)
    tags = [tag] if tag is not None else []
    found = with_app(
        data,
        lambda hub: hub.promotions.promote(
            name, reference, into, tags, with_attachments=not no_attachments, dry_run=dry_run
        ),
    )
    if as_json:
        print_json(_described(source, into, found, dry_run=dry_run))
        return
    where = f"{into}:{found.tags[0]}" if found.tags else f"{into}@{found.digest}"
    what = f"{counted(found.manifests, 'manifest')} and {counted(found.attachments, 'attachment')}"
    print(f"{'Would promote' if dry_run else 'Promoted'} {source} to {where}: {what}.")
    if found.kept:
        print(f"Left as they are: {', '.join(found.kept)}.")


def _described(
    source: str, into: "RepositoryName", found: "Copied", *, dry_run: bool
) -> dict[str, object]:
    counts = {
        "manifests": found.manifests,
        "attachments": found.attachments,
        "blobs": found.blobs,
    }
    return {
        "from": source,
        "to": into.text,
        "tags": [tag.text for tag in found.tags],
        "digest": str(found.digest),
        "copied": counts,
        "kept": list(found.kept),
        "dry_run": dry_run,
    }
