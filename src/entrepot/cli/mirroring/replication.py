"""`entrepot replication`: tags that are pushed to other registries."""

import random
import sys
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from entrepot.cli.common.output import (
    USAGE,
    Data,
    Json,
    Yes,
    confirm,
    counted,
    fail,
    print_json,
    print_table,
    with_app,
)
from entrepot.cli.mirroring.mirrors import (
    AllowPrivate,
    Networks,
    PasswordStdin,
    TokenHosts,
    User,
    parse_ttl,
    read_password,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entrepot.app import App
    from entrepot.jobs.replication import Attempt
    from entrepot.model.replication import (
        DeletionMode,
        ReplicationRule,
        ReplicationStatus,
        ReplicationTrigger,
        TaskLine,
    )

app = typer.Typer(
    no_args_is_help=True,
    help="Manage replication, the rules by which tags are pushed to other registries.",
    rich_markup_mode=None,
)
_SHOWN: Final = 20
_MOST_SHOWN: Final = 1000

Name = Annotated[str, typer.Argument(help="The rule's name, which stands for its destination.")]
Url = Annotated[str, typer.Option("--url", help="The URL of the registry to push to.")]
Repositories = Annotated[
    list[str] | None,
    typer.Option("--repository", help="A pattern of repositories, such as acme/*; default all."),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", help="A pattern of tags, such as v* or !*-rc*; by default all."),
]
Strip = Annotated[
    int, typer.Option("--strip", help="How many first components names lose at the registry.")
]
Prefix = Annotated[str, typer.Option("--prefix", help="What is put before names at the registry.")]
On = Annotated[
    str,
    typer.Option("--on", help="push: when a tag changes; schedule: by --every; or manual."),
]
Every = Annotated[
    str, typer.Option("--every", help="How often every tag is compared: 30m, 6h, 1d (the default).")
]
Deletes = Annotated[
    str, typer.Option("--deletes", help="never, or follow: deleted tags are deleted there too.")
]
NoAttachments = Annotated[
    bool, typer.Option("--no-attachments", help="Leave signatures, SBOMs and the like behind.")
]


@app.command("add")
def add(
    name: Name,
    url: Url = "",
    user: User = "",
    password_stdin: PasswordStdin = False,
    repository: Repositories = None,
    tag: Tags = None,
    strip: Strip = 0,
    prefix: Prefix = "",
    on: On = "push",
    every: Every = "",
    deletes: Deletes = "never",
    no_attachments: NoAttachments = False,
    allow_private_network: AllowPrivate = False,
    network: Networks = None,
    token_host: TokenHosts = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add a rule by which tags are pushed to another registry."""
    from entrepot.hub.replication import RuleSettings

    url = url or fail("say which registry: --url URL", USAGE)
    password = read_password() if password_stdin else ""
    named = tuple(repository or ()), tuple(tag or ())
    settings = replace(
        RuleSettings(url, user, password, *named, strip, prefix, _parse_trigger(on)),
        every=parse_ttl(every) if every else None,
        deletes=_parse_deletes(deletes),
        with_attachments=not no_attachments,
        allows_private=allow_private_network,
        networks=tuple(network or ()),
        token_hosts=tuple(token_host or ()),
    )
    made = with_app(data, lambda hub: hub.replication.add(name, settings))
    if as_json:
        print_json(_described(made))
    else:
        print(f"Added the replication rule {made.name} to {made.url}.")


def _parse_trigger(text: str) -> "ReplicationTrigger":
    from entrepot.model.replication import ReplicationTrigger

    if text not in set(ReplicationTrigger):
        fail(f"invalid trigger {text}: use push, schedule or manual", USAGE)
    return ReplicationTrigger(text)


def _parse_deletes(text: str) -> "DeletionMode":
    from entrepot.model.replication import DeletionMode

    if text not in set(DeletionMode):
        fail(f"invalid choice {text}: use never or follow", USAGE)
    return DeletionMode(text)


@app.command("list")
def list_rules(data: Data = None, as_json: Json = False) -> None:
    """List the rules."""
    found = with_app(data, lambda hub: hub.replication.list_all())
    if as_json:
        print_json([_described(each) for each in found])
        return
    rows = [
        (
            each.name,
            each.url,
            " ".join(each.repositories) or "*",
            " ".join(each.tags) or "*",
            each.trigger,
        )
        for each in found
    ]
    columns = ("NAME", "URL", "REPOSITORIES", "TAGS", "ON")
    print_table(columns, rows, "There are no replication rules.")


@app.command("show")
def show(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Show the settings of a rule."""
    described = _described(with_app(data, lambda hub: hub.replication.get(name)))
    if as_json:
        print_json(described)
        return
    rows = [
        (key.replace("_", " "), " ".join(value) if isinstance(value, list) else value)
        for key, value in described.items()
    ]
    print_table(("SETTING", "VALUE"), rows, "")


@app.command("test")
def ask_destination(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Ask the registry whether it answers, with the rule's credentials."""
    said = with_app(data, lambda hub: hub.replication.test(name))
    print_json({"name": name, "answer": said}) if as_json else print(f"{name}: {said}.")


@app.command("run")
def run(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Compare every tag of a rule with the registry now, and push what differs."""
    attempts: list[Attempt] = []

    async def work(hub: "App") -> "tuple[int, ReplicationStatus]":
        rule, count = await hub.replication.get(name), await hub.replication.run(name)
        await _drain(hub, rule, count, attempts)
        return count, await hub.replication.get_status(name)

    count, status = with_app(data, work)
    pushed = sum(each.transferred is not None and each.transferred.is_changed for each in attempts)
    sent = sum(each.sent for each in attempts)
    problems = [each for each in attempts if each.error is not None]
    if as_json:
        counts = {"name": name, "tags": count, "pushed": pushed, "sent_bytes": sent}
        errors = [
            {"tag": each.task.tag, "conflict": each.is_conflict, "error": str(each.error)}
            for each in problems[:_MOST_SHOWN]
        ]
        print_json(counts | _counts_of(status) | {"errors": errors})
    else:
        tags = counted(count, "tag")
        print(f"Compared {tags} with {name}, pushed {counted(pushed, 'tag')} ({sent:,} bytes).")
        for each in problems[:_SHOWN]:
            print(f"{each.task.tag}: {each.error}", file=sys.stderr)
    if status.waiting + status.conflicts + status.failed:
        told = f"{status.waiting} waiting, {status.conflicts} in conflict, {status.failed} failed"
        fail(f"{name} lacks tags: {told}; see: entrepot replication status {name}")


async def _drain(
    hub: "App", rule: "ReplicationRule", count: int, attempts: "list[Attempt]"
) -> None:
    """Do what is queued for a rule and show how far it is; workers of the hub help."""
    from entrepot.cli.common.progress import showing
    from entrepot.jobs.replication import ReplicationLane

    with showing(f"Replicating to {rule.name}", count) as bar:

        def note(attempt: "Attempt") -> None:
            attempts.append(attempt)
            bar.reach(len(attempts), max(count, len(attempts)))

        lane = ReplicationLane(hub.metadata, hub.replication_tasks, hub.now, random.random, note)
        try:
            await lane.drain(rule.id)
        finally:
            await lane.stop()


@app.command("status")
def status(
    name: Annotated[str, typer.Argument(help="A rule; by default all.")] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show how far destinations are behind, and what waits for one of them."""

    async def work(hub: "App") -> "tuple[list[ReplicationStatus], list[TaskLine], datetime]":
        if not name:
            return await hub.replication.list_status(), [], hub.now()
        lines = await hub.replication.list_tasks(name, _MOST_SHOWN)
        return [await hub.replication.get_status(name)], list(lines), hub.now()

    found, lines, now = with_app(data, work)
    if as_json:
        tasks = [
            {
                "repository": line.repository,
                "tag": line.tag,
                "state": str(line.state),
                "running": line.is_running,
                "sent_bytes": line.sent,
                "attempts": line.attempts,
                "behind_since": line.behind_since and line.behind_since.isoformat(),
                "next_attempt_at": line.run_at.isoformat(),
                "error": line.error,
            }
            for line in lines
        ]
        described = [_status_of(each, now) for each in found]
        print_json(described[0] | {"tasks": tasks} if name else described)
        return
    _print_status(found, lines, now)


def _print_status(
    found: "Sequence[ReplicationStatus]", lines: "Sequence[TaskLine]", now: datetime
) -> None:
    rows = [
        (
            each.rule.name,
            each.waiting,
            each.conflicts,
            each.failed,
            f"{each.lag(now):.0f} s",
            each.rule.problem or "well",
        )
        for each in found
    ]
    columns = ("NAME", "WAITING", "CONFLICTS", "FAILED", "LAG", "STATE")
    print_table(columns, rows, "There are no replication rules.")
    table = []
    for line in lines:
        state = f"sending, {line.sent:,} bytes" if line.is_running else line.state.value
        table.append((f"{line.repository}:{line.tag}", state, line.attempts, line.error))
    if table:
        print()
        print_table(("TAG", "STATE", "ATTEMPTS", "ERROR"), table, "")


@app.command("remove")
def remove(
    name: Name,
    yes: Yes = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Remove a rule; what it pushed stays where it is."""
    found = with_app(data, lambda hub: hub.replication.get(name))
    if not yes:
        confirm(f"Remove the replication rule {name} to {found.url}?")
    with_app(data, lambda hub: hub.replication.remove(name))
    if as_json:
        print_json({"name": name, "removed": True})
    else:
        print(f"Removed the replication rule {name}.")


def _described(rule: "ReplicationRule") -> dict[str, object]:
    """The rule as JSON; its password is never in it."""
    return {
        "name": rule.name,
        "url": rule.url,
        "username": rule.username,
        "has_password": bool(rule.secret),
        "repositories": list(rule.repositories),
        "tags": list(rule.tags),
        "strip": rule.strip,
        "prefix": rule.prefix,
        "on": str(rule.trigger),
        "every": rule.every,
        "deletes": str(rule.deletes),
        "attachments": rule.with_attachments,
        "allow_private_network": rule.allows_private,
        "networks": list(rule.networks),
        "token_hosts": list(rule.token_hosts),
        "created_at": rule.created_at.isoformat(),
    }


def _status_of(status: "ReplicationStatus", now: datetime) -> dict[str, object]:
    rule = status.rule
    return {
        "name": rule.name,
        "url": rule.url,
        **_counts_of(status),
        "lag_seconds": round(status.lag(now), 3),
        "sent_tags": rule.sent_tags,
        "sent_bytes": rule.sent_bytes,
        "succeeded_at": rule.succeeded_at and rule.succeeded_at.isoformat(),
        "compared_at": rule.queued_at and rule.queued_at.isoformat(),
    }


def _counts_of(status: "ReplicationStatus") -> dict[str, object]:
    return {
        "waiting": status.waiting,
        "running": status.running,
        "conflicts": status.conflicts,
        "failed": status.failed,
        "behind": status.behind,
        "problem": status.rule.problem,
    }
