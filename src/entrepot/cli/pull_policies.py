"""`entrepot policy` and `entrepot exempt`: rules about pulls, and exemptions from them."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from entrepot.cli.maintenance.reindex import do_due_jobs

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.hub.security.pull_policies import PullPreview
    from entrepot.model.security.pull_policies import PullPolicy

app = typer.Typer(
    no_args_is_help=True,
    help="Rules about what may be pulled: signatures, vulnerabilities, SBOMs, age, licences.",
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="A repository, or a namespace.")]
Namespace = Annotated[str, typer.Argument(help="An account's or an organization's name.")]


@app.command("set")
def set_policy(
    name: Name,
    file: Annotated[Path, typer.Argument(help="Rules in JSON; see: entrepot policy schema")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Replace the rules of a repository, or of all repositories of a namespace.

    A file without rules removes them. Rules of a namespace and of its repositories hold together.
    """
    policy = _read(file)
    with_app(data, lambda hub: _set(hub, name, policy))
    if as_json:
        print_json(_builtins(policy))
    else:
        print(f"{name} has {counted(len(policy.rules), 'rule')} about pulls.")


@app.command("show")
def show(name: Name, data: Data = None) -> None:
    """Show the rules of a repository or a namespace in JSON, as `set` reads them."""
    print_json(_builtins(with_app(data, lambda hub: _get(hub, name))))


@app.command("preview")
def preview(
    name: Annotated[str, typer.Argument(help="A repository.")],
    file: Annotated[
        Path | None, typer.Argument(help="Rules in JSON; by default those of the repository.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show which tags the rules refuse or warn of, and how often those were pulled."""
    policy = _read(file) if file else None
    found = with_app(data, lambda hub: _preview(hub, name, policy))
    if as_json:
        print_json(_preview_described(found))
        return
    rows = [(each.verdict.word, each.tag, each.pulls, each.message) for each in found.pulls]
    print_table(("RESULT", "TAG", "PULLS IN 30 DAYS", "WHY"), rows, "Every tag may be pulled.")
    if not found.is_complete:
        print(f"Only the first {found.looked_at:,} tags were looked at.")


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the rules."""
    from entrepot.model.security.pull_policies import pull_policy_schema

    print_json(pull_policy_schema())


@app.command("exemptions")
def list_exemptions(namespace: Namespace, data: Data = None, as_json: Json = False) -> None:
    """List the exemptions of a namespace, the first to end first."""
    found = with_app(data, lambda hub: hub.exemptions.list_of(namespace))
    if as_json:
        print_json([{**asdict(each), "until": each.until.isoformat()} for each in found])
        return
    rows = [
        (
            each.id,
            each.repository or namespace,
            each.what,
            f"{each.until:%Y-%m-%d}",
            each.created_by,
            each.reason,
        )
        for each in found
    ]
    columns = ("ID", "IN", "WHAT", "UNTIL", "BY", "REASON")
    print_table(columns, rows, f"{namespace} has no exemptions.")


@app.command("unexempt")
def remove_exemption(
    namespace: Namespace,
    number: Annotated[int, typer.Argument(help="The id of the exemption.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """End an exemption now."""

    async def work(hub: "App") -> None:
        await hub.exemptions.remove(namespace, number)
        await do_due_jobs(hub)

    with_app(data, work)
    if as_json:
        print_json({"removed": number})
    else:
        print(f"Removed exemption {number}.")


def exempt(
    name: Name,
    what: Annotated[
        str,
        typer.Option(help="A digest, a tag, or a vulnerability: CVE-2024-3094 or ID@PACKAGE."),
    ],
    reason: Annotated[str, typer.Option(help="Why it is let pass.")],
    until: Annotated[str, typer.Option(help="The last day, such as 2027-01-31; within a year.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Exempt an artifact or a vulnerability from the rules about pulls, for a time."""
    end = _parse_end(until)

    async def work(hub: "App") -> int:
        number = await hub.exemptions.add(name, what, reason, end)
        await do_due_jobs(hub)
        return number

    number = with_app(data, work)
    if as_json:
        print_json({"id": number, "name": name, "what": what, "until": end.isoformat()})
    else:
        print(f"Exempted {what} in {name} until {until} (exemption {number}).")


def _parse_end(text: str) -> datetime:
    """The end of the day, or the moment with its time zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fail(f"invalid date {text}: write 2027-01-31", USAGE)
    if len(text) == len("2027-01-31"):
        found = found.replace(hour=23, minute=59, second=59)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _read(file: Path) -> "PullPolicy":
    from entrepot.model.security.pull_policies import PullPolicy

    return PullPolicy.parse(file.read_bytes() or b"{}")


async def _set(hub: "App", name: str, policy: "PullPolicy") -> None:
    if "/" in name:
        await hub.pull_policies.set_of_repository(parse_name(name), policy)
    else:
        await hub.pull_policies.set_of_namespace(name, policy)
    await do_due_jobs(hub)


async def _get(hub: "App", name: str) -> "PullPolicy":
    if "/" in name:
        repository = await hub.repositories.get(parse_name(name))
        return (await hub.pull_policies.get_of_repository(repository))[0]
    return await hub.pull_policies.get_by_name(name)


async def _preview(hub: "App", name: str, policy: "PullPolicy | None") -> "PullPreview":
    repository = await hub.repositories.get(parse_name(name))
    return await hub.pull_policies.preview(repository, policy)


def _builtins(policy: "PullPolicy") -> object:
    from msgspec import to_builtins

    return {"rules": [], **to_builtins(policy)}


def _preview_described(found: "PullPreview") -> dict[str, object]:
    items = [
        {
            "tag": each.tag,
            "digest": each.digest,
            "verdict": each.verdict.word,
            "message": each.message,
            "pulls": each.pulls,
        }
        for each in found.pulls
    ]
    return {"looked_at": found.looked_at, "complete": found.is_complete, "items": items}
