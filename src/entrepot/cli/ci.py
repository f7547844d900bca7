"""`entrepot ci`: jobs that sign in with the ID tokens of their issuers."""

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.common.output import USAGE, Data, Json, fail, print_json, print_table, with_app

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.model.people.workloads import Issuer, Trust

app = typer.Typer(
    no_args_is_help=True,
    help="Manage workload identity: CI jobs that sign in without a stored secret.",
    rich_markup_mode=None,
)
issuer_app = typer.Typer(
    no_args_is_help=True, help="Manage the issuers of ID tokens.", rich_markup_mode=None
)
trust_app = typer.Typer(
    no_args_is_help=True, help="Manage the trusts of a namespace.", rich_markup_mode=None
)
grant_app = typer.Typer(
    no_args_is_help=True, help="Manage the grants of running jobs.", rich_markup_mode=None
)
app.add_typer(issuer_app, name="issuer")
app.add_typer(trust_app, name="trust")
app.add_typer(grant_app, name="grant")

IssuerName = Annotated[str, typer.Argument(help="The issuer's name, such as github.")]
TrustName = Annotated[str, typer.Argument(help="The trust as NAMESPACE/NAME.")]
Namespace = Annotated[str, typer.Argument(help="The account or organization.")]


@issuer_app.command("add")
def add_issuer(
    name: IssuerName,
    url: Annotated[str, typer.Option("--url", help="The claim iss of its tokens, exactly.")] = "",
    kind: Annotated[str, typer.Option("--kind", help="github, gitlab, kubernetes or other.")] = "",
    audience: Annotated[
        list[str] | None, typer.Option("--audience", help="An audience beside the hub's URL.")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option("--keys", help="A JSON Web Key Set, for an issuer that cannot be reached."),
    ] = None,
    allow_private_network: Annotated[
        bool, typer.Option("--allow-private-network", help="It may have a private address.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Register an issuer of ID tokens; github and gitlab need no URL."""
    from entrepot.model.people.workloads import IssuerKind

    if kind and kind not in set(IssuerKind):
        fail(f"invalid kind {kind}: use github, gitlab, kubernetes or other", USAGE)

    async def work(hub: "App") -> "Issuer":
        return await hub.issuers.add(
            name,
            url,
            IssuerKind(kind) if kind else None,
            audiences=audience or (),
            keys=keys.read_text() if keys else "",
            allows_private=allow_private_network,
        )

    made = with_app(data, work)
    if as_json:
        print_json(_described_issuer(made))
    else:
        print(f"Registered issuer {made.name} ({made.url}).")


@issuer_app.command("list")
def list_issuers(data: Data = None, as_json: Json = False) -> None:
    """List the issuers."""
    found = with_app(data, lambda hub: hub.issuers.list_all())
    if as_json:
        print_json([_described_issuer(each) for each in found])
        return
    rows = [
        (
            each.name,
            each.kind,
            each.url,
            " ".join(each.audiences),
            "uploaded" if each.keys else "fetched",
        )
        for each in found
    ]
    columns = ("NAME", "KIND", "URL", "AUDIENCES", "KEYS")
    print_table(columns, rows, "There are no issuers.")


@issuer_app.command("keys")
def set_keys(
    name: IssuerName,
    keys: Annotated[
        Path | None,
        typer.Argument(help="A JSON Web Key Set; without one the keys are fetched again."),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Replace the uploaded keys of an issuer."""
    text = keys.read_text() if keys else ""
    made = with_app(data, lambda hub: hub.issuers.edit(name, keys=text))
    if as_json:
        print_json(_described_issuer(made))
    else:
        print(f"The keys of {name} are {'uploaded' if made.keys else 'fetched'}.")


@issuer_app.command("test")
def ask_issuer(name: IssuerName, data: Data = None, as_json: Json = False) -> None:
    """Ask an issuer for its keys."""
    count = with_app(data, lambda hub: hub.issuers.test(name))
    if as_json:
        print_json({"name": name, "keys": count})
    else:
        print(f"{name} has {count} {'key' if count == 1 else 'keys'}.")


@issuer_app.command("remove")
def remove_issuer(name: IssuerName, data: Data = None, as_json: Json = False) -> None:
    """Remove an issuer and all trusts in it; the grants by these end."""
    with_app(data, lambda hub: hub.issuers.remove(name))
    if as_json:
        print_json({"name": name, "removed": True})
    else:
        print(f"Removed issuer {name}.")


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


@trust_app.command("add")
def add_trust(
    trust: TrustName,
    issuer: Annotated[str, typer.Option("--issuer", help="The issuer's name.")],
    where: Where,
    repository: Covered,
    tag: TagPattern = None,
    scope: Scope = "repo:write",
    minutes: Annotated[int, typer.Option("--minutes", help="How long a grant lives.")] = 60,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Create a trust in the ID tokens of an issuer."""
    from entrepot.hub.workloads.trust_conditions import parse_condition
    from entrepot.hub.workloads.trusts import TrustRules
    from entrepot.model.people.tokens import TokenScope

    if scope not in set(TokenScope):
        fail(f"invalid scope {scope}: use repo:read, repo:write or repo:admin", USAGE)
    namespace, name = _split(trust)
    rules = TrustRules(
        issuer,
        tuple(map(parse_condition, where)),
        tuple(repository),
        tuple(tag or ()),
        TokenScope(scope),
        timedelta(minutes=minutes),
    )
    made = with_app(data, lambda hub: hub.trusts.add(namespace, name, rules))
    if as_json:
        print_json(_described(made))
    else:
        print(f"Created trust {made.full_name}. Jobs may use it as their user name.")


@trust_app.command("list")
def list_trusts(namespace: Namespace, data: Data = None, as_json: Json = False) -> None:
    """List the trusts of a namespace."""
    from entrepot.hub.workloads.trust_conditions import format_condition

    found = with_app(data, lambda hub: hub.trusts.list_of(namespace))
    if as_json:
        print_json([_described(each) for each in found])
        return
    rows = [
        (
            each.full_name,
            each.issuer,
            ", ".join(map(format_condition, each.conditions)),
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


@trust_app.command("enable")
def enable_trust(trust: TrustName, data: Data = None, as_json: Json = False) -> None:
    """Enable a trust."""
    _switch(trust, data, as_json=as_json, is_enabled=True)


@trust_app.command("disable")
def disable_trust(trust: TrustName, data: Data = None, as_json: Json = False) -> None:
    """Disable a trust; the grants by it end now."""
    _switch(trust, data, as_json=as_json, is_enabled=False)


@trust_app.command("remove")
def remove_trust(trust: TrustName, data: Data = None, as_json: Json = False) -> None:
    """Remove a trust; the grants by it end now."""
    namespace, name = _split(trust)
    with_app(data, lambda hub: hub.trusts.delete(namespace, name))
    if as_json:
        print_json({"trust": trust, "removed": True})
    else:
        print(f"Removed trust {trust}.")


@trust_app.command("try")
def try_token(namespace: Namespace, data: Data = None, as_json: Json = False) -> None:
    """Compare an ID token from standard input with each trust of a namespace."""
    text = sys.stdin.read(1 << 16).strip()
    found = with_app(data, lambda hub: hub.trusts.try_token(namespace, text))
    if as_json:
        trusts = [{"trust": each.trust.full_name, "is_met": each.is_met} for each in found.trials]
        print_json({"problem": found.problem, "claims": dict(found.claims), "trusts": trusts})
        return
    print(found.problem or "The signature, the audience and the times are right.")
    rows = [
        (
            trial.trust.name,
            each.condition.claim,
            " | ".join(each.condition.values),
            " ".join(each.found),
            "yes" if each.holds and trial.is_of_issuer else "no",
        )
        for trial in found.trials
        for each in trial.comparisons
    ]
    print_table(("TRUST", "CLAIM", "WANTED", "FOUND", "HOLDS"), rows, "There are no trusts.")


@grant_app.command("list")
def list_grants(namespace: Namespace, data: Data = None, as_json: Json = False) -> None:
    """List the newest grants of jobs."""
    from entrepot.bootstrap import now

    found = with_app(data, lambda hub: hub.trusts.list_grants(namespace))
    if as_json:
        print_json(
            [
                {
                    "id": each.id,
                    "label": each.label,
                    "issuer": each.issuer,
                    "subject": each.subject,
                    "claims": dict(each.claims),
                    "address": each.address,
                    "created_at": each.created_at.isoformat(),
                    "expires_at": each.expires_at.isoformat(),
                    "ended_at": each.ended_at.isoformat() if each.ended_at else None,
                }
                for each in found
            ]
        )
        return
    rows = [
        (
            each.id,
            each.label,
            each.address,
            f"{each.created_at:%Y-%m-%d %H:%M}",
            f"{each.expires_at:%Y-%m-%d %H:%M}",
            "ended" if each.ended_at else "live" if each.is_live(now()) else "expired",
        )
        for each in found
    ]
    columns = ("ID", "JOB", "ADDRESS", "SINCE", "UNTIL", "STATE")
    print_table(columns, rows, "There are no grants.")


@grant_app.command("end")
def end_grant(
    namespace: Namespace,
    grant: Annotated[int, typer.Argument(metavar="ID", help="The grant's id, from the list.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """End a job's grant now; its ID token opens no other."""
    with_app(data, lambda hub: hub.trusts.end_grant(namespace, grant))
    if as_json:
        print_json({"id": grant, "ended": True})
    else:
        print(f"Ended grant {grant}.")


def _split(trust: str) -> tuple[str, str]:
    namespace, slash, name = trust.partition("/")
    if not slash:
        fail(f"invalid trust {trust}: write NAMESPACE/NAME", USAGE)
    return namespace, name


def _switch(trust: str, data: Path | None, *, as_json: bool, is_enabled: bool) -> None:
    from entrepot.hub.workloads.trusts import rules_of

    namespace, name = _split(trust)

    async def work(hub: "App") -> "Trust":
        found = rules_of(await hub.trusts.get(namespace, name))
        return await hub.trusts.edit(namespace, name, replace(found, is_enabled=is_enabled))

    made = with_app(data, work)
    if as_json:
        print_json(_described(made))
    else:
        print(f"{trust} is {'enabled' if is_enabled else 'disabled'} now.")


def _described_issuer(issuer: "Issuer") -> dict[str, object]:
    return {
        "name": issuer.name,
        "kind": str(issuer.kind),
        "url": issuer.url,
        "audiences": list(issuer.audiences),
        "has_keys": bool(issuer.keys),
        "allows_private": issuer.allows_private,
    }


def _described(trust: "Trust") -> dict[str, object]:
    return {
        "trust": trust.full_name,
        "issuer": trust.issuer,
        "conditions": [
            {"claim": each.claim, "values": list(each.values), "is_pattern": each.is_pattern}
            for each in trust.conditions
        ],
        "repositories": list(trust.repositories),
        "tags": list(trust.tags),
        "scope": str(trust.scope),
        "minutes": int(trust.session.total_seconds()) // 60,
        "is_enabled": trust.is_enabled,
        "uses": trust.uses,
        "last_used_at": trust.last_used_at.isoformat() if trust.last_used_at else None,
    }
