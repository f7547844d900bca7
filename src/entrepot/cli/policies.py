"""`entrepot quota` and `entrepot retain`: how much room there is, and what is kept."""

import re
from typing import TYPE_CHECKING, Annotated, Final

import typer

from entrepot.cli.output import USAGE, Data, Json, fail, print_json, print_table, with_services
from entrepot.cli.repos import parse_name

if TYPE_CHECKING:
    from entrepot.oci.names import RepositoryName
    from entrepot.registry.retention import Verdict
    from entrepot.services import Services

_UNITS: Final = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SIZE: Final = re.compile(r"(\d{1,15})([KMGT]?)(?:i?B)?", re.IGNORECASE)


def quota(
    name: Annotated[str, typer.Argument(help="An account's or an organisation's name.")],
    size: Annotated[
        str | None, typer.Argument(help="Bytes, such as 500M or 20G; none: no limit.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show how much a namespace holds and may hold, or limit that."""
    limit = None if size in (None, "none") else parse_size(size or "")

    async def work(services: "Services") -> tuple[int | None, int]:
        if size is not None:
            await services.policies.set_quota(name, limit)
        return await services.policies.get_room(name)

    most, used = with_services(data, work)
    if as_json:
        print_json({"name": name, "limit": most, "used": used})
    else:
        print(f"{name} holds {used:,} bytes of {'any number' if most is None else f'{most:,}'}.")


def retain(
    name: Annotated[
        str | None, typer.Argument(help="A repository; without, all that have rules.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing, say what would go.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Remove the tags that retention rules do not keep; they can be restored for a while."""
    parsed = parse_name(name) if name else None
    if dry_run:
        if parsed is None:
            fail("--dry-run needs a repository", USAGE)
        _print_verdicts(with_services(data, lambda it: _preview(it, parsed)), as_json=as_json)
        return
    count = with_services(data, lambda services: _apply(services, parsed))
    if as_json:
        print_json({"removed": count})
    else:
        print(f"{count} tags were removed.")


async def _preview(services: "Services", name: "RepositoryName") -> "list[Verdict]":
    return await services.retention.preview(await services.repositories.get(name))


async def _apply(services: "Services", name: "RepositoryName | None") -> int:
    from entrepot.hub.actors import OPERATOR
    from entrepot.hub.audit import witness_of

    witness = witness_of(OPERATOR, services.now)
    if name is None:
        return await services.retention.run_all(witness)
    return await services.retention.run(await services.repositories.get(name), witness)


def _print_verdicts(verdicts: "list[Verdict]", *, as_json: bool) -> None:
    if as_json:
        print_json([{"tag": each.tag, "reason": str(each.reason)} for each in verdicts])
        return
    rows = [(each.tag, each.reason, f"{each.moved_at:%Y-%m-%d %H:%M}") for each in verdicts]
    print_table(("TAG", "WHAT", "PUSHED"), rows, "No rules, or no tags.")


def parse_size(text: str) -> int:
    """The bytes of `500M` or `20G`; what is no size ends the command."""
    found = _SIZE.fullmatch(text)
    if found is None or not int(found[1]):
        fail(f"{text} is no size: try 500M or 20G", USAGE)
    return int(found[1]) * _UNITS[found[2].upper()]
