"""`entrepot mirror prefetch`: artifacts of other registries, here before anybody pulls them."""

from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.common.output import (
    FAILED,
    USAGE,
    Data,
    Json,
    counted,
    fail,
    print_json,
    print_table,
    with_app,
)
from entrepot.cli.common.progress import showing
from entrepot.errors import EntrepotError

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.model.mirroring.prefetches import Prefetched, Selection
    from entrepot.oci.names import RepositoryName

References = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME/REPO:TAG...",
        help="Artifacts of mirrors, such as docker.io/library/nginx:1.27, or :1.* for some tags.",
    ),
]
Platforms = Annotated[
    list[str] | None,
    typer.Option("--platform", help="A platform to fetch, such as linux/amd64; by default all."),
]
Attachments = Annotated[
    str, typer.Option("--attachments", help="all, signatures or none: what comes along.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be fetched.")]


def prefetch(
    references: References,
    platform: Platforms = None,
    attachments: Attachments = "all",
    dry_run: DryRun = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Fetch artifacts of mirrors whole, so that they are here when they are pulled.

    Run it again after an interruption: it goes on where it ended.
    """
    selection = parse_selection(platform, attachments)
    wanted = [parse_wanted(each) for each in references]
    found = with_app(data, lambda hub: _run(hub, wanted, selection, dry_run=dry_run))
    failures = [each for each in found if each.action == "fail"]
    if as_json:
        print_json({"dry_run": dry_run, "artifacts": [described(each) for each in found]})
    else:
        rows = [(x.reference, x.action, f"{x.size:,}", x.reason) for x in found]
        print_table(("REFERENCE", "ACTION", "BYTES", "NOTE"), rows, "")
    if failures:
        fail(f"{len(failures)} of {counted(len(found), 'artifact')} failed", FAILED)


def parse_selection(platforms: list[str] | None, attachments: str) -> "Selection":
    """The parts that the options name; ends the command where they name none."""
    from entrepot.model.mirroring.prefetches import AttachmentChoice, Selection

    if attachments not in set(AttachmentChoice):
        fail(f"invalid attachments {attachments}: use all, signatures or none", USAGE)
    try:
        return Selection(tuple(platforms or ()), AttachmentChoice(attachments))
    except EntrepotError as error:
        fail(error.message, USAGE)


def parse_wanted(text: str) -> "tuple[RepositoryName, str]":
    """The repository and the tag, pattern of tags, or digest; else exit with 2."""
    from entrepot.cli.common.references import parse_name

    name, at, digest = text.partition("@")
    if at:
        return parse_name(name), digest
    name, colon, tag = text.rpartition(":")
    if not colon or "/" in tag or not tag:
        fail(f"say which tags of {text}: write {text.rstrip(':')}:TAG, or :* for all", USAGE)
    return parse_name(name), tag


def described(found: "Prefetched") -> dict[str, object]:
    """The outcome as JSON."""
    return {
        "reference": found.reference,
        "action": str(found.action),
        "digest": found.digest,
        "bytes": found.size,
        "blobs": found.blobs,
        "manifests": len(found.manifests),
        "note": found.reason,
    }


async def _run(
    hub: "App",
    wanted: "list[tuple[RepositoryName, str]]",
    selection: "Selection",
    *,
    dry_run: bool,
) -> "list[Prefetched]":
    found = []
    with showing("Fetching", None, in_bytes=True) as bar:
        for name, pattern in wanted:
            asked = await hub.mirrors.find_name(name)
            async for each in hub.prefetches.run(
                asked, pattern, selection, dry_run=dry_run, watch=bar.advance
            ):
                found.append(each)
    return found
