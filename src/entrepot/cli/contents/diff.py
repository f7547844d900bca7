"""`entrepot diff`: what changed from one artifact to another."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from entrepot.cli.common.output import USAGE, Data, Json, fail, print_json, printable
from entrepot.cli.common.references import parse_artifact
from entrepot.cli.hubs.choice import HubOption, open_hub

if TYPE_CHECKING:
    from entrepot.model.comparisons import Comparison, Difference, FoundVulnerability

_DIGEST: Final = 19

Lines = Sequence[str]


def diff(
    before: Annotated[
        str, typer.Argument(metavar="NAME:TAG", help="An artifact, such as acme/app:1.0.")
    ],
    after: Annotated[
        str, typer.Argument(metavar="TAG", help="A tag or digest of it, or another artifact.")
    ],
    platform: Annotated[
        str, typer.Option("--platform", help="The platform to compare, such as linux/arm64.")
    ] = "",
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show what changed from one artifact to another: packages, vulnerabilities, files and more."""
    from entrepot.model.comparisons import Comparison

    name, reference = parse_artifact(before)
    if reference is None:
        fail(f"say which artifact: {before}:TAG or {before}@DIGEST", USAGE)
    path = f"/repositories/{name}/-/compare"
    query = {"from": str(reference), "to": after, "platform": platform or None}
    with open_hub(hub, data) as it:
        found = it.get(path, Comparison, **query)
    if as_json:
        print_json(found)
        return
    print("\n".join(printable(line) for line in _lines(found)))


def _lines(found: "Comparison") -> Iterator[str]:
    yield f"--- {found.before.repository}  {found.before.reference}  {found.before.digest}"
    yield f"+++ {found.after.repository}  {found.after.reference}  {found.after.digest}"
    if found.before.digest == found.after.digest:
        yield "Both are the same manifest."
        return
    sections = {
        "facts": _values(found.facts),
        "config": _values(found.config),
        "layers": _layers(found),
        "packages": [
            f"{each.change}: {each.name} {each.before} → {each.after}" for each in found.packages
        ],
        "vulnerabilities": _vulnerabilities(found),
        "files": [f"{each.path} {_sizes(each.before, each.after)}" for each in found.files],
        "values": _values(found.values),
        "dependencies": _values(found.dependencies),
        "attachments": _values(found.attachments),
    }
    for name, lines in sections.items():
        more = found.left_out.get(name, 0)
        if not lines:
            continue
        yield ""
        yield f"{name.capitalize()}:"
        yield from (f"  {line}" for line in lines)
        if more:
            yield f"  … and {more:,} more"
    equal = [name for name, lines in sections.items() if not lines and name not in found.missing]
    yield ""
    yield f"Equal: {', '.join(equal) or 'nothing'}."
    if found.missing:
        yield f"Known of one of the two only: {', '.join(found.missing)}."


def _values(differences: "Sequence[Difference]") -> Lines:
    return [
        line
        for each in differences
        for sign, value in (("-", each.before), ("+", each.after))
        if value is not None
        for line in [f"{sign} {each.name}: {value}"]
    ]


def _layers(found: "Comparison") -> Lines:
    layers = found.layers
    if not layers.added and not layers.removed:
        return []
    signed = [("-", layers.removed), ("+", layers.added)]
    return [
        f"  {layers.shared} shared, {layers.bytes_to_pull:,} bytes to pull",
        *(
            f"{sign} {each.digest[:_DIGEST]} {each.size:,} bytes {each.instruction}".rstrip()
            for sign, some in signed
            for each in some
        ),
    ]


def _vulnerabilities(found: "Comparison") -> Lines:
    def line(sign: str, each: "FoundVulnerability") -> str:
        fixed = f", fixed in {each.fixed_in}" if each.fixed_in else ""
        return f"{sign} {each.id} {each.severity}: {each.package} {each.version}{fixed}"

    both = found.vulnerabilities
    return [
        *(line("-", each) for each in both.fixed),
        *(line("+", each) for each in both.new),
    ]


def _sizes(before: int | None, after: int | None) -> str:
    if before is None:
        return f"added, {after:,} bytes"
    return "removed" if after is None else f"{before:,} → {after:,} bytes"
