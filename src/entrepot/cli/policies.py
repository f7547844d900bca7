"""`entrepot quota` and `entrepot retain`: how much room there is, and what is kept."""

import re
from typing import TYPE_CHECKING, Annotated, Final

import typer

from entrepot.cli.common.output import (
    USAGE,
    Data,
    Json,
    counted,
    fail,
    print_json,
    print_table,
    with_app,
)
from entrepot.cli.common.references import parse_name

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.oci.names import RepositoryName
    from entrepot.registry.retention import Verdict

_POWERS: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_SIZE: Final = re.compile(r"(\d{1,15})([KMGT]?)(I?B)?")


def quota(
    name: Annotated[str, typer.Argument(help="An account's or an organization's name.")],
    size: Annotated[
        str | None, typer.Argument(help="A size, such as 500MB or 20GiB, or none for no limit.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show or set the storage quota of a namespace."""
    limit = None if size in (None, "none") else parse_size(size or "")

    async def work(hub: "App") -> tuple[int | None, int]:
        if size is not None:
            await hub.policies.set_quota(name, limit)
        return await hub.policies.get_room(name)

    most, used = with_app(data, work)
    if as_json:
        print_json({"name": name, "limit": most, "used": used})
    else:
        print(f"{name} uses {used:,} bytes of {'unlimited' if most is None else f'{most:,}'}.")


def retain(
    name: Annotated[
        str | None,
        typer.Argument(help="A repository; by default all repositories that have rules."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted, and change nothing.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Delete the tags that the retention rules do not keep; they can be restored at first."""
    parsed = parse_name(name) if name else None
    if dry_run:
        _print_verdicts(with_app(data, lambda it: _preview(it, parsed)), as_json=as_json)
        return
    count = with_app(data, lambda hub: _apply(hub, parsed))
    if as_json:
        print_json({"removed": count})
    else:
        print(f"Removed {counted(count, 'tag')}.")


async def _preview(hub: "App", name: "RepositoryName | None") -> "list[tuple[str, Verdict]]":
    if name is None:
        found = await hub.retention.preview_all()
    else:
        repository = await hub.repositories.get(name)
        found = [(repository, await hub.retention.preview(repository))]
    return [(each.name.text, verdict) for each, verdicts in found for verdict in verdicts]


async def _apply(hub: "App", name: "RepositoryName | None") -> int:
    from entrepot.hub.events.audit import audit_and_notify
    from entrepot.hub.people.actors import OPERATOR

    listener = audit_and_notify(OPERATOR, hub.now)
    if name is None:
        return await hub.retention.run_all(listener)
    return await hub.retention.run(await hub.repositories.get(name), listener)


def _print_verdicts(verdicts: "list[tuple[str, Verdict]]", *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {"repository": name, "tag": each.tag, "reason": str(each.reason)}
                for name, each in verdicts
            ]
        )
        return
    rows = [
        (name, each.tag, each.reason, f"{each.moved_at:%Y-%m-%d %H:%M}") for name, each in verdicts
    ]
    print_table(
        ("REPOSITORY", "TAG", "WHAT", "PUSHED"), rows, "There are no retention rules, or no tags."
    )


def parse_size(text: str) -> int:
    """The bytes of `500MB` (powers of 1000), `20GiB` or `20G` (of 1024); else end the command."""
    found = _SIZE.fullmatch(text.upper())
    if found is None or not int(found[1]):
        fail(f"invalid size {text}: write 500MB or 20GiB", USAGE)
    number, power, suffix = int(found[1]), _POWERS[found[2]], found[3]
    if not power and suffix is None:
        fail(f"invalid size {text}: add a unit, such as {text}B or {text}GB", USAGE)
    if not power and suffix == "IB":
        fail(f"invalid size {text}: write 500MB or 20GiB", USAGE)
    return int(number * (1000 if suffix == "B" else 1024) ** power)
