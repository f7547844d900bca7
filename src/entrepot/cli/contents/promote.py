"""`entrepot promote`: artifacts given to another repository of this hub."""

from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import asdict

from entrepot.cli.common.output import USAGE, Data, Json, counted, fail, print_json
from entrepot.cli.common.references import parse_artifact
from entrepot.cli.hubs.choice import HubOption, open_hub

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


class Copied(Struct):
    """How much the target did not have before."""

    manifests: int
    attachments: int
    blobs: int


class Promotion(Struct):
    """The effect of a promotion."""

    digest: str
    tags: list[str]
    copied: Copied
    kept: list[str]


def promote(
    source: Source,
    target: Target,
    no_attachments: NoAttachments = False,
    dry_run: DryRun = False,
    hub: HubOption = None,
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
    body = {
        "from": name.text,
        "reference": str(reference),
        "tags": [tag.text] if tag is not None else [],
        "attachments": not no_attachments,
        "dry_run": dry_run,
    }
    with open_hub(hub, data) as it:
        found = it.ask("POST", f"/repositories/{into}/-/promote", Promotion, body)
    if as_json:
        print_json({"from": source, "to": into.text, **asdict(found), "dry_run": dry_run})
        return
    where = f"{into}:{found.tags[0]}" if found.tags else f"{into}@{found.digest}"
    copied = found.copied
    what = f"{counted(copied.manifests, 'manifest')} and "
    what += counted(copied.attachments, "attachment")
    print(f"{'Would promote' if dry_run else 'Promoted'} {source} to {where}: {what}.")
    if found.kept:
        print(f"Left as they are: {', '.join(found.kept)}.")
