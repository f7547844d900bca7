"""`entrepot ci trust`: which jobs may do what in a namespace."""

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct, structs

from entrepot.cli.common.output import USAGE, Data, Json, fail, print_json, print_table
from entrepot.cli.hubs.choice import HubOption, open_hub

app = typer.Typer(
    no_args_is_help=True, help="Manage the trusts of a namespace.", rich_markup_mode=None
)

TrustName = Annotated[str, typer.Argument(help="The trust as NAMESPACE/NAME.")]
Namespace = Annotated[str, typer.Argument(help="The account or organization.")]
Where = Annotated[
    list[str],
    typer.Option("--where", help="A condition: claim=value, or claim~pattern. All must hold."),
]
Covered = Annotated[
    list[str], typer.Option("--repository", help="A name below the namespace, prefix/* or *.")
]
TagPattern = Annotated[
    list[str] | None, typer.Option("--tag", help="A pattern of tags; by default all.")
]
Scope = Annotated[str, typer.Option("--scope", help="repo:read, repo:write or repo:admin.")]


class Condition(Struct):
    """A claim, and the values of which it must have one."""

    claim: str
    values: list[str]
    is_pattern: bool


class Trust(Struct, kw_only=True):
    """A trust in the ID tokens of an issuer."""

    name: str
    issuer: str
    conditions: list[Condition]
    repositories: list[str]
    tags: list[str]
    scope: str
    minutes: int
    is_enabled: bool
    uses: int
    last_used_at: datetime | None


class Comparison(Struct):
    """A condition, the values that the token has for its claim, and whether it holds."""

    condition: Condition
    found: list[str]
    holds: bool


class TriedTrust(Struct):
    """How a trust compares with the token."""

    trust: str
    is_met: bool
    is_of_issuer: bool
    comparisons: list[Comparison]


class Trial(Struct):
    """The result of a trial; `problem` says why the token is refused by itself."""

    problem: str
    claims: dict[str, object]
    trusts: list[TriedTrust]


@app.command("add")
def add_trust(
    trust: TrustName,
    issuer: Annotated[str, typer.Option("--issuer", help="The issuer's name.")],
    where: Where,
    repository: Covered,
    tag: TagPattern = None,
    scope: Scope = "repo:write",
    minutes: Annotated[int, typer.Option("--minutes", help="How long a grant lives.")] = 60,
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Create a trust in the ID tokens of an issuer."""
    from entrepot.hub.workloads.trust_conditions import parse_condition

    if scope not in ("repo:read", "repo:write", "repo:admin"):
        fail(f"invalid scope {scope}: use repo:read, repo:write or repo:admin", USAGE)
    namespace, name = _split(trust)
    body = {
        "name": name,
        "issuer": issuer,
        "conditions": [asdict(parse_condition(each)) for each in where],
        "repositories": repository,
        "tags": tag or [],
        "scope": scope,
        "minutes": minutes,
    }
    with open_hub(hub, data) as it:
        made = it.ask("POST", f"/namespaces/{namespace}/trusts", Trust, body)
    if as_json:
        print_json(_described(namespace, made))
    else:
        print(f"Created trust {namespace}/{made.name}. Jobs may use it as their user name.")


@app.command("list")
def list_trusts(
    namespace: Namespace, hub: HubOption = None, data: Data = None, as_json: Json = False
) -> None:
    """List the trusts of a namespace."""
    with open_hub(hub, data) as it:
        found = it.list_all(f"/namespaces/{namespace}/trusts", Trust)
    if as_json:
        print_json([_described(namespace, each) for each in found])
        return
    rows = [
        (
            f"{namespace}/{each.name}",
            each.issuer,
            ", ".join(map(_format, each.conditions)),
            " ".join(each.repositories),
            " ".join(each.tags),
            each.scope,
            each.uses,
            "" if each.is_enabled else "disabled",
        )
        for each in found
    ]
    columns = ("TRUST", "ISSUER", "WHERE", "REPOSITORIES", "TAGS", "SCOPE", "USES", "STATE")
    print_table(columns, rows, "There are no trusts.")


@app.command("enable")
def enable_trust(
    trust: TrustName, hub: HubOption = None, data: Data = None, as_json: Json = False
) -> None:
    """Enable a trust."""
    _switch(trust, hub, data, as_json=as_json, is_enabled=True)


@app.command("disable")
def disable_trust(
    trust: TrustName, hub: HubOption = None, data: Data = None, as_json: Json = False
) -> None:
    """Disable a trust; the grants by it end now."""
    _switch(trust, hub, data, as_json=as_json, is_enabled=False)


@app.command("remove")
def remove_trust(
    trust: TrustName, hub: HubOption = None, data: Data = None, as_json: Json = False
) -> None:
    """Remove a trust; the grants by it end now."""
    namespace, name = _split(trust)
    with open_hub(hub, data) as it:
        it.act("DELETE", f"/namespaces/{namespace}/trusts/{name}")
    if as_json:
        print_json({"trust": trust, "removed": True})
    else:
        print(f"Removed trust {trust}.")


@app.command("try")
def try_token(
    namespace: Namespace, hub: HubOption = None, data: Data = None, as_json: Json = False
) -> None:
    """Compare an ID token from standard input with each trust of a namespace."""
    body = {"token": sys.stdin.read(1 << 16).strip()}
    with open_hub(hub, data) as it:
        found = it.ask("POST", f"/namespaces/{namespace}/id-tokens/try", Trial, body)
    if as_json:
        trusts = [
            {"trust": f"{namespace}/{each.trust}", "is_met": each.is_met} for each in found.trusts
        ]
        print_json({"problem": found.problem, "claims": found.claims, "trusts": trusts})
        return
    print(found.problem or "The signature, the audience and the times are right.")
    rows = [
        (
            tried.trust,
            each.condition.claim,
            " | ".join(each.condition.values),
            " ".join(each.found),
            "yes" if each.holds and tried.is_of_issuer else "no",
        )
        for tried in found.trusts
        for each in tried.comparisons
    ]
    print_table(("TRUST", "CLAIM", "WANTED", "FOUND", "HOLDS"), rows, "There are no trusts.")


def _split(trust: str) -> tuple[str, str]:
    namespace, slash, name = trust.partition("/")
    if not slash:
        fail(f"invalid trust {trust}: write NAMESPACE/NAME", USAGE)
    return namespace, name


def _switch(
    trust: str, hub: str | None, data: Path | None, *, as_json: bool, is_enabled: bool
) -> None:
    namespace, name = _split(trust)
    path = f"/namespaces/{namespace}/trusts/{name}"
    with open_hub(hub, data) as it:
        made = it.ask("PATCH", path, Trust, {"is_enabled": is_enabled})
    if as_json:
        print_json(_described(namespace, made))
    else:
        print(f"{trust} is {'enabled' if is_enabled else 'disabled'} now.")


def _format(condition: Condition) -> str:
    sign = "~" if condition.is_pattern else "="
    return f"{condition.claim} {sign} {' | '.join(condition.values)}"


def _described(namespace: str, trust: Trust) -> dict[str, object]:
    shown = structs.asdict(trust)
    return {"trust": f"{namespace}/{shown.pop('name')}", **shown}
